"""Asking over HTTP: one kept client a run, checked TLS, limits, and every failure with a code and a sentence.

This package alone knows the HTTP client, and is imported when the first request is made.

::

    exchange.py    one request as a whole: redirects, digest, cookies
    client.py      one request and its answer
    connection.py  what an HTTP engine does; engine_httpcore.py, engine_httptools.py
    over_httpx.py  the same through a transport of httpx that the program brings
    wire.py        what stands on the wire beside the request's own headers
    pool.py        kept connections
    dial.py        how a connection is made: straight, to this machine only, through a proxy
    stream.py      one TCP or TLS connection
    guard.py       who may see a secret
    body.py, cookies.py, digest.py, redirect.py, proxies.py, tls.py
    reach.py       the way to a server step by step, and certificate.py, what is found there
    failures.py    what can go wrong below, in our words
"""

from openai_monitor.collect.transport.cookies import Session
from openai_monitor.collect.transport.exchange import Transport
from openai_monitor.collect.transport.settings import TransportSettings

__all__ = ["Session", "Transport", "TransportSettings"]
