"""Who may see what rows say."""

import asyncio
import base64
import threading
from collections import deque
from pathlib import Path

import pytest
from tests.service.web.clients import connect, get, listening, sink_with

from openai_monitor.service.web import authentication, server
from openai_monitor.service.web.authentication import hash_password
from openai_monitor.service.web.settings import PasswordHash, WebSettings


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def statuses(given: dict[str, object], *headers: str, path: str = "/metrics") -> list[int]:
    async def main() -> list[int]:
        async with listening(sink_with(), authentication=given) as web:
            return [(await get(web, path, **({"Authorization": each} if each else {}))).status for each in headers]

    return asyncio.run(main())


def test_a_token_out_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("tok-fake\n")
    given: dict[str, object] = {"bearer": {"file": str(tmp_path / "token")}}
    right, wrong = "Bearer tok-fake", ("", "Bearer", "Bearer tok-fak", "Bearer tok-fakee", "Basic tok-fake", "tok-fake")
    assert statuses(given, right, "bearer tok-fake", *wrong) == [200, 200] + [401] * len(wrong)


def test_a_password_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_FAKE", "pässword:1")
    given: dict[str, object] = {"basic": {"username": "ann", "password": {"env": "WEB_FAKE"}}}
    wrong = (basic("bob", "pässword:1"), basic("ann", "x"), basic("", ""), "Basic ***", "Basic", "Bearer pässword:1")
    assert statuses(given, basic("ann", "pässword:1"), *wrong) == [200] + [401] * len(wrong)


def test_a_password_that_is_only_known_hashed() -> None:
    hashed = hash_password("pw-fake")
    assert "pw-fake" not in hashed
    given: dict[str, object] = {"basic": {"username": "ann", "password": {"hash": hashed}}}
    right, wrong = basic("ann", "pw-fake"), basic("ann", "pw-fakf")
    assert statuses(given, right, wrong, right, wrong) == [200, 401, 200, 401]


def test_a_token_that_is_only_known_hashed() -> None:
    assert statuses({"bearer": {"hash": hash_password("tok-fake")}}, "Bearer tok-fake", "Bearer x") == [200, 401]


def test_either_will_do_where_both_are_set() -> None:
    given: dict[str, object] = {
        "bearer": {"hash": hash_password("tok-fake")},
        "basic": {"username": "a", "password": {"hash": hash_password("pw-fake")}},
    }
    assert statuses(given, "Bearer tok-fake", basic("a", "pw-fake"), "") == [200, 200, 401]


