"""Rounds posted as JSON: the body, what the answers mean, and an end that is down."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
import trustme
from tests.sinks.events import BILLING, COST, CREDIT, PRIVATE, SECRET, event, refused, result, text
from tests.sinks.receiver import Receiver, receiver, until

from openai_monitor.sinks import SINKS, Sink, Surroundings, buffered


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffered, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(buffered, "LONGEST_PAUSE", 0.02)


def sink(url: str, **given: object) -> Sink:
    settings = SINKS["webhook"].settings.model_validate({"url": url, **given})
    return SINKS["webhook"].make(settings, Surroundings())


def here(server: Receiver) -> str:
    return f"http://127.0.0.1:{server.port}/hook?a=b"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def test_the_body_holds_rounds_with_their_rows() -> None:
    async def main() -> Receiver:
        async with receiver() as server:
            made = sink(here(server), headers={"X-Team": "ml"})
            made.offer(event(CREDIT, COST))
            made.offer(event(refused("credit_grants"), name="b"))
            await made.start()
            await made.close(5)
            assert made.health().ok
            return server

    (posted,) = asyncio.run(main()).posted
    assert posted.target == "/hook?a=b"
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["x-team"] == "ml"
    first, second = json.loads(posted.body)["rounds"]
    assert (first["monitor"], first["app"], first["tags"], first["trouble"]) == ("acme", "openai", {"team": "ml"}, None)
    assert first["started"] == "2026-11-22T19:50:00.120Z"
    assert first["metrics"][1]["rows"][0] == {"model_name": "gpt-4o", "cost": 1.06619}
    assert first["metrics"][1]["fields"][1] == {"name": "cost", "type": "number", "unit": "USD", "label": False}
    assert (second["monitor"], second["trouble"]) == ("b", "key_refused")
    assert second["metrics"][0]["trouble"] == "key_refused"
    assert second["metrics"][0]["code"] == "FAIL"


def bodies(*events_given: object, **given: object) -> str:
    async def main() -> str:
        async with receiver() as server:
            made = sink(here(server), **given)
            for each in events_given:
                made.offer(each)  # type: ignore[arg-type]
            await made.start()
            await made.close(5)
            return "".join(posted.body.decode() for posted in server.posted)

    return asyncio.run(main())


def test_private_fields_stay_at_home_and_secrets_are_masked() -> None:
    body = bodies(event(BILLING))
    assert "Pay as you go" in body
    assert "***" in body
    assert not [cell for cell in (*PRIVATE, SECRET) if cell in body]


def test_what_is_named_is_sent_and_what_is_left_out_is_not() -> None:
    body = bodies(event(BILLING), include=["billing_email", "token"], leave_out=["plan"])
    assert "ann@example.com" in body
    assert "Pay as you go" not in body
    assert SECRET not in body


def test_whatever_a_text_holds_the_body_is_json() -> None:
    body = bodies(event(result("x", (text("t"),), ('\ud800"\n',))))
    assert json.loads(body)["rounds"][0]["metrics"][0]["rows"] == [{"t": '?"\n'}]


def test_an_end_that_is_down_gets_everything_when_it_is_up_again() -> None:
    async def main() -> None:
        port = free_port()
        made = sink(f"http://127.0.0.1:{port}/")
        await made.start()
        made.offer(event(COST, name="a"))
        await until(lambda: not made.health().ok)
        assert made.health().buffered == 2
        assert f"127.0.0.1:{port}" in made.health().detail
        made.offer(event(COST, name="b"))
        async with receiver(port) as server:
            await until(lambda: made.health().ok)
            await made.close(5)
            told = [each["monitor"] for posted in server.posted for each in json.loads(posted.body)["rounds"]]
        assert told == ["a", "b"]
        assert made.health().dropped == 0

    asyncio.run(main())


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503, 302])
def test_what_may_pass_is_tried_again(status: int) -> None:
    async def main() -> None:
        async with receiver() as server:
            server.status = status
            made = sink(here(server))
            await made.start()
            made.offer(event(CREDIT))
            await until(lambda: len(server.posted) > 1)
            assert str(status) in made.health().detail
            assert made.health().buffered == 1
            server.status = 200
            await until(lambda: made.health().ok)
            await made.close(5)
            assert made.health().dropped == 0

    asyncio.run(main())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_for_good_is_lost_and_counted(status: int) -> None:
    async def main() -> None:
        async with receiver() as server:
            server.status = status
            made = sink(here(server))
            await made.start()
            made.offer(event(COST))
            await until(lambda: made.health().dropped == 2)
            assert str(status) in made.health().detail
            server.status = 200
            made.offer(event(COST))
            await until(lambda: made.health().ok)
            await made.close(5)
            assert len(server.posted) == 2

    asyncio.run(main())


def test_secrets_are_read_each_time_and_never_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with receiver() as server:
            (tmp_path / "auth").write_text("Bearer tok-fake-1\n")
            (tmp_path / "url").write_text(here(server) + "&key=url-fake")
            server.status = 401
            made = sink({"file": str(tmp_path / "url")}, headers={"Authorization": {"file": str(tmp_path / "auth")}})  # type: ignore[arg-type]
            await made.start()
            made.offer(event(CREDIT))
            await until(lambda: len(server.posted) > 1)
            assert server.posted[0].headers["authorization"] == "Bearer tok-fake-1"
            assert "key=url-fake" in server.posted[0].target
            (tmp_path / "auth").write_text("Bearer tok-fake-2\n")
            server.status = 200
            await until(lambda: made.health().ok)
            assert server.posted[-1].headers["authorization"] == "Bearer tok-fake-2"
            (tmp_path / "auth").unlink()
            made.offer(event(CREDIT))
            await until(lambda: "can't be read" in made.health().detail)
            assert "fake" not in made.health().detail + repr(made)
            await made.close(0)

    asyncio.run(main())
    assert "fake" not in caplog.text


def test_a_secret_goes_over_plain_http_to_this_machine_only(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("Bearer tok-fake")

    async def main() -> None:
        made = sink("http://192.0.2.1/", headers={"Authorization": {"file": str(tmp_path / "auth")}})
        await made.start()
        made.offer(event(CREDIT))
        await until(lambda: not made.health().ok)
        assert "allow_plaintext_token" in made.health().detail
        await made.close(0)

    asyncio.run(main())


def test_over_tls_with_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    import ssl

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def main() -> None:
        async with receiver(tls=context) as server:
            url = f"https://127.0.0.1:{server.port}/"
            trusting, other = sink(url, ca_file=str(tmp_path / "ca.pem")), sink(url)
            for made in (trusting, other):
                await made.start()
                made.offer(event(CREDIT))
            await until(lambda: len(server.posted) == 1 and not other.health().ok)
            assert "certificate" in other.health().detail
            await trusting.close(1)
            await other.close(0)

    asyncio.run(main())


@pytest.mark.parametrize("url", ["ftp://x/", "example.com", "https://", "http://user:pw-fake@x/", "https://x:99999/"])
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        sink(url)
    assert "pw-fake" not in str(caught.value.errors(include_input=False))  # type: ignore[attr-defined]
