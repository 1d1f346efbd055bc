"""Data that earlier versions left on disk open in this version, and nothing is lost.

`tests/data/homes` holds a home of every released version, written by `tests/recording/home.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app import paths
from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Message, Picture
from desktop_app.chat.history import History
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.settings import SETTINGS
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from model_store.library.installed import State
from model_store.library.library import Library
from tests.helpers.waiting import expect_signal, pump, wait_until
from tests.recording.home import HOMES, MOST_BYTES, keep
from tests.services.conftest import Desk, open_desk

VERSIONS = sorted(folder.name for folder in HOMES.iterdir())
TODAY = "what is written today"
_LONG_AGO_S = 1_770_000_000.0  # since 1970


@dataclass
class Earlier:
    """A copy of an earlier version's home, opened, and what has to be in it."""

    desk: Desk
    expected: dict[str, Any]
    exported: Path

    def open(self, conversation_id: str) -> list[Message]:
        """Open a conversation and return its path."""
        services = self.desk.services
        if services.conversations.current_id() != conversation_id:
            with expect_signal(services.chat.reset):
                services.conversations.open(conversation_id)
        return services.chat.messages()


@pytest.fixture(params=[*VERSIONS, TODAY])
def kept(request: pytest.FixtureRequest, tmp_path: Path, qapp: QApplication) -> Path:
    """A folder that `keep_data` wrote, to be used up."""
    folder = tmp_path / "kept"
    if request.param == TODAY:
        keep(folder)
    else:
        shutil.copytree(HOMES / request.param, folder)
    for path in folder.rglob("*"):
        os.utime(path, (_LONG_AGO_S, _LONG_AGO_S))  # as on a person's disk: tidying up spares what is new
    return folder


@pytest.fixture
def earlier(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Earlier]:
    monkeypatch.setenv("EYEBRIGHT_HOME", str(kept / "home"))
    desk = open_desk(tmp_path)
    with expect_signal(desk.services.conversations.listed):
        pass
    yield Earlier(desk, json.loads((kept / "expected.json").read_text("utf-8")), kept / "exported.json")
    desk.services.close()
    assert [notice for notice in desk.notices if notice.kind != "info"] == [], "nothing was to be complained of"


def pictures(found: tuple[Picture, ...]) -> list[list[str | int]]:
    return [[one.sha256, one.name, one.width, one.height] for one in found]


def told(message: Message) -> dict[str, Any]:
    """A message in the words of `expected.json`."""
    return {
        "id": message.id,
        "role": message.role.value,
        "text": message.text,
        "pictures": pictures(message.pictures),
        "parent": message.parent,
        "state": message.state.value,
        "created": message.created,
        "details": message.details,
        "sibling": list(message.sibling),
    }


def drafted(desk: Desk) -> dict[str, Any]:
    draft = desk.services.draft
    return {"text": draft.text(), "pictures": pictures(tuple(one.picture for one in draft.pictures() if one.picture))}


def test_every_released_version_has_left_something() -> None:
    assert VERSIONS
    for version in VERSIONS:
        files = [path for path in (HOMES / version).rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) <= MOST_BYTES


def test_settings_are_as_they_were(earlier: Earlier) -> None:
    value = earlier.desk.services.preferences.value
    wanted = earlier.expected["settings"]
    if wanted.pop("picture_glance", False):  # what 0.1.0 wrote for a quick look
        wanted["picture_look"] = "quick"
    assert {name: value(name) for name in wanted} == wanted
    assert all(value(name) == SETTINGS[name].default for name in set(SETTINGS) - set(wanted))


def test_conversations_branches_and_drafts_are_all_there(earlier: Earlier) -> None:
    services, wanted = earlier.desk.services, earlier.expected["conversations"]
    rows = [[row.id, row.title, row.updated, row.picture] for row in services.conversations.summaries()]
    assert rows == [[one["id"], one["title"], one["updated"], one["picture"]] for one in wanted]
    wait_until(lambda: drafted(earlier.desk) == earlier.expected["draft"])
    for one in wanted:
        # Notes are made anew of what the answers say, where those of earlier versions may be untrue.
        path = [message for message in one["path"] if message["role"] != "note"]
        assert [told(message) for message in earlier.open(one["id"])] == path
        wait_until(lambda: drafted(earlier.desk) == one["draft"])  # noqa: B023 - waited for here
        for switch in one["switches"]:
            with expect_signal(services.chat.reset):
                services.chat.show_sibling(switch["message"], switch["step"])
            assert [message.id for message in services.chat.messages()] == switch["path"]


