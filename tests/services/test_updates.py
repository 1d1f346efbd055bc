"""The check for updates: a real server, real connections, and what the person is told."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from desktop_app import __home__
from desktop_app.services.background import Background
from desktop_app.services.updates import Updates
from tests.helpers.release_server import ReleaseServer, closed_port
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import Desk


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    with ReleaseServer() as made:
        yield made


class Asking:
    """Updates on a desk: what is posted and withdrawn meanwhile."""

    def __init__(
        self,
        desk: Desk,
        home: str,
        version: str = "0.1.0",
        deadline_s: float = 60.0,
        thread: type[Background] = Background,
    ) -> None:
        notices = desk.services.notices
        self.thread = thread("updates", notices)
        self.updates = Updates(desk.services.preferences, notices, self.thread, home, version, deadline_s)
        self.notices = desk.notices
        self.withdrawn: list[str] = []
        notices.withdrawn.connect(self.withdrawn.append)

    def wait(self) -> None:
        """Wait for the answer: the first question loads the library for it, which takes a busy computer a while."""
        wait_until(lambda: not self.updates.is_asking(), 120)

    def answer(self) -> tuple[str, dict[str, object], list[str]]:
        """Ask, and return the code, the parameters and the actions of what is said in the end."""
        self.updates.check()
        asking = self.notices[-1]
        assert (asking.text_code, asking.parameters, asking.sticky) == ("updates-asking", {"host": "127.0.0.1"}, True)
        self.wait()
        assert self.withdrawn == [asking.id]
        told = self.notices[-1]
        return told.text_code, dict(told.parameters), [action.code for action in told.buttons]


@pytest.fixture
def ask(desk: Desk) -> Iterator[list[Asking]]:
    """Keeps what a test asks with, and closes it."""
    made: list[Asking] = []
    yield made
    for one in made:
        one.updates.close()


def asking(ask: list[Asking], desk: Desk, home: str, version: str = "0.1.0", deadline_s: float = 60.0) -> Asking:
    ask.append(Asking(desk, home, version, deadline_s))
    return ask[-1]


def test_a_newer_version_is_told_and_its_page_can_be_opened(
    ask: list[Asking], desk: Desk, server: ReleaseServer
) -> None:
    server.leads = {"/releases/latest": "/releases/tag/v0.2.0"}
    one = asking(ask, desk, server.home)
    assert one.updates.page() == f"{server.home}/releases/latest"
    assert one.answer() == ("updates-found", {"newest": "0.2.0", "version": "0.1.0"}, ["open-releases"])
    assert desk.notices[-1].sticky
    assert one.updates.page() == f"{server.home}/releases/tag/v0.2.0"


@pytest.mark.parametrize("tag", ["v0.1.0", "0.1.0", "v0.0.9", "v0.2.0-rc.1"])
def test_the_same_an_older_or_an_unfinished_version_is_no_news(
    ask: list[Asking], desk: Desk, server: ReleaseServer, tag: str
) -> None:
    server.leads = {"/releases/latest": f"/releases/tag/{tag}"}
    one = asking(ask, desk, server.home)
    assert one.answer() == ("updates-none", {"version": "0.1.0"}, [])
    assert one.updates.page() == f"{server.home}/releases/latest"


def test_an_unfinished_version_gets_the_next_unfinished_one(
    ask: list[Asking], desk: Desk, server: ReleaseServer
) -> None:
    server.leads = {"/releases/latest": "/releases/tag/v0.2.0-rc.2"}
    told = asking(ask, desk, server.home, version="0.2.0-rc.1").answer()
    assert told[:2] == ("updates-found", {"newest": "0.2.0-rc.2", "version": "0.2.0-rc.1"})


@pytest.mark.parametrize("tag", ["", "latest", "v1.2", "%3Cb%3E0.2.0%3C%2Fb%3E"])
def test_what_is_no_version_is_said_and_the_page_offered(
    ask: list[Asking], desk: Desk, server: ReleaseServer, tag: str
) -> None:
    server.leads = {"/releases/latest": f"/releases/tag/{tag}"}
    told = asking(ask, desk, server.home).answer()
    assert told == ("release-not-understood", {"host": "127.0.0.1"}, ["open-releases"])
    assert desk.notices[-1].kind == "error"


def test_another_host_is_not_believed(ask: list[Asking], desk: Desk, server: ReleaseServer) -> None:
    server.leads = {"/releases/latest": "https://other.test/releases/tag/v9.0.0"}
    one = asking(ask, desk, server.home)
    assert one.answer()[0] == "release-not-understood"
    assert one.updates.page() == f"{server.home}/releases/latest"


def test_without_a_connection_it_is_said(ask: list[Asking], desk: Desk) -> None:
    assert asking(ask, desk, closed_port()).answer() == ("releases-unreachable", {"host": "127.0.0.1"}, [])
    assert desk.notices[-1].kind == "error"


def test_a_server_that_says_nothing_is_given_up(ask: list[Asking], desk: Desk, server: ReleaseServer) -> None:
    server.hold()
    assert asking(ask, desk, server.home, deadline_s=0.2).answer()[0] == "releases-unreachable"


def test_it_can_be_asked_again_and_once_at_a_time(ask: list[Asking], desk: Desk, server: ReleaseServer) -> None:
    server.leads = {"/releases/latest": "/releases/tag/v0.1.0"}
    one = asking(ask, desk, server.home)
    one.updates.check()
    one.updates.check()
    one.wait()
    assert [notice.text_code for notice in desk.notices] == ["updates-asking", "updates-asking", "updates-none"]
    assert len(server.asked) == 1
    server.leads = {"/releases/latest": "/releases/tag/v0.1.1"}
    one.updates.check()
    one.wait()
    assert desk.notices[-1].text_code == "updates-found"
    assert len(server.asked) == 2


def test_the_proxy_of_the_settings_is_used(ask: list[Asking], desk: Desk, server: ReleaseServer) -> None:
    home = closed_port()
    server.leads = {f"{home}/releases/latest": "/releases/tag/v0.2.0"}
    desk.services.preferences.set("proxy", server.home)
    assert asking(ask, desk, home).answer()[0] == "updates-found"


def test_a_build_without_a_home_asks_nobody(ask: list[Asking], desk: Desk) -> None:
    """A connection to anywhere else would fail the test by itself."""
    one = asking(ask, desk, "https://eyebright.example")
    one.updates.check()
    assert not one.updates.is_asking()
    assert [notice.text_code for notice in desk.notices] == ["updates-no-address"]


def test_the_end_of_the_program_does_not_wait_for_an_answer(desk: Desk, server: ReleaseServer) -> None:
    server.hold()
    one = Asking(desk, server.home, deadline_s=10_000)
    one.updates.check()
    wait_until(lambda: bool(server.asked))
    one.updates.close()  # the server still holds its answer back
    pump(0)
    assert [notice.text_code for notice in desk.notices] == ["updates-asking"]


def test_the_end_comes_before_the_question_has_begun(desk: Desk, server: ReleaseServer) -> None:
    server.hold()
    closing = threading.Event()

    class BusyUntilTheEnd(Background):
        def close(self) -> None:
            closing.set()
            super().close()

    one = Asking(desk, server.home, deadline_s=10_000, thread=BusyUntilTheEnd)
    one.thread.run(closing.wait)
    one.updates.check()
    one.updates.close()
    assert [notice.text_code for notice in desk.notices] == ["updates-asking"]


def test_the_program_builds_it_and_ends_it(desk: Desk) -> None:
    assert desk.services.updates is desk.services.updates
    assert desk.services.updates.page() == f"{__home__}/releases/latest"
    assert urlsplit(__home__).scheme == "https"


def test_what_speaks_with_the_network_waits_until_it_is_pressed() -> None:
    code = "import sys, desktop_app.services.updates; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"httpx2", "httpcore2", "ssl", "model_store.hub.releases"} & set(found.stdout.split())
