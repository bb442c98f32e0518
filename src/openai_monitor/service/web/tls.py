"""The listener's certificate."""

import logging
import ssl
import time
from pathlib import Path

from openai_monitor import system
from openai_monitor.errors import SettingsError
from openai_monitor.service.web.settings import Tls

LOOK_EVERY = 10.0

_log = logging.getLogger(__name__)


class Certificate:
    """A server's TLS context, whose certificate is read again when its files change."""

    def __init__(self, settings: Tls) -> None:
        """Read the files; raises SettingsError."""
        self._settings = settings
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._look_at = 0.0
        self._stamps = self._stamps_now()
        self._load()

    def context(self) -> ssl.SSLContext:
        """Give the context, with the certificate as it is now; one that is broken does not replace a good one."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY
            stamps = self._stamps_now()
            if stamps != self._stamps:
                self._stamps = stamps
                self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            # Into another one first: a chain without its key would leave the context with neither.
            Certificate(self._settings)
            self._load()
        except SettingsError as error:
            _log.warning("web: the new certificate is not used, the old one is: %s", error)
        else:
            _log.info("web: the certificate %s was renewed", self._settings.certificate)

    def _load(self) -> None:
        certificate, key = self._settings.certificate, self._settings.key
        try:
            # With an empty password a key that has one fails; without one OpenSSL would ask the terminal.
            self._context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            why = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "PEM is expected"
            raise SettingsError(f"{certificate} with the key {key} is no certificate for the listener: {why}") from None
        except OSError as error:
            raise SettingsError(f"{certificate} or {key} can't be read: {system.words(error)}") from None

    def _stamps_now(self) -> list[tuple[int, int] | None]:
        return [_stamp(path) for path in (self._settings.certificate, self._settings.key)]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