def test_what_was_deleted_is_gone_and_can_be_brought_back(kept: Path) -> None:
    wanted = json.loads((kept / "expected.json").read_text("utf-8"))
    history, problem = History.open(kept / "home" / "data" / "conversations.sqlite")
    assert problem is None
    gone = wanted["deleted"]
    assert gone["id"] not in {row.id for row in history.summaries()}
    assert history.search(gone["words"]) == []
    history.undelete(gone["id"])
    assert [(row.id, row.title) for row in history.search(gone["words"])] == [(gone["id"], gone["title"])]
    assert history.problems() == []
    history.close()


def test_pictures_are_whole_and_none_is_thrown_away(earlier: Earlier) -> None:
    attachments = Attachments(paths.attachments_folder())
    earlier.desk.services.close()  # what begins by itself at the start has ended
    for sha256 in earlier.expected["pictures"]:
        assert attachments.verify(sha256)
        assert attachments.thumbnail_path(sha256).read_bytes().startswith(b"\x89PNG")
        assert attachments.preview_path(sha256).exists()


def test_words_are_found(earlier: Earlier) -> None:
    conversations = earlier.desk.services.conversations
    for words, wanted in earlier.expected["searches"].items():
        assert (words, found_by(conversations, words)) == (words, wanted)


def found_by(conversations: Conversations, words: str) -> list[str]:
    with expect_signal(conversations.found) as calls:
        conversations.search(words)
    return [summary.id for summary in calls[0][1]]


def test_a_conversation_is_exported_as_it_was(earlier: Earlier, tmp_path: Path) -> None:
    exports = earlier.desk.services.exports
    for one in earlier.expected["conversations"]:
        earlier.open(one["id"])
        spoken = [message for message in one["path"] if message["role"] != "note"]
        with expect_signal(exports.exported, times=3):
            for ending in ("json", "md", "html"):
                exports.export(str(tmp_path / f"out.{ending}"))
        content = json.loads((tmp_path / "out.json").read_text("utf-8"))
        written = [message["text"] for message in content["messages"]]  # all versions of them
        assert [text for text in written if text in {m["text"] for m in spoken}] == [m["text"] for m in spoken]
        assert set(content["pictures"]) >= {shown[0] for message in spoken for shown in message["pictures"]}
        for ending in ("md", "html"):
            page = (tmp_path / f"out.{ending}").read_text("utf-8")
            assert one["title"] in page
            assert all(message["text"].split()[-1].strip("*`.?") in page for message in spoken if message["text"])


def test_what_was_exported_comes_back(earlier: Earlier) -> None:
    services = earlier.desk.services
    known = len(services.conversations.summaries())
    services.exports.import_file(str(earlier.exported))
    wait_until(lambda: len(services.conversations.summaries()) == known + 1)
    wait_until(lambda: bool(services.chat.messages()))
    messages = services.chat.messages()
    assert [[message.text, pictures(message.pictures)] for message in messages] == earlier.expected["exported"]


def test_an_installed_model_is_known_and_right(earlier: Earlier) -> None:
    library, wanted = Library(paths.models_folder()), earlier.expected["model"]
    [model] = library.models()
    assert {
        "id": model.id,
        "title": model.title,
        "licence": model.licence,
        "quantisation": model.manifest.quantisation,
        "repository": model.manifest.repository,
        "files": [[file.role.value, file.path.name, file.size, file.sha256] for file in model.files],
        "last_used": model.last_used,
    } == wanted
    assert library.verify(model.id).state is State.OK


def test_the_window_opens_as_it_was_left(earlier: Earlier, qapp: QApplication) -> None:
    theme.install(qapp, "light")
    theme.set_still(True)
    window = MainWindow(earlier.desk.services)
    try:
        window.show()
        pump(0)
        shape = {"width": window.width(), "height": window.height(), "text_size": theme.zoom()}
        assert shape == earlier.expected["window"]
        assert theme.is_dark() == (earlier.expected["settings"]["theme"] == "dark")
        earlier.open(earlier.expected["conversations"][0]["id"])
        pump(0)
        assert window.pages.currentWidget() is window.transcript
    finally:
        window.close()
        window.deleteLater()
        theme.set_zoom(100)
        theme.set_preference("light")
        theme.set_still(None)
        pump(0)


def test_the_same_is_written_each_time(qapp: QApplication, tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        keep(tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        contents.append({str(path.relative_to(tmp_path / name)): digest for path, digest in digests.items()})
    assert contents[0] == contents[1]
