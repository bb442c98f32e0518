"""TLS: checked against the system's certificates and those one names; each refusal has its own sentence."""

import datetime as dt
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.collect.transport.conftest import Fetch, Serve, Start
from tests.collect.transport.web import Asked, Said, Server, moved, ok, request_to

from openai_monitor.collect.request import Request
from openai_monitor.collect.transport.tls import client_context
from openai_monitor.errors import CollectionError, SettingsError
from openai_monitor.rows import Code

Tls = Callable[..., ssl.SSLContext]


@pytest.fixture
def certified(authority: trustme.CA) -> Tls:
    """What a server with a certificate for these names shows."""

    def certified(*names: str, **options: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, **options).configure_cert(context)
        return context

    return certified


def https(server: Server, target: str = "/", **options: object) -> Request:
    return request_to(server, target, scheme="https", **options)


def failing(fetch: Fetch, request: Request, **settings: object) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        fetch(request, **settings)
    return caught.value


def test_a_named_authority_is_trusted(serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, ca_file: Path) -> None:
    server = serve(ok(), tls=server_tls)
    request = https(server, headers=(("Authorization", "Bearer sess-fake"),), sensitive=True)
    assert fetch(request, ca_file=ca_file).status == 200
    assert server.asked[0].header("Authorization") == "Bearer sess-fake"


def test_the_name_is_checked_too(serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, ca_file: Path) -> None:
    assert fetch(https(serve(ok(), tls=server_tls), host="localhost"), ca_file=ca_file).status == 200


