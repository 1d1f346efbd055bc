"""A conversation is exported to a file, and imported again."""

from __future__ import annotations

from pathlib import Path

from desktop_app.engine.messages import Ask
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
    assert "A **red** picture." in (tmp_path / "out.md").read_text(encoding="utf-8")


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


def test_a_file_of_something_else_adds_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    desk.services.exports.import_file(str(tmp_path / "other.json"))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["import-damaged"])
    assert desk.services.conversations.summaries() == []


def test_a_folder_that_is_not_there_is_said(desk: Desk, tmp_path: Path) -> None:
    converse(desk)
    desk.services.exports.export(str(tmp_path / "nowhere" / "out.html"))
    wait_until(lambda: [notice.text_code for notice in desk.notices] == ["not-saved"])
