"""Dragging over the window: it answers, and takes what it can use."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from PySide6.QtCore import QByteArray, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture, png
from tests.helpers.waiting import pump

COPY = Qt.DropAction.CopyAction
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def files(*names: str) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(f"/pictures/{name}") for name in names])
    return mime


def enter(window: MainWindow, mime: QMimeData, actions: Qt.DropAction = COPY) -> QDragEnterEvent:
    event = QDragEnterEvent(QPoint(300, 300), actions, mime, LEFT, NONE)
    QApplication.sendEvent(window, event)
    pump(0)
    return event


def move(window: MainWindow, mime: QMimeData) -> QDragMoveEvent:
    event = QDragMoveEvent(QPoint(310, 300), COPY, mime, LEFT, NONE)
    QApplication.sendEvent(window, event)
    return event


def drop(window: MainWindow, mime: QMimeData) -> QDropEvent:
    event = QDropEvent(QPointF(310, 300), COPY, mime, LEFT, NONE)
    QApplication.sendEvent(window, event)
    pump(0)
    return event


def test_a_model_that_only_writes_is_named(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA._replace(name="Writer", mmproj=None, image_tokens=0))
    enter(window, files("a.png"))
    assert window.drops.overlay.hint == "Writer cannot see pictures. You can choose another model afterwards."
    assert window.start_page.place.title.text() == "Writer cannot see pictures"


@pytest.mark.parametrize(
    ("names", "sentence", "hint"),
    [
        (["a.png"], "Drop to ask about this picture", "It stays on this computer."),
        (["a.png", "B.JPG", "c.heic"], "Drop to ask about 3 pictures", "They stay on this computer."),
        (["a.png", "notes.txt"], "Drop to ask about this picture", "One other file is not a picture."),
    ],
)
def test_pictures_are_accepted(window: MainWindow, names: list[str], sentence: str, hint: str) -> None:
    mime = files(*names)
    event = enter(window, mime)
    overlay = window.drops.overlay
    assert event.isAccepted()
    assert event.dropAction() == COPY
    assert overlay.isVisible()
    assert overlay.is_accepted
    assert (overlay.sentence, overlay.hint) == (sentence, hint)
    assert overlay.geometry() == window.rect()
    assert move(window, mime).isAccepted()


def test_a_dropped_file_is_taken_with_its_true_name(window: MainWindow, services: FakeServices) -> None:
    mime = files("a 100% red circle – 红圈.png")
    enter(window, mime)
    event = drop(window, mime)
    assert event.isAccepted()
    assert not window.drops.overlay.isVisible()
    [(called, [url])] = services.calls
    assert called == "add_urls"
    assert QUrl(url).toLocalFile() == "/pictures/a 100% red circle – 红圈.png"


def test_other_files_are_refused_clearly(window: MainWindow, services: FakeServices) -> None:
    mime = files("report.pdf")
    enter(window, mime)
    overlay = window.drops.overlay
    assert overlay.isVisible()
    assert not overlay.is_accepted
    assert overlay.sentence == "This is not a picture"
    assert not move(window, mime).isAccepted()
    QApplication.sendEvent(window, QDragLeaveEvent())
    pump(0)
    assert not overlay.isVisible()
    assert services.calls == []


def test_a_web_address_is_refused_with_the_way_out(window: MainWindow) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/cat.jpg")])
    enter(window, mime)
    assert not window.drops.overlay.is_accepted
    assert "go online" in window.drops.overlay.sentence
    assert not move(window, mime).isAccepted()


def test_a_picture_from_a_browser_is_taken_as_bytes(window: MainWindow, services: FakeServices) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/cat.png")])
    data = png()
    mime.setData("image/png", QByteArray(data))
    enter(window, mime)
    assert window.drops.overlay.is_accepted
    drop(window, mime)
    assert services.calls == [("add_bytes", data, "Dropped picture")]


def test_a_picture_without_a_format_becomes_a_png(window: MainWindow, services: FakeServices) -> None:
    image = QImage(4, 3, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    mime = QMimeData()
    mime.setImageData(image)
    enter(window, mime)
    drop(window, mime)
    [(called, data, _name)] = services.calls
    assert called == "add_bytes"
    assert QImage.fromData(data).size() == image.size()


def test_words_go_into_the_question(window: MainWindow, services: FakeServices) -> None:
    mime = QMimeData()
    mime.setText("a sentence from elsewhere")
    enter(window, mime)
    assert not window.drops.overlay.isVisible()
    drop(window, mime)
    assert window.composer.editor.toPlainText() == "a sentence from elsewhere"
    assert services.calls == []


def test_nothing_at_all_is_refused(window: MainWindow) -> None:
    mime = QMimeData()
    mime.setData("application/x-something", QByteArray(b"1"))
    enter(window, mime)
    assert not window.drops.overlay.is_accepted
    assert not move(window, mime).isAccepted()


def test_the_answer_grows_with_the_window(window: MainWindow) -> None:
    enter(window, files("a.png"))
    window.resize(900, 700)
    pump(0)
    assert window.drops.overlay.geometry() == window.rect()


def test_a_drag_that_ended_without_a_word_leaves_no_overlay(window: MainWindow) -> None:
    enter(window, files("a.png"))
    QTest.keyClick(window, Qt.Key.Key_Shift)
    pump(0)
    assert not window.drops.overlay.isVisible()


def test_no_part_of_the_window_takes_the_drag_away(window: MainWindow) -> None:
    """Qt offers a drag to the innermost widget first."""
    takers = [widget for widget in window.findChildren(QWidget) if widget.acceptDrops()]
    assert takers, "the question editor takes words"
    mime = files("a.png")
    for widget in takers:
        event = QDragEnterEvent(QPoint(2, 2), COPY, mime, LEFT, NONE)
        QApplication.sendEvent(widget, event)
        pump(0)
        assert window.drops.overlay.isVisible(), widget
        QApplication.sendEvent(window, QDragLeaveEvent())
        pump(0)


def test_a_question_that_is_edited_takes_pictures(window: MainWindow, services: FakeServices) -> None:
    """Pasted, and dropped anywhere but on the composer: that is for the next question."""
    services.conversations.current = services.conversations.rows[0].id
    lake = picture()
    services.chat.show(question("What is this?", lake), answer("A lake."))
    editor = window.transcript.editor
    window.transcript.page.keyboard.focus_message(0)
    QTest.keyClick(window.transcript.page, Qt.Key.Key_F2)
    copied, data, words = QMimeData(), QMimeData(), QMimeData()
    copied.setData("image/png", png(20, 20))
    data.setData("image/png", png(20, 20))
    words.setText(" or that")
    QGuiApplication.clipboard().setMimeData(copied)
    QTest.keyClick(editor.editor, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    overlay = window.drops.overlay
    for taken in (files("a.png"), data):
        enter(window, taken)
        assert overlay.sentence == "Drop to add it to the question that you are editing"
        drop(window, taken)
        assert editor.editor.hasFocus()
    enter(window, words)
    drop(window, words)
    assert editor.editor.toPlainText() == "What is this? or that"
    mime = files("a.png")
    enter(window, mime)
    on_composer = QPointF(window.composer.mapTo(window, window.composer.rect().center()))
    below = QDragMoveEvent(on_composer.toPoint(), COPY, mime, LEFT, NONE)
    QApplication.sendEvent(window, below)
    assert overlay.sentence == "Drop to ask about this picture"
    QApplication.sendEvent(window, QDropEvent(on_composer, COPY, mime, LEFT, NONE))
    assert [called for called, *_ in services.edited_pictures.calls] == ["add_bytes", "add_urls", "add_bytes"]
    assert [called for called, *_ in services.calls] == ["add_urls"]
    enter(window, files("model.gguf"))
    assert window.drops.overlay.isVisible()
    (lake_shown,) = editor.strip.thumbnails()
    lake_shown.setFocus()
    QTest.keyClick(lake_shown, Qt.Key.Key_Delete)
    new = picture("new.png")
    services.edited_pictures.put(new)
    QTest.keyClick(editor.editor, Qt.Key.Key_Return)
    assert list(services.calls[-1]) == ["edit", services.chat.path[0].id, "What is this? or that", (new,)]


def test_a_question_is_asked_when_its_new_picture_has_been_read(window: MainWindow, services: FakeServices) -> None:
    services.conversations.current = services.conversations.rows[0].id
    services.chat.show(question("What is this?"), answer("A lake."))
    editor = window.transcript.editor
    window.transcript.page.keyboard.focus_message(0)
    QTest.keyClick(window.transcript.page, Qt.Key.Key_F2)
    being_checked = services.edited_pictures.put(None)
    QTest.keyClick(editor.editor, Qt.Key.Key_Return)
    assert not [call for call in services.calls if call[0] == "edit"]
    assert editor.hint.text().startswith("Your question is sent as soon as")
    lake = picture()
    services.edited_pictures.change(being_checked, picture=lake, state="attached")
    services.edited_pictures.settled.emit()
    assert services.calls[-1] == ("edit", services.chat.path[0].id, "What is this?", (lake,))


@pytest.mark.parametrize("name", ["photo.jpg_large", "Screenshot from 2026-11-30 10.30.15", "picture.txt", "noending"])
def test_files_are_judged_by_their_bytes(window: MainWindow, services: FakeServices, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(png(20, 20))
    (tmp_path / f"words {name}").write_text("words")
    address = QUrl.fromLocalFile(str(tmp_path / name))
    mime = QMimeData()
    mime.setUrls([address, QUrl.fromLocalFile(str(tmp_path / f"words {name}"))])
    enter(window, mime)
    assert window.drops.overlay.sentence == "Drop to ask about this picture"
    assert window.drops.overlay.hint == "One other file is not a picture."
    drop(window, mime)
    assert services.calls[-1][0] == "add_urls"


def test_a_folder_is_refused_before_it_is_dropped(window: MainWindow, services: FakeServices, tmp_path: Path) -> None:
    for name in ("holidays", "2026.png"):
        folder = tmp_path / name
        folder.mkdir()
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(folder))])
        enter(window, mime)
        assert not move(window, mime).isAccepted()
        overlay = window.drops.overlay
        assert (overlay.sentence, overlay.hint) == ("This is a folder", "Open it, and drop the pictures inside it.")
        assert not overlay.is_accepted


@pytest.mark.parametrize("form", ["base64", "unpadded", "percent"])
def test_a_picture_that_is_its_own_address_is_taken(window: MainWindow, services: FakeServices, form: str) -> None:
    encoded = base64.b64encode(png(20, 20)).decode()
    address = {
        "base64": f"data:image/png;base64,{encoded}",
        "unpadded": "data:image/png;base64," + encoded.rstrip("="),
        "percent": "data:image/png," + quote_from_bytes(png(20, 20)),
    }[form]
    as_address, as_text, as_html = QMimeData(), QMimeData(), QMimeData()
    as_address.setUrls([QUrl(address)])
    as_text.setText(address)
    as_html.setHtml(f'<meta charset="utf-8"><img class="x" src="{address}" alt="a lake">')
    for mime in (as_address, as_text, as_html):
        enter(window, mime)
        assert window.drops.overlay.is_accepted
        drop(window, mime)
        assert services.calls.pop() == ("add_bytes", png(20, 20), "Dropped picture")
        QGuiApplication.clipboard().setMimeData(mime)
        window.paste()
        assert services.calls.pop() == ("add_bytes", png(20, 20), "Pasted picture")
        assert window.composer.editor.toPlainText() == ""


def test_words_with_a_picture_among_them_are_words(window: MainWindow, services: FakeServices) -> None:
    mime = QMimeData()
    mime.setText("A lake.")
    mime.setHtml('A <b>lake</b>.<img src="data:image/png;base64,AAAA">')
    enter(window, mime)
    drop(window, mime)
    assert window.composer.editor.toPlainText() == "A lake."


def test_files_that_an_older_nautilus_copied_as_text_are_attached(window: MainWindow, services: FakeServices) -> None:
    QGuiApplication.clipboard().setText("x-special/nautilus-clipboard\ncopy\nfile:///a/b%20c.png\nfile:///d.jpg\n")
    window.paste()
    assert services.calls[-1] == ("add_urls", ["file:///a/b%20c.png", "file:///d.jpg"])


def test_an_address_of_data_may_name_its_file(window: MainWindow, services: FakeServices) -> None:
    QGuiApplication.clipboard().setText("data:image/png;name=a%20lake.png;base64,AAAA")
    window.paste()
    assert services.calls[-1][0] == "add_bytes"


@pytest.mark.parametrize("kind", ["gnome-copied-files", "mate-copied-files", "nautilus-clipboard"])
def test_files_that_a_file_manager_copied_are_attached(window: MainWindow, services: FakeServices, kind: str) -> None:
    mime = QMimeData()
    mime.setData(f"x-special/{kind}", b"copy\nfile:///a/b%20c.png\nfile:///d.jpg")
    QGuiApplication.clipboard().setMimeData(mime)
    window.paste()
    assert services.calls[-1] == ("add_urls", ["file:///a/b%20c.png", "file:///d.jpg"])


def test_a_model_that_only_writes_invites_no_picture(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA._replace(name="Writer", mmproj=None, image_tokens=0))
    seen = "\n".join(label.text() for label in window.findChildren(QLabel) if label.isVisible())
    for invitation in ("Drop a picture here", "or paste one", "drop a picture here", "Or try one of these"):
        assert invitation not in seen
    assert not any(card.isVisible() for card in window.start_page.cards)
    services.engine.become("ready", LLAVA)
    seen = "\n".join(label.text() for label in window.findChildren(QLabel) if label.isVisible())
    assert "Drop a picture here" in seen
    assert "Add its projector" not in seen


def test_comments_in_a_list_of_addresses_are_no_files(window: MainWindow, services: FakeServices) -> None:
    """RFC 2483: a line that begins with # is a comment."""
    mime = QMimeData()
    mime.setData(
        "text/uri-list", QByteArray(b"# two pictures\r\nfile:///pictures/a.png\r\n#\r\nfile:///p/%23b.png\r\n")
    )
    enter(window, mime)
    assert window.drops.overlay.sentence == "Drop to ask about 2 pictures"
    drop(window, mime)
    assert services.calls == [("add_urls", ["file:///pictures/a.png", "file:///p/%23b.png"])]


def test_an_address_of_no_file_is_no_picture(window: MainWindow) -> None:
    mime = QMimeData()
    mime.setData("text/uri-list", QByteArray(b"file://\r\n"))
    enter(window, mime)
    assert not window.drops.overlay.is_accepted
    assert window.drops.overlay.sentence == "This is not a picture"


@pytest.mark.parametrize("ending", [".png", ".gguf", ""])
def test_a_name_too_long_is_no_bug(window: MainWindow, services: FakeServices, tmp_path: Path, ending: str) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(f"{tmp_path}/{'y' * 300}{ending}")])
    enter(window, mime)
    assert window.drops.overlay.is_accepted
    drop(window, mime)
    assert len(services.calls) == 1, "the sentence comes from who opens it"
