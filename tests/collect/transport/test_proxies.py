"""Which proxy the environment names."""

import pytest

from openai_monitor.collect.transport.proxies import Proxies, Proxy
from openai_monitor.errors import SettingsError


def found(environ: dict[str, str], scheme: str = "https", host: str = "api.test", port: int = 443) -> Proxy | None:
    return Proxies(environ).find(scheme, host, port)


@pytest.mark.parametrize(
    ("environ", "scheme", "source"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https", "HTTPS_PROXY"),
        ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:2"}, "https", "https_proxy"),
        ({"HTTPS_PROXY": "http://p:1"}, "http", None),
        ({"HTTP_PROXY": "http://p:1"}, "http", "HTTP_PROXY"),
        ({"HTTP_PROXY": "http://p:1"}, "https", None),
        ({"ALL_PROXY": "socks5://p:1"}, "https", "ALL_PROXY"),
        ({"all_proxy": "socks5://p:1"}, "http", "all_proxy"),
        ({"HTTPS_PROXY": "http://p:1", "ALL_PROXY": "socks5://q:2"}, "https", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "http://p:1"}, "https", "ALL_PROXY"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://p:1"}, "https", None),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, "http", None),
        ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, "http", "http_proxy"),
        ({}, "https", None),
    ],
)
def test_the_variable_that_counts(environ: dict[str, str], scheme: str, source: str | None) -> None:
    proxy = found(environ, scheme)
    assert (proxy and proxy.source) == source
    assert proxy is None or proxy.host == "p"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://proxy.test:3128", ("http", "proxy.test", 3128, "", "")),
        ("http://proxy.test/", ("http", "proxy.test", 80, "", "")),
        ("proxy.test:3128", ("http", "proxy.test", 3128, "", "")),
        ("https://[::1]:8443", ("https", "::1", 8443, "", "")),
        ("socks5://proxy.test", ("socks5", "proxy.test", 1080, "", "")),
        ("SOCKS5H://proxy.test:9", ("socks5h", "proxy.test", 9, "", "")),
        ("http://me:p%40ss%3Aword@proxy.test:1", ("http", "proxy.test", 1, "me", "p@ss:word")),
    ],
)
def test_its_address(address: str, expected: tuple[object, ...]) -> None:
    proxy = found({"HTTPS_PROXY": address})
    assert proxy is not None
    assert (proxy.scheme, proxy.host, proxy.port, proxy.username, proxy.password) == expected


@pytest.mark.parametrize(
    "address",
    [
        "socks4://me:sess-fake@p:1",
        "http://me:sess-fake@",
        "http://me:sess-fake@p:port",
        "http://me:sess-fake@[p:1",
        "sess-fake://",
    ],
)
def test_an_address_that_can_not_be_used_is_a_setting_to_mend(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        found({"HTTPS_PROXY": address})
    assert (
        str(caught.value)
        == "HTTPS_PROXY holds no proxy address: expected http://host:port, https://, socks5:// or socks5h://"
    )


def test_it_does_not_disturb_who_does_not_need_it() -> None:
    assert found({"ALL_PROXY": "socks://nonsense", "NO_PROXY": "api.test"}) is None


def test_credentials_are_not_shown() -> None:
    proxy = found({"HTTPS_PROXY": "http://me:sess-fake@proxy.test:3128"})
    assert str(proxy) == "the proxy proxy.test:3128 (from HTTPS_PROXY)"
    assert "sess-fake" not in repr(proxy)
    assert "me" not in repr(proxy).replace("scheme", "")


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("*", "api.test", 443, True),
        ("api.test", "api.test", 443, True),
        ("API.TEST.", "api.test", 443, True),
        ("api.test", "API.Test.", 443, True),
        ("test", "api.test", 443, True),
        (".test", "api.test", 443, True),
        ("*.test", "api.test", 443, True),
        ("pi.test", "api.test", 443, False),
        ("other.test, api.test", "api.test", 443, True),
        ("other.test api.test", "api.test", 443, True),
        ("api.test:443", "api.test", 443, True),
        ("api.test:8443", "api.test", 443, False),
        ("127.0.0.1", "127.0.0.1", 443, True),
        ("127.0.0.1:80", "127.0.0.1", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "api.test", 443, False),
        ("::1", "::1", 443, True),
        ("[::1]:443", "::1", 443, True),
        ("[::1]:80", "::1", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("127.0.0.1", "::1", 443, False),
        ("", "api.test", 443, False),
        (" , ", "api.test", 443, False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, port: int, direct: bool) -> None:
    environ = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": no_proxy}
    assert (found(environ, host=host, port=port) is None) is direct
