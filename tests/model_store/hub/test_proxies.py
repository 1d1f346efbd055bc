"""Which proxy is chosen, and that every connection goes through it."""

import urllib.request
from collections.abc import Iterator

import pytest

from model_store.errors import StoreError
from model_store.hub.client import Hub
from model_store.hub.http_client import Timeouts
from model_store.hub.proxies import proxy_for
from tests.helpers.fake_hub import FakeHub, fake_hub
from tests.helpers.fake_socks import fake_socks
from tests.random_models.small_gguf import gguf

QUICK = Timeouts(connect=1, answer=1, stall=0.3, slow=0.3)
URL = "https://a.example"


@pytest.fixture
def served() -> Iterator[FakeHub]:
    with fake_hub() as hub:
        hub.publish("someone/x", {"x.gguf": gguf(3000, 1)})
        yield hub


@pytest.mark.parametrize("address", ["socks4://x", "ftp://x:1", "x:3128", "http://", "http://x:many"])
def test_what_is_no_proxy_is_refused_at_once(address: str) -> None:
    with pytest.raises(StoreError, match=r"http://name:port or socks5://name:port"):
        Hub(proxy=address)


@pytest.mark.parametrize(
    ("told", "proxy"),
    [
        ({}, ""),
        ({"https": "http://system.example:3128", "all": "socks5://other.example"}, "http://system.example:3128"),
        ({"https": "system.example:3128"}, "http://system.example:3128"),
        ({"all": "socks5h://system.example:1080"}, "socks5h://system.example:1080"),
        ({"http": "http://system.example:3128"}, ""),  # not for encrypted connections
        ({"https": "socks4://system.example:1080"}, "socks5://system.example:1080"),  # Windows
        ({"socks": "http://system.example:1080"}, "socks5://system.example:1080"),  # macOS
    ],
)
def test_the_proxy_of_the_system(told: dict[str, str], proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "getproxies", lambda: told)
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: host == "inside.example")
    assert proxy_for(URL, "") == proxy
    assert proxy_for(URL, "http://own.example:1") == "http://own.example:1"
    assert [proxy_for(url, "") for url in ("https://inside.example/x", "http://127.0.0.1:1/")] == ["", ""]
    assert proxy_for(URL, "none") == ""


def test_a_proxy_of_the_system_that_nobody_understands_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "gopher://system.example"})
    with pytest.raises(StoreError, match=r"gopher://system\.example.*is not a proxy address"):
        Hub(timeouts=QUICK).repository("someone/x")


def test_goes_through_an_http_proxy(served: FakeHub) -> None:
    """A proxy gets whole addresses: the fake one does not know them, and the Hub hears nothing."""
    with pytest.raises(StoreError), fake_hub() as proxy:
        Hub(served.endpoint, proxy=proxy.endpoint, timeouts=QUICK).repository("someone/x")
    assert served.requests == []
    assert proxy.requests[0].path.startswith(f"{served.endpoint}/api/models/someone/x")


@pytest.mark.parametrize("user", [None, ("ann", "pässword: x")])
def test_goes_through_a_socks_proxy_which_looks_up_the_names(served: FakeHub, user: tuple[str, str] | None) -> None:
    port = int(served.endpoint.rpartition(":")[2])
    with fake_socks(user) as proxy:
        address = f"socks5://{'ann:p%C3%A4ssword%3A%20x@' if user else ''}{proxy.place}"
        hub = Hub(f"http://localhost:{port}", proxy=address, timeouts=QUICK)
        (file,) = hub.repository("someone/x").files
        assert hub.read_range(file, 10, 2000) == gguf(3000, 1)[10:2000]
        hub.close()
    assert set(proxy.asked) == {("localhost", port), ("127.0.0.1", int(served.cdn.rpartition(":")[2]))}


@pytest.mark.parametrize(
    ("name", "refusal", "code"),
    [("ann:wrong@", 0, "proxy-refused"), ("", 0, "proxy-refused"), ("", 5, "no-connection")],
)
def test_a_socks_proxy_that_refuses_is_said(served: FakeHub, name: str, refusal: int, code: str) -> None:
    with fake_socks(None if refusal else ("ann", "secret"), refusal) as proxy:
        hub = Hub(served.endpoint, proxy=f"socks5://{name}{proxy.place}", timeouts=QUICK)
        with pytest.raises(StoreError) as caught:
            hub.repository("someone/x")
    assert caught.value.code == code
    assert served.requests == []


def test_an_http_proxy_that_wants_a_password_is_said() -> None:
    with fake_hub() as proxy, pytest.raises(StoreError, match="needs a user name and a password"):
        Hub("https://hub.example", proxy=proxy.endpoint, timeouts=QUICK).repository("someone/x")


def test_what_is_no_socks_proxy_is_said(served: FakeHub) -> None:
    place = served.endpoint.removeprefix("http://")
    with pytest.raises(StoreError, match="cannot be reached"):
        Hub(served.endpoint, proxy=f"socks5://{place}", timeouts=QUICK).repository("someone/x")
