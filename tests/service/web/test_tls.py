"""The listener over TLS."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from tests.service.web.clients import Client, connect, listening, no_probe, sink_with
from tests.sinks.events import COST, CREDIT, event

from openai_monitor.errors import SettingsError
from openai_monitor.service.web import server, tls
from openai_monitor.service.web.settings import Tls, WebSettings
from openai_monitor.service.web.site import Site, Web


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def write(folder: Path, authority: trustme.CA, name: str = "127.0.0.1") -> dict[str, str]:
    certificate = authority.issue_cert(name)
    certificate.private_key_pem.write_to_path(str(folder / "new-key.pem"))
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(str(folder / "new-cert.pem"), append=number > 0)
    (folder / "new-key.pem").replace(folder / "key.pem")
    (folder / "new-cert.pem").replace(folder / "cert.pem")
    return {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_page_over_tls(tmp_path: Path, authority: trustme.CA) -> None:
    async def main() -> None:
        # Large enough to take many turns.
        sink = sink_with(*(event(CREDIT, COST, name=str(number)) for number in range(300)))
        async with listening(sink, tls=write(tmp_path, authority)) as web:
            client = await connect(web, trusting(authority))
            for _ in range(2):
                got = await client.ask("/metrics")
                assert got.status == 200
                assert len(got.body) > 200_000
            assert (await client.ask("/healthz", Connection="close")).status == 200
            assert await client.is_closed()

    asyncio.run(main())


def test_plain_http_gets_no_answer_and_takes_nobodys_place(tmp_path: Path, authority: trustme.CA) -> None:
    async def main() -> None:
        async with listening(tls=write(tmp_path, authority)) as web:
            client = await connect(web)
            await client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.answer()
            again = await connect(web, trusting(authority))
            assert (await again.ask("/healthz")).status == 200
            again.close()

    asyncio.run(main())


def test_who_never_ends_a_handshake_is_cut_off_and_keeps_nobody_out(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 1.0)

    async def main() -> None:
        async with listening(tls=write(tmp_path, authority)) as web:
            holding = [await connect(web) for _ in range(server.MOST_CONNECTIONS * 2)]
            client = await connect(web, trusting(authority))
            assert (await client.ask("/healthz")).status == 200
            assert await holding[-1].is_closed()
            client.close()

    asyncio.run(main())


def test_a_renewed_certificate_is_used_without_a_restart(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls, "LOOK_EVERY", 0.0)
    second = trustme.CA()

    async def asks(web: Web, trusted: trustme.CA) -> bool:
        try:
            client: Client = await connect(web, trusting(trusted))
        except ssl.SSLError:
            return False
        assert (await client.ask("/healthz")).status == 200
        client.close()
        return True

    async def main() -> None:
        async with listening(tls=write(tmp_path, authority)) as web:
            assert await asks(web, authority)
            write(tmp_path, second)
            assert await asks(web, second)
            assert not await asks(web, authority)
            (tmp_path / "cert.pem").write_text("broken")
            assert await asks(web, second)
            (tmp_path / "key.pem").unlink()
            assert await asks(web, second)

    asyncio.run(main())
    assert caplog.text.count("the old one is") == 2


def web_of(given: dict[str, str]) -> Web:
    return Web(WebSettings(tls=Tls.model_validate(given)), Site(lambda: None, no_probe, lambda: ""))


def test_files_that_can_not_be_used_are_told_at_the_start(tmp_path: Path, authority: trustme.CA) -> None:
    async def main() -> None:
        with pytest.raises(SettingsError, match="can't be read: No such file"):
            web_of({"certificate": str(tmp_path / "a"), "key": str(tmp_path / "b")})
        given = write(tmp_path, authority)
        authority.issue_cert("other").private_key_pem.write_to_path(given["key"])
        with pytest.raises(SettingsError, match="do not belong together"):
            web_of(given)
        (tmp_path / "cert.pem").write_text("nonsense")
        with pytest.raises(SettingsError, match="PEM is expected"):
            web_of(given)

    asyncio.run(main())
