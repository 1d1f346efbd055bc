"""A conversation is exported to a file, and imported again."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from threading import Event

import pytest

from desktop_app.chat.certainty import Certainty, Sureness, WordScore
from desktop_app.engine.messages import Ask
from desktop_app.services.conversation import exports, web_page
from desktop_app.ui.transcript.certainty import remark
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import expect_signal, wait_until
from tests.services.conftest import Desk


def converse(desk: Desk) -> None:
    """Have a conversation with a picture."""
    desk.ready()
    desk.attach()
    desk.services.chat.send("What is <it>?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(finished(desk.client.of(Ask)[-1], "A **red** picture."))
    wait_until(lambda: not desk.services.chat.is_busy())
    wait_until(lambda: len(desk.services.conversations.summaries()) == 1)


def test_a_web_page_and_markdown(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    for name in ("out.html", "out.md"):
        with expect_signal(desk.services.exports.exported):
            desk.services.exports.export(str(tmp_path / name))
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "What is &lt;it&gt;?" in page
    assert "<strong>red</strong>" in page
    assert "A **red** picture." in (tmp_path / "out.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("wish", "is_said"), [("off", False), ("quiet", False), ("full", True)])
def test_how_sure_the_model_was_is_exported_if_all_of_it_is_to_be_told(
    desk: Desk, tmp_path: Path, wish: str, is_said: bool
) -> None:
    desk.ready()
    desk.services.preferences.set("certainty", wish)
    desk.services.chat.send("Which colour?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    unsure = Certainty(Sureness.NOT_SURE, 0.4, (WordScore(0, 3, 0.4),))
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Red.")._replace(certainty=unsure))
    wait_until(lambda: not desk.services.chat.is_busy())
    for name in ("out.html", "out.md"):
        with expect_signal(desk.services.exports.exported):
            desk.services.exports.export(str(tmp_path / name), remark=remark)
        said = "The model was not sure of this answer. The model was not sure of these words: Red."
        assert (said in (tmp_path / name).read_text(encoding="utf-8")) == is_said


def test_json_comes_back_with_its_picture(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    first = desk.services.conversations.current_id()
    with expect_signal(desk.services.exports.exported):
        desk.services.exports.export(str(tmp_path / "out.json"))
    desk.services.exports.import_file(str(tmp_path / "out.json"))
    wait_until(lambda: len(desk.services.conversations.summaries()) == 2)
    wait_until(lambda: [m.text for m in desk.services.chat.messages()] == ["What is <it>?", "A **red** picture."])
    assert desk.services.conversations.current_id() != first
    assert len(desk.services.chat.messages()[0].pictures) == 1


def test_all_versions_come_back(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    desk.services.chat.regenerate(desk.services.chat.messages()[1].id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Another."))
    wait_until(lambda: not desk.services.chat.is_busy())
    with expect_signal(desk.services.exports.exported):
        desk.services.exports.export(str(tmp_path / "out.JSON"))
    desk.services.exports.import_file(str(tmp_path / "out.JSON"))
    wait_until(lambda: len(desk.services.conversations.summaries()) == 2)
    wait_until(lambda: [m.text for m in desk.services.chat.messages()] == ["What is <it>?", "Another."])
    assert desk.services.chat.messages()[1].sibling == (1, 2)


@pytest.mark.parametrize("ending", ["md", "MD", "html", "HTML", "json", "JSON"])
def test_the_ending_says_what_is_in_the_file(desk: Desk, tmp_path: Path, ending: str) -> None:
    converse(desk)
    target = tmp_path / f"out.{ending}"
    with expect_signal(desk.services.exports.exported):
        desk.services.exports.export(str(target))
    start = {"md": "# ", "html": "<!DOCTYPE", "json": "{"}[ending.lower()]
    assert target.read_text(encoding="utf-8").startswith(start)


def test_an_export_is_the_persons_own_file_and_is_told(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    plain = tmp_path / "plain"
    plain.touch()
    before = tmp_path / "before.html"
    before.touch()
    before.chmod(0o640)
    for name in ("out.html", "before.html", "out.json"):
        with expect_signal(desk.services.exports.exported):
            desk.services.exports.export(str(tmp_path / name))
    with expect_signal(desk.services.notices.posted):
        desk.services.previews.save_original(desk.services.chat.messages()[0].pictures[0].sha256, str(tmp_path / "o"))
    for name in ("out.html", "out.json", "o"):
        assert (tmp_path / name).stat().st_mode == plain.stat().st_mode
    assert stat.S_IMODE(before.stat().st_mode) == 0o640
    told = [(n.text_code, n.parameters["name"], n.actions[0].argument) for n in desk.notices if n.actions]
    files = ("out.html", "before.html", "out.json")
    assert told == [
        *(("exported", name, str(tmp_path / name)) for name in files),
        ("original-saved", "o", str(tmp_path / "o")),
    ]


def test_only_files_are_replaced(desk: Desk, tmp_path: Path) -> None:
    """A device or a pipe would become a file for everybody who uses it."""
    converse(desk)
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    with expect_signal(desk.services.notices.posted):
        desk.services.exports.export(str(pipe))
    with expect_signal(desk.services.notices.posted):
        desk.services.previews.save_original(desk.services.chat.messages()[0].pictures[0].sha256, str(pipe))
    assert [notice.text_code for notice in desk.notices] == ["not-saved", "not-saved"]
    assert pipe.is_fifo()


def test_an_original_that_cannot_be_saved_is_no_full_disk(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    kept = tmp_path / "kept.png"
    kept.write_bytes(b"before")
    picture = desk.services.chat.messages()[0].pictures[0].sha256
    desk.services.previews.save_original(picture, str(tmp_path / "nowhere" / "p.png"))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["not-saved"])
    desk.services.previews.save_original("0" * 64, str(kept))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["not-saved", "file-missing"])
    assert kept.read_bytes() == b"before"


def test_a_file_of_something_else_adds_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    desk.services.exports.import_file(str(tmp_path / "other.json"))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["import-damaged"])
    assert desk.services.conversations.summaries() == []


def test_a_folder_that_is_not_there_is_said(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    desk.services.exports.export(str(tmp_path / "nowhere" / "out.html"))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["not-saved"])


@pytest.mark.parametrize("ending", ["html", "md", "json"])
def test_another_conversation_than_the_open_one_is_exported(desk: Desk, tmp_path: Path, ending: str) -> None:
    converse(desk)
    other = desk.services.conversations.current_id()
    desk.services.conversations.new()
    wait_until(lambda: desk.services.chat.messages() == [])
    file = tmp_path / f"out.{ending}"
    with expect_signal(desk.services.exports.exported):
        desk.services.exports.export(str(file), None, other)
    assert "picture" in file.read_text(encoding="utf-8")
    assert desk.services.conversations.current_id() == ""


def test_pictures_do_not_wait_for_an_export(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converse(desk)
    go_on = Event()

    def slow(*_: object) -> Iterator[str]:
        yield "beginning"
        go_on.wait()
        yield "end"

    monkeypatch.setattr(web_page, "to_html", slow)
    with expect_signal(desk.services.exports.exported):
        desk.services.exports.export(str(tmp_path / "out.html"))
        desk.attach("second.png", "blue")
        go_on.set()
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == "beginningend"


def test_closing_does_not_wait_for_a_long_export(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converse(desk)
    target = tmp_path / "exported" / "out.html"
    target.parent.mkdir()
    monkeypatch.setattr(exports, "_LONGEST_CLOSING_S", 0.0)
    monkeypatch.setattr(web_page, "to_html", lambda *_: repeat("more"))
    desk.services.exports.export(str(target))
    wait_until(lambda: bool(list(target.parent.iterdir())))
    desk.services.close()
    assert not list(target.parent.iterdir())


def test_closing_finishes_a_short_export(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    desk.services.exports.export(str(tmp_path / "out.html"))
    desk.services.close()
    assert "What is &lt;it&gt;?" in (tmp_path / "out.html").read_text(encoding="utf-8")
