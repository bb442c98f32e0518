"""The listener: ``/metrics``, ``/probe?monitor=NAME``, ``/healthz`` and ``/readyz``.

::

    settings.py         the section ``web`` of the monitors file
    server.py           HTTP over sockets, with limits; the parsing is h11's
    authentication.py   who may see what rows say
    hosts.py            under which names it is asked
    seldom.py           what strangers may cause in the log
    tls.py              the certificate, read again when it changes
    site.py             what is answered: Web and Site
"""
