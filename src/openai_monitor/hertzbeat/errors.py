"""What can go wrong between a collector and its manager.

::

    MonitorError
    ├── ProtocolError     bytes that are not the manager's protocol
    └── JobError          a job that can't be run; the message says why
"""

from openai_monitor.errors import MonitorError


class ProtocolError(MonitorError):
    """Bytes that are not the protocol: the connection they came over can't be read any further."""


class JobError(MonitorError):
    """A job of the manager that can't be run as it stands."""
