"""The one TLS context of a run: the system's certificates, always checked."""

import os
import ssl
from pathlib import Path

from openai_monitor.collect.transport.settings import CA_FILE
from openai_monitor.errors import SettingsError


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the system's certificates (or those SSL_CERT_FILE and SSL_CERT_DIR name) and ``ca_file``.

    Raises SettingsError for a named file or folder that can't be used: OpenSSL would ignore it in silence.
    It takes some 20 ms.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if named := os.environ.get("SSL_CERT_FILE"):
        _add(context, Path(named), "SSL_CERT_FILE names")
    if folders := os.environ.get("SSL_CERT_DIR"):
        _check_folders(folders)
    if ca_file is not None:
        _add(context, ca_file, "--ca-file names")
    elif not _trusts_anything(context):
        raise SettingsError(
            "this system has no certificates where Python looks for them: "
            f"install the package ca-certificates, or name a file of certificates with {CA_FILE}"
        )
    return context


def _add(context: ssl.SSLContext, file: Path, who: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        problem = "which holds no certificate"
    except (FileNotFoundError, ValueError):  # the latter for a NUL in its name
        problem = "which does not exist"
    except OSError as error:
        problem = f"which can't be read ({error.strerror})"
    else:
        return
    raise SettingsError(f"{who} {file}, {problem}: name a PEM file with the certificates to trust")


def _check_folders(folders: str) -> None:
    if not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise SettingsError(
            f"SSL_CERT_DIR names {folders}, which is no folder: name one that holds certificates, or unset it"
        )


def _trusts_anything(context: ssl.SSLContext) -> bool:
    # Certificates in a folder are loaded when they are needed, so the statistics do not count them.
    return bool(context.cert_store_stats()["x509_ca"] or ssl.get_default_verify_paths().capath)
