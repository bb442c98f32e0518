"""Being a collector of a HertzBeat cluster, and putting definitions into its manager.

The road of a job: ``link`` stays connected, ``connection``, ``framing`` and ``messages`` make messages of bytes,
``session`` answers them, ``jobs`` and ``kinds`` read a job and the definition in it, ``assignments`` knows which
jobs are ours, ``runner`` runs them on the service's scheduler, ``tables`` and ``arrow`` turn their rows into what the
manager stores, and ``outbox`` holds those until they are sent. ``node`` is all of it.
"""