def test_a_refusal_says_what_is_wanted_and_covers_all_that_tells_of_monitors(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("tok-fake")

    async def main() -> None:
        async with listening(sink_with(), authentication={"bearer": {"file": str(tmp_path / "token")}}) as web:
            for path in ("/metrics", "/probe?monitor=acme", "/", "/nothing"):
                got = await get(web, path)
                assert (got.status, got.headers["www-authenticate"]) == (401, 'Bearer realm="openai-monitor"')
            for path in ("/healthz", "/readyz"):
                assert (await get(web, path)).status == 200

    asyncio.run(main())


def test_nobody_is_let_in_while_the_secret_can_not_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert statuses({"bearer": {"file": str(tmp_path / "none")}}, "Bearer x", "Bearer ") == [503, 503]
    assert "nobody is let in" in caplog.text


def test_a_command_is_not_run_for_each_request(tmp_path: Path) -> None:
    script = tmp_path / "give"
    script.write_text(f"#!/bin/sh\necho x >> {tmp_path}/runs\necho tok-fake\n")
    script.chmod(0o755)
    given: dict[str, object] = {"bearer": {"command": [str(script)]}}
    assert statuses(given, *["Bearer tok-fake"] * 5) == [200] * 5
    assert (tmp_path / "runs").read_text() == "x\n"


class Hashing:
    """scrypt that is held, and says what it hashed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashed: list[str] = []
        self.go = threading.Semaphore(0)
        self.begun = threading.Event()
        self._scrypt = authentication._scrypt
        monkeypatch.setattr(authentication, "_scrypt", self.scrypt)

    def scrypt(self, text: str, like: PasswordHash) -> bytes:
        self.hashed.append(text)
        self.begun.set()
        assert self.go.acquire(timeout=30)
        return self._scrypt(text, like)


def test_a_password_that_was_right_before_waits_for_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "SLOWER", 0.0)
    given = {"basic": {"username": "ann", "password": {"hash": hash_password("pw-fake")}}}

    async def main() -> None:
        async with listening(sink_with(), authentication=given) as web:
            assert (await get(web, "/metrics", Authorization=basic("ann", "pw-fake"))).status == 200
            hashing = Hashing(monkeypatch)
            guesses = [asyncio.create_task(get(web, "/metrics", Authorization=basic("ann", f"{n}"))) for n in range(30)]
            await asyncio.to_thread(hashing.begun.wait, 30)
            for _ in range(3):  # while not one guess has been hashed to its end
                assert (await get(web, "/metrics", Authorization=basic("ann", "pw-fake"))).status == 200
            hashing.go.release(30)
            assert {got.status for got in await asyncio.gather(*guesses)} == {401}

    asyncio.run(main())


def test_a_password_that_comes_while_many_guess_is_soon_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "SLOWER", 0.0)
    given = {"basic": {"username": "ann", "password": {"hash": hash_password("pw-fake")}}}
    hashing = Hashing(monkeypatch)

    async def main() -> None:
        async with listening(sink_with(), authentication=given) as web:
            guard = web._guard
            assert guard is not None
            guesses = [asyncio.create_task(guard.allows(basic("ann", f"{n}"))) for n in range(30)]
            await asyncio.sleep(0)
            right = asyncio.create_task(guard.allows(basic("ann", "pw-fake")))
            await asyncio.sleep(0)
            given_up = asyncio.create_task(guard.allows(basic("ann", "given up")))
            await asyncio.sleep(0)
            given_up.cancel()
            hashing.go.release(4)
            assert await right
            assert len(hashing.hashed) <= 5
            hashing.go.release(30)
            assert not any(await asyncio.gather(*guesses))
            assert "1" in hashing.hashed[:5]  # and the first does not wait for ever

    asyncio.run(main())


def test_the_more_is_guessed_the_longer_an_answer_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "SLOWER", 0.02)
    guard = authentication.Guard(
        WebSettings.model_validate({"authentication": {"bearer": {"hash": hash_password("a")}}}).authentication  # type: ignore[arg-type]
    )
    assert [round(guard._delay() / 0.02) for _ in range(3)] == [1, 2, 3]
    guard._guesses = deque(each - 6 for each in guard._guesses)
    assert round(guard._delay() / 0.02) == 1


def test_whoever_guesses_on_all_connections_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 4)
    monkeypatch.setattr(authentication, "SLOWER", 60.0)
    given = {"basic": {"username": "ann", "password": {"hash": hash_password("pw-fake")}}}

    async def main() -> None:
        async with listening(sink_with(), authentication=given) as web:
            clients = [await connect(web) for _ in range(6)]
            asked = []
            for number, client in enumerate(clients):
                asked.append(asyncio.create_task(client.ask("/metrics", Authorization=basic("ann", str(number)))))
                await asyncio.sleep(0.02)
            async with asyncio.timeout(20):
                assert (await get(web, "/metrics", Authorization=basic("ann", "pw-fake"))).status == 200
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(main())


def test_a_wrong_password_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_MOST_WRONG", 2)
    monkeypatch.setattr(authentication, "SLOWER", 0.0)
    hashing = Hashing(monkeypatch)
    hashing.go.release(100)
    hashed: dict[str, object] = {"bearer": {"hash": hash_password("tok-fake")}}
    assert statuses(hashed, *["Bearer a"] * 5, "Bearer b", "Bearer a", "Bearer c", "Bearer a") == [401] * 9
    assert hashing.hashed == ["a", "b", "c", "a"]


def test_a_command_that_fails_is_not_run_for_each_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = tmp_path / "give"
    script.write_text(f"#!/bin/sh\necho x >> {tmp_path}/runs\nexit 1\n")
    script.chmod(0o755)
    assert statuses({"bearer": {"command": [str(script)]}}, *["Bearer tok-fake"] * 5) == [503] * 5
    assert (tmp_path / "runs").read_text() == "x\n"
    assert caplog.text.count("nobody is let in") == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bearer": "tok-fake"},
        {"bearer": {"hash": "tok-fake"}},
        {"bearer": {"hash": hash_password("x").replace("16384", "16385")}},
        {"bearer": {"hash": hash_password("x").replace("$16384$8$", "$1048576$99$")}},
        {"basic": {"username": "a:b", "password": {"env": "X"}}},
        {"basic": {"username": "", "password": {"env": "X"}}},
        {"basic": {"username": "a", "password": "pw-fake"}},
        {"bearer": {"hash": hash_password("x"), "env": "X"}},
    ],
)
def test_what_can_not_be_meant_is_refused_without_showing_it(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="authentication") as caught:
        WebSettings.model_validate({"authentication": given})
    assert not [error for error in caught.value.errors(include_input=False) if "fake" in str(error)]  # type: ignore[attr-defined]