def test_ssl_cert_file_is_honoured(
    serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert fetch(https(serve(ok(), tls=server_tls))).status == 200


def test_ssl_cert_dir_is_honoured(
    *,
    serve: Serve,
    fetch: Fetch,
    ca_file: Path,
    server_tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    openssl = shutil.which("openssl") or pytest.skip("no openssl here to name the file as OpenSSL looks for it")
    command = [str(openssl), "x509", "-hash", "-noout", "-in", str(ca_file)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(ca_file, tmp_path / f"{name}.0")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert fetch(https(serve(ok(), tls=server_tls))).status == 200


def test_many_requests_share_one_context(
    serve: Serve, server_tls: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from tests.collect.transport.web import send

    from openai_monitor.collect.transport import client

    made: list[Path | None] = []

    def make(file: Path | None) -> ssl.SSLContext:
        made.append(file)
        return client_context(file)

    monkeypatch.setattr(client, "client_context", make)
    one, other = serve(ok(), tls=server_tls), serve(ok(), tls=server_tls)
    asyncio.run(send(https(one), https(one), https(other), ca_file=ca_file))
    assert made == [ca_file]
    assert (one.connections, other.connections) == (1, 1)


def test_the_context_checks_everything() -> None:
    context = client_context(None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_unknown_authority_is_not_trusted(serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext) -> None:
    server = serve(ok(), tls=server_tls)
    error = failing(fetch, https(server))
    assert error.code is Code.UN_CONNECTABLE
    assert str(error) == (
        f"the certificate of {server.place} is not trusted: if your company signs its own or looks into TLS, "
        "name its certificate with --ca-file (network.ca_file in a monitors file)"
    )
    assert server.asked == []


def test_a_certificate_for_another_name(serve: Serve, fetch: Fetch, certified: Tls, ca_file: Path) -> None:
    for host in ("127.0.0.1", "localhost"):
        error = failing(fetch, https(serve(ok(), tls=certified("api.test")), host=host), ca_file=ca_file)
        assert "is made out to another name: check the host" in str(error)
        assert error.code is Code.UN_CONNECTABLE


class Flawed:
    """An authority as companies have made them by hand, and a server's certificate of it."""

    def __init__(self, flaw: str) -> None:
        self._flaw = flaw
        self._key = ec.generate_private_key(ec.SECP256R1())
        known = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.authority = self._sign("authority", self._key, {
            "basic constraints": (x509.BasicConstraints(ca=True, path_length=None), "not critical" not in flaw),
            "key usage": (_MAY_SIGN, True),
            "subject key identifier": (known, False),
        })  # fmt: skip
        self._server_key = ec.generate_private_key(ec.SECP256R1())
        self._server = self._sign("server", self._server_key, {
            "name": (x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False),
            "authority key identifier": (
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            ),
        })  # fmt: skip

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, extensions: dict[str, tuple[x509.ExtensionType, bool]]
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(
            subject_name=_named(name), issuer_name=_named("authority"), public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=1), not_valid_after=now + dt.timedelta(days=9),
        )  # fmt: skip
        for what, (extension, critical) in extensions.items():
            if what != self._flaw:
                builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())

    def write(self, folder: Path) -> tuple[ssl.SSLContext, Path]:
        """What the server shows, and the file with the authority."""
        authority, server = folder / "authority.pem", folder / "server.pem"
        authority.write_bytes(self.authority.public_bytes(Encoding.PEM))
        key = self._server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        server.write_bytes(key + self._server.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server)
        return context, authority


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


_MAY_SIGN = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@pytest.fixture(params=[False, True], ids=["lax", "strict"])
def strict(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Python before 3.13, and from then on."""
    make, strict = ssl.create_default_context, bool(request.param)

    def make_so() -> ssl.SSLContext:
        context = make()
        others = context.verify_flags & ~ssl.VERIFY_X509_STRICT
        context.verify_flags = others | ssl.VERIFY_X509_STRICT if strict else others
        return context

    monkeypatch.setattr(ssl, "create_default_context", make_so)
    return strict


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("key usage", "a CA without key usage"),
        ("basic constraints", "signed by one that is not marked as a CA"),
        ("not critical", "a CA whose basic constraints are not critical"),
        ("subject key identifier", "a CA without a subject key identifier"),
        ("authority key identifier", "no authority key identifier"),
        ("none", None),
    ],
)
def test_a_named_authority_that_was_made_without_care(
    serve: Serve, fetch: Fetch, tmp_path: Path, strict: bool, flaw: str, said: str | None
) -> None:
    tls, ca_file = Flawed(flaw).write(tmp_path)
    server = serve(ok(), tls=tls)
    if said is None or not strict:
        assert fetch(https(server), ca_file=ca_file).status == 200
        return
    error = failing(fetch, https(server), ca_file=ca_file)
    assert error.code is Code.UN_CONNECTABLE
    assert str(error) == (
        f"the certificate of {server.place}, or of its CA, breaks RFC 5280 ({said}): its owner has to have it made "
        "anew; Python checks such things from 3.13 on"
    )


def test_python_decides_how_strict_it_is() -> None:
    assert client_context(None).verify_flags == ssl.create_default_context().verify_flags


def test_an_expired_certificate(serve: Serve, fetch: Fetch, certified: Tls, ca_file: Path) -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    tls = certified("127.0.0.1", not_before=past - dt.timedelta(days=9), not_after=past)
    error = failing(fetch, https(serve(ok(), tls=tls)), ca_file=ca_file)
    assert "has expired: its owner has to renew it" in str(error)
    assert error.code is Code.UN_CONNECTABLE


def test_a_certificate_of_tomorrow(serve: Serve, fetch: Fetch, certified: Tls, ca_file: Path) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    tls = certified("127.0.0.1", not_before=soon, not_after=soon + dt.timedelta(days=9))
    error = failing(fetch, https(serve(ok(), tls=tls)), ca_file=ca_file)
    assert "is not valid yet: check this machine's clock" in str(error)


def test_https_to_a_plain_port(fetch: Fetch) -> None:
    class Plain(Server):
        def talk(self, connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Plain() as server:
        error = failing(fetch, https(server))
    assert str(error) == f"{server.place} does not speak TLS: check the port, or set ssl to false if it is plain http"
    assert error.code is Code.UN_CONNECTABLE


class Greeter(Server):
    """Speaks first, as mail and SSH servers do."""

    def talk(self, connection: socket.socket) -> None:
        connection.sendall(b"220 mail.test ready\r\n")
        connection.recv(4096)


def test_https_to_a_server_that_speaks_first(start: Start, fetch: Fetch) -> None:
    error = failing(fetch, https(start(Greeter()), timeout=2.0))
    assert "does not speak TLS" in str(error)


class Hanging(Server):
    """Takes the connection and says nothing; or closes it at the first word."""

    def __init__(self, closes: bool) -> None:
        super().__init__()
        self._closes = closes

    def talk(self, connection: socket.socket) -> None:
        while connection.recv(4096) and not self._closes:
            pass


def test_a_handshake_that_does_not_end(start: Start, fetch: Fetch) -> None:
    server = start(Hanging(closes=False))
    error = failing(fetch, https(server, timeout=0.2))
    assert str(error) == f"the TLS handshake with {server.place} took longer than 0.2 s: check that the port speaks TLS"
    assert error.code is Code.UN_CONNECTABLE


def test_a_handshake_that_breaks_off(start: Start, fetch: Fetch) -> None:
    error = failing(fetch, https(start(Hanging(closes=True))))
    assert "closed the connection in the TLS handshake" in str(error)
    assert error.code is Code.UN_CONNECTABLE


def test_plain_http_to_a_tls_port(serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext) -> None:
    class Alerting(Server):
        def talk(self, connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

    with Alerting() as server:
        error = failing(fetch, request_to(server))
    assert str(error) == f"{server.place} speaks TLS, but was asked in plain http: set ssl to true"
    assert error.code is Code.UN_CONNECTABLE
    assert failing(fetch, request_to(serve(ok(), tls=server_tls))).code in (Code.FAIL, Code.UN_CONNECTABLE)


def test_a_server_that_wants_a_client_certificate(
    serve: Serve, fetch: Fetch, certified: Tls, authority: trustme.CA, ca_file: Path
) -> None:
    tls = certified("127.0.0.1")
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    error = failing(fetch, https(serve(ok(), tls=tls)), ca_file=ca_file)
    assert error.code in (Code.FAIL, Code.UN_CONNECTABLE)
    assert (
        "client certificate" in str(error)
        or "cut the connection" in str(error)
        or "closed the connection" in str(error)
    )


def test_a_server_of_the_past(serve: Serve, fetch: Fetch, certified: Tls, ca_file: Path) -> None:
    tls = certified("127.0.0.1")
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        tls.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    error = failing(fetch, https(serve(ok(), tls=tls)), ca_file=ca_file)
    assert "older than 1.2" in str(error)


def test_a_redirect_from_https_to_http_carries_nothing(
    serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    plain = serve(ok())
    server = serve(moved(f"http://{plain.place}/"), tls=server_tls)
    request = https(server, headers=(("Authorization", "Bearer sess-fake"),), sensitive=True)
    assert fetch(request, ca_file=ca_file).status == 200
    assert plain.asked[0].header("Authorization") is None


def test_a_secure_cookie_goes_back_over_tls(
    serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    def say(asked: Asked) -> Said:
        if asked.target == "/":
            return ok(b"", "Set-Cookie: sid=abc; Secure", "Location: /new", status="302 Found")
        return ok()

    server = serve(say, tls=server_tls)
    fetch(https(server), ca_file=ca_file)
    assert server.asked[1].header("Cookie") == "sid=abc"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "--ca-file"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "which does not exist"),
        ("", "which holds no certificate"),
        ("junk", "which holds no certificate"),
    ],
)
def test_a_named_file_has_to_hold_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None, problem: str
) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    if name == "SSL_CERT_FILE":
        monkeypatch.setenv(name, str(file))
    with pytest.raises(SettingsError) as caught:
        client_context(file if name == "--ca-file" else None)
    assert str(caught.value) == f"{name} names {file}, {problem}: name a PEM file with the certificates to trust"


def test_a_folder_is_no_certificate_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--ca-file names .*: name a PEM file"):
        client_context(tmp_path)


def test_a_named_folder_has_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match=r"SSL_CERT_DIR names .*missing, which is no folder"):
        client_context(None)


def test_the_fault_shows_when_the_first_https_request_comes(
    serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pem"
    assert fetch(request_to(serve(ok())), ca_file=missing).status == 200
    with pytest.raises(SettingsError, match="which does not exist"):
        fetch(https(serve(ok(), tls=server_tls)), ca_file=missing)
