"""The page of releases: what is requested, and which answers are accepted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from model_store.errors import StoreError
from model_store.hub.releases import Release, ReleasePage
from tests.helpers.release_server import ReleaseServer, closed_port
from tests.helpers.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    with ReleaseServer() as made:
        yield made


def refused(page: ReleasePage) -> StoreError:
    with pytest.raises(StoreError) as caught:
        page.newest()
    return caught.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_version_is_read_from_the_address(server: ReleaseServer, status: int) -> None:
    server.leads, server.status = {"/releases/latest": "/releases/tag/v1.2.3"}, status
    assert ReleasePage(server.home).newest() == Release("v1.2.3", f"{server.home}/releases/tag/v1.2.3")


def test_one_question_is_sent_and_nothing_about_who_asks(server: ReleaseServer) -> None:
    server.leads = {"/releases/latest": f"{server.home}/releases/tag/v1.2.3"}
    ReleasePage(f"{server.home}/").newest()
    [(method, path, headers)] = server.asked
    assert (method, path) == ("HEAD", "/releases/latest")
    assert headers == {
        "Host": server.home.removeprefix("http://"),
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "User-Agent": "Eyebright",
    }


def test_a_home_that_was_renamed_is_followed_without_its_cookies(server: ReleaseServer) -> None:
    server.leads = {
        "/old/releases/latest": "/new/releases/latest",
        "/new/releases/latest": "/new/releases/tag/v2.0.0",
    }
    assert ReleasePage(f"{server.home}/old").newest().address == f"{server.home}/new/releases/tag/v2.0.0"
    assert [path for _method, path, _headers in server.asked] == ["/old/releases/latest", "/new/releases/latest"]
    assert not any("Cookie" in headers for _method, _path, headers in server.asked)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "/releases",
        "/releases/latest",
        "/releases/tag/",
        "/releases/tag/v1.2.3/assets",
        "/login?next=/releases/tag/v1.2.3",
        "ftp://127.0.0.1/releases/tag/v1.2.3",
        "https://other.test/releases/tag/v1.2.3",
        "//127.0.0.1/releases/tag/v1.2.3",
        "http://[broken/releases/tag/v1.2.3",
        "/releases/tag/" + "9" * 200,
    ],
)
def test_what_leads_elsewhere_is_not_understood(server: ReleaseServer, target: str) -> None:
    server.leads = {"/releases/latest": target}
    assert refused(ReleasePage(server.home)).code == "release-not-understood"
    assert len(server.asked) <= 3


def test_another_server_is_not_even_asked(server: ReleaseServer) -> None:
    with ReleaseServer("/releases/tag/v9.0.0") as other:
        server.leads = {"/releases/latest": f"{other.home}/releases/latest"}
        assert refused(ReleasePage(server.home)).code == "release-not-understood"
        assert other.asked == []


@pytest.mark.parametrize("status", [200, 404])
def test_a_page_that_leads_nowhere_is_not_understood(server: ReleaseServer, status: int) -> None:
    server.leads, server.status = {"/releases/latest": "/releases/tag/v1.2.3"}, status
    error = refused(ReleasePage(server.home))
    assert (error.code, error.parameters) == ("release-not-understood", {"host": "127.0.0.1"})


@pytest.mark.parametrize(
    "answer", [b"\0\1\2\3\r\n\r\n", b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: \xff\xfe\r\n\r\n"]
)
def test_garbage_is_not_understood(server: ReleaseServer, answer: bytes) -> None:
    server.answer = answer
    assert refused(ReleasePage(server.home)).code == "release-not-understood"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_named(server: ReleaseServer, status: int) -> None:
    server.leads, server.status = {"/releases/latest": "/"}, status
    error = refused(ReleasePage(server.home))
    assert (error.code, error.parameters["status"]) == ("server-failed", status)


def test_nobody_there() -> None:
    error = refused(ReleasePage(closed_port()))
    assert error.code == "releases-unreachable"
    assert str(error).startswith("127.0.0.1 cannot be reached to check for updates.")


def test_a_server_that_does_not_answer_is_given_up(server: ReleaseServer) -> None:
    server.hold()
    assert refused(ReleasePage(server.home, deadline_s=0.2)).code == "releases-unreachable"
    assert len(server.asked) == 1


def test_an_answer_that_never_ends_is_given_up(server: ReleaseServer) -> None:
    server.drip()
    assert refused(ReleasePage(server.home, deadline_s=0.3)).code == "releases-unreachable"


def test_an_answer_that_breaks_off_is_none(server: ReleaseServer) -> None:
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: /releases/tag/v1.2.3"  # and no end of it
    assert refused(ReleasePage(server.home)).code == "releases-unreachable"


def test_only_this_computer_may_be_asked_without_encryption() -> None:
    assert refused(ReleasePage("http://releases.test")).code == "connection-not-safe"


def test_a_proxy_is_used(server: ReleaseServer) -> None:
    home = closed_port()
    server.leads = {f"{home}/releases/latest": "/releases/tag/v1.2.3"}
    assert ReleasePage(home, server.home).newest().tag == "v1.2.3"
    assert refused(ReleasePage(home, "none")).code == "releases-unreachable"


def test_a_proxy_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError, match=r"“squid” is not a proxy address"):
        ReleasePage("https://releases.test", "squid")


def test_closing_ends_the_question_at_once(server: ReleaseServer) -> None:
    server.hold()
    page = ReleasePage(server.home, deadline_s=10_000)
    codes: list[str] = []
    asking = threading.Thread(target=lambda: codes.append(refused(page).code))
    asking.start()
    wait_until(lambda: bool(server.asked))
    page.close()
    asking.join()
    assert codes == ["releases-unreachable"]
