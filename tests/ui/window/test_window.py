"""The window as a whole: pages, positions, sizes, and what its parts tell each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton, QWidget

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.engine.messages import Phase
from desktop_app.errors import UserError
from desktop_app.images.llava_tiling import LlavaTiling
from desktop_app.images.tiling import LLAVA_TILES, AnySize, QuickLook
from desktop_app.services.conversation.model_notes import MODEL_CHANGED
from desktop_app.services.examples import EXAMPLES
from desktop_app.services.notices import Notice, action
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.notices import NoticeBar
from desktop_app.ui.settings.dialog import SettingsDialog
from desktop_app.ui.transcript import row, rows
from desktop_app.ui.transcript.phrases import figures, note
from desktop_app.ui.widgets.controls import Popover
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.cards import words_of
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.models import job
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import expect_signal, pump, wait_until

Show = Callable[[QWidget], QWidget]


def test_a_new_conversation_invites(window: MainWindow) -> None:
    assert window.pages.currentWidget() is window.start_page
    assert "demonstration" in window.start_page.model.whole_text()
    assert window.composer.editor.hasFocus()


def test_an_example_is_attached_and_asked_with_one_click(window: MainWindow, services: FakeServices) -> None:
    example = EXAMPLES[0]
    QTest.mouseClick(window.start_page.cards[0], Qt.MouseButton.LeftButton)
    assert services.calls == [("add_file", str(example.picture)), ("send", example.question)]


def test_an_example_never_costs_words_that_are_written(window: MainWindow, services: FakeServices) -> None:
    window.composer.insert_text("my own question")
    window.start_page.cards[0].click()
    assert [called for called, *_ in services.calls] == ["add_file"]
    assert window.composer.editor.toPlainText() == "my own question"


def test_a_second_click_on_an_example_asks_nothing_more(window: MainWindow, services: FakeServices) -> None:
    services.chat.set_busy(True)
    window.start_page.cards[0].click()
    assert services.calls == []


def test_attached_pictures_are_shown_large_until_something_is_asked(window: MainWindow, services: FakeServices) -> None:
    shown = picture()
    held = services.draft.put(shown)
    assert window.pages.currentWidget() is window.preview
    services.draft.remove(held.key)
    assert window.pages.currentWidget() is window.start_page
    services.chat.show(question("What is this?", shown), answer("A lake."))
    assert window.pages.currentWidget() is window.transcript
    services.chat.show()
    assert window.pages.currentWidget() is window.start_page


def test_a_full_model_is_named(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA)
    assert window.start_page.model.whole_text() == "llava-v1.5-7b-Q4_K_M runs on this computer."
    assert "llava-v1.5-7b-Q4_K_M · ready" in window.status.model.text()


def test_the_edge_tells_of_a_model_whose_file_has_other_words(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA._replace(wording=UserError("words-other", family="Qwen3-VL")))
    window.status.model.click()
    said = [label.text() for card in window.findChildren(Popover) for label in card.findChildren(QLabel)]
    assert any("It is spoken to as Qwen3-VL; its file has other words" in text for text in said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "A picture takes 576 tokens. This model cannot look more quickly"),
        ({"quick": QuickLook()}, "A picture takes 576 tokens, or 192 with a quick look."),
        ({"any_size": AnySize(28, 4, 1280)}, "A picture takes up to 1,280 tokens. This model cannot look more quickly"),
        ({"any_size": AnySize(28, 4, 1280), "quick": QuickLook()}, "up to 1,280 tokens, or 427 with a quick look."),
        ({"tiling": LlavaTiling(336, 24)}, "tokens, or 576 with a quick look."),
        ({"tiling": LlavaTiling(336, 24), "quick": LLAVA_TILES}, "tokens, or 651 with a quick look."),
    ],
)
def test_who_asks_hears_whether_one_can_look_quickly(
    window: MainWindow, services: FakeServices, change: dict[str, Any], said: str
) -> None:
    plain = LLAVA._replace(image_tokens=576, tiling=None, any_size=None, quick=None)
    services.engine.become("ready", plain._replace(**change))
    services.answers.tell(services.conversations.current_id(), 5.44, 2048, 4096)
    window.status.context.click()
    told = [label.text() for card in window.findChildren(Popover) for label in card.findChildren(QLabel)]
    assert any(said in text for text in told), told


def test_a_look_at_the_whole_is_told_until_something_else_is_done(window: MainWindow, services: FakeServices) -> None:
    services.reading_ahead.looking_closely.emit(True)
    assert "Looking closely" in window.status.model.text()
    services.chat.enter(Phase.READING, 0, 1, 3.2)
    assert "Reading" in window.status.model.text()
    services.answers.phase.emit(services.conversations.current, None, {})
    services.reading_ahead.looking_closely.emit(False)
    assert "ready" in window.status.model.text()


def test_the_edge_tells_what_the_engine_does(window: MainWindow, services: FakeServices) -> None:
    services.chat.enter(Phase.LOOKING, 0, 1, 3.2)
    assert "Looking at the picture, about 3 s" in window.status.model.text()
    services.answers.phase.emit("another", None, {})
    assert "Looking" in window.status.model.text()
    services.answers.phase.emit(services.conversations.current, None, {})
    assert "ready" in window.status.model.text()
    services.answers.tell(services.conversations.current_id(), 5.44, 2048, 4096)
    assert "5.4 tokens/s" in window.status.speed.text()
    assert "50" in window.status.context.text()
    services.answers.tell("another", 9.9, 4096, 4096)
    assert "5.4 tokens/s" in window.status.speed.text()
    assert "50" in window.status.context.text()
    services.conversations.open("another")
    services.chat.show()
    assert "9.9 tokens/s" in window.status.speed.text()
    services.conversations.open("a third")
    services.chat.show()
    assert not window.status.context.isVisible()
    assert not window.status.speed.isVisible()
    services.engine.become("dead", None)
    assert "stopped" in window.status.model.text()
    assert not window.status.memory.isVisible()


def test_figures_leave_before_words_at_the_edge_are_cut(window: MainWindow, services: FakeServices) -> None:
    window.resize(720, 560)
    services.answers.tell(services.conversations.current_id(), 5.44, 2048, 4096)
    services.models.under_way = [job()]
    window.offer_models()
    status = window.status
    wait_until(lambda: status.download.text().strip().startswith("40% · about 8 min left · "))
    services.activity.set_elsewhere(services.conversations.rows[1].id)
    services.models.under_way = []
    services.models.changed.emit()
    wait_until(lambda: status.elsewhere.place.text().strip() == "Writing in “Two birds”")
    assert status.model.width() >= status.model.sizeHint().width()
    services.activity.set_elsewhere("")
    wait_until(status.speed.isVisible)
    assert status.memory.isVisible()


@pytest.mark.parametrize("part", ["model", "memory", "speed", "context"])
def test_a_click_at_the_edge_explains(window: MainWindow, services: FakeServices, part: str) -> None:
    services.answers.tell(services.conversations.current_id(), 5.44, 2048, 4096)
    button = getattr(window.status, part)
    button.click()
    pump(0)
    [card] = [widget for widget in button.findChildren(QWidget, "popover") if widget.isVisible()]
    QTest.keyClick(card, Qt.Key.Key_Escape)
    pump(0)
    assert not [widget for widget in button.findChildren(QWidget, "popover") if widget.isVisible()]


def test_the_status_line_restarts_the_engine_as_the_notice_does(window: MainWindow, services: FakeServices) -> None:
    """Which also asks again what was lost, see `AskingAgain`."""
    restarted: list[bool] = []
    services.notices.register("restart-engine", lambda: restarted.append(True))
    services.engine.become("dead", None)
    window.status.model.click()
    [card] = [widget for widget in window.status.model.findChildren(QWidget, "popover") if widget.isVisible()]
    [restart] = [button for button in card.findChildren(QPushButton) if button.text() == "Restart the engine"]
    QTest.mouseClick(restart, Qt.MouseButton.LeftButton)
    assert restarted == [True]


def test_the_built_in_model_has_one_name(window: MainWindow, services: FakeServices) -> None:
    name = "Eyebright tiny (built-in)"
    assert window.status.model.text().strip() == f"{name} · ready"
    assert name in window.composer.model.accessibleName()
    window.status.model.click()
    [card] = [widget for widget in window.status.model.findChildren(QWidget, "popover") if widget.isVisible()]
    assert name in words_of(card)
    window.dialogs.open_settings()
    [settings] = window.findChildren(SettingsDialog)
    assert settings.model_name.text() == f"{name} is in use."
    saved = answer("A lake.", details={"model": "Eyebright tiny"})
    assert figures(saved) == name
    changed = {"note": MODEL_CHANGED, "parameters": {"name": "Eyebright tiny"}}
    assert note(Message("1", Role.NOTE, "", details=changed)) == f"From here on, the answers are by {name}."


def test_a_preference_that_cannot_be_saved_is_told_in_a_notice(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: str, value: object) -> None:
        raise UserError("disk-full", name="settings.toml")

    monkeypatch.setattr(services.preferences, "set", full)
    window.toggle_sidebar()
    assert not window.sidebar.isVisible()
    assert "disk is full" in window.notices.words.text()


@pytest.mark.parametrize("entry", ["&Keyboard shortcuts", "&Report a problem…", "&About Eyebright"])
def test_help_does_not_block_the_window(window: MainWindow, entry: str) -> None:
    next(action for action in window.menus.actions if action.text() == entry).trigger()
    pump(0)
    [dialog] = [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]
    assert not dialog.isModal()
    dialog.close()
    pump(0)
    assert not window.findChildren(QDialog)


def test_a_notice_can_be_acted_on_and_closed(window: MainWindow, services: FakeServices) -> None:
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)
    services.notices.error(UserError("not-a-picture", name="<b>x</b>.pdf"))
    assert window.notices.words.text().startswith("<b>x</b>.pdf is not a picture")
    assert window.notices.words.textFormat() == Qt.TextFormat.PlainText
    assert window.notices.buttons == []
    window.notices.close_button.click()
    assert "engine stopped" in window.notices.words.text()
    window.notices.buttons[0].click()
    assert ("restart",) in services.calls
    pump(0)
    assert not window.notices.isVisible()


def test_notices_slide_in_and_out(window: MainWindow, services: FakeServices) -> None:
    theme.set_still(False)
    bar, composer = window.notices, window.composer
    place = place_of(composer)
    for _ in range(2):  # the second time in the middle of going away
        first = services.notices.error(UserError("not-a-picture", name="Report.pdf"))
        wait_until(lambda: bar.height() >= bar.words.heightForWidth(bar.words.width()) > 0)
        assert place_of(composer) == place
        services.notices.withdraw(first.id)
        pump(30)
    wait_until(lambda: not bar.isVisible())
    assert place_of(composer) == place


def place_of(part: QWidget) -> QRect:
    return QRect(part.mapTo(part.window(), QPoint(0, 0)), part.size())


def code_of(bar: NoticeBar) -> str:
    notice = bar.current()
    return notice.text_code if notice is not None else ""


def test_what_only_informs_leaves_by_itself(services: FakeServices, show_widget: Show) -> None:
    bar = NoticeBar(services.notices, stays_ms=50)
    show_widget(bar)
    services.notices.start()
    services.notices.post(Notice("demo-photo", {"name": "field.jpg"}, sticky=True))
    services.conversations.delete(services.conversations.rows[0].id)
    assert code_of(bar) == "conversation-deleted"
    wait_until(lambda: code_of(bar) == "demo-photo")
    pump(100)
    assert code_of(bar) == "demo-photo"


def test_what_can_be_undone_stays_longer(services: FakeServices, show_widget: Show) -> None:
    bar = NoticeBar(services.notices)
    show_widget(bar)
    services.notices.start()
    services.notices.post(Notice("exported", {"name": "lake.html"}))
    (leaving,) = bar.findChildren(QTimer)
    assert leaving.interval() <= 10_000
    services.notices.post(Notice("pair-deleted", actions=(action("undo-delete-message"),)))
    assert 15_000 < leaving.interval() <= 20_000


def test_an_error_leaves_too_and_hides_nothing_that_stays(services: FakeServices, show_widget: Show) -> None:
    bar = NoticeBar(services.notices, stays_ms=30)
    show_widget(bar)
    bar.activateWindow()
    services.notices.start()
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)
    services.notices.post(Notice("model-exported", {"folder": "/stick"}, sticky=True))
    assert code_of(bar) == "engine-died", "of what stays an error comes first"
    services.notices.error(UserError("nothing-to-drop"))
    assert code_of(bar) == "nothing-to-drop", "what was just done is answered"
    wait_until(lambda: code_of(bar) == "engine-died")


def test_an_error_does_not_follow_into_another_conversation(window: MainWindow, services: FakeServices) -> None:
    services.notices.error(UserError("engine-died"), action("restart-engine"), sticky=True)
    services.notices.error(UserError("nothing-to-drop"))
    services.notices.error(UserError("web-address"))
    services.conversations.open(services.conversations.rows[0].id)
    assert code_of(window.notices) == "engine-died"


def test_what_is_said_of_a_picture_stays_with_its_conversation(window: MainWindow, services: FakeServices) -> None:
    frame = {"name": "film.gif", "frame": 2, "frames": 3}
    services.notices.post(Notice("model-exported", {"folder": "/stick"}, sticky=True))
    services.notices.post(Notice("picture-frame", frame, owner="conversation"))
    services.notices.error(UserError("nothing-to-drop"))
    services.conversations.open(services.conversations.rows[0].id)
    assert code_of(window.notices) == "model-exported"


def test_the_same_notice_is_not_shown_twice(window: MainWindow, services: FakeServices) -> None:
    for _ in range(3):
        services.notices.error(UserError("nothing-to-drop"))
    window.notices.close_button.click()
    assert window.notices.current() is None


def test_what_waited_for_the_window_is_shown(services: FakeServices, show_widget: Show) -> None:
    services.notices.error(UserError("nothing-to-drop"))
    window = MainWindow(services)
    show_widget(window)
    pump(0)
    assert window.notices.isVisible()


def test_a_notice_wraps_where_the_window_is_narrow(window: MainWindow, services: FakeServices) -> None:
    services.notices.post(Notice("demo-photo", {"name": "field.jpg"}, actions=(action("choose-model"),), sticky=True))
    window.resize(720, 560)
    pump(20)
    words = window.notices.words
    assert words.height() >= words.heightForWidth(words.width())
    assert place_of(window.notices).bottom() <= place_of(window.composer).top()


def test_the_notice_about_the_model_leads_to_the_manager(window: MainWindow, services: FakeServices) -> None:
    services.notices.post(Notice("demo-photo", {"name": "field.jpg"}, actions=(action("choose-model"),), sticky=True))
    window.notices.buttons[0].click()
    manager = window.findChild(ModelsDialog)
    assert manager is not None
    assert manager.isVisible()


def test_the_sidebar_hides_in_a_narrow_window_and_comes_back(window: MainWindow, services: FakeServices) -> None:
    assert window.sidebar.isVisible()
    window.resize(720, 560)
    pump(0)
    assert not window.sidebar.isVisible()
    assert window.header.sidebar_button.isVisible()
    window.header.sidebar_button.click()
    assert window.sidebar.isVisible()
    services.conversations.open(services.conversations.rows[0].id)
    assert not window.sidebar.isVisible(), "a narrow window shows what was chosen"
    window.resize(1000, 700)
    pump(0)
    assert window.sidebar.isVisible()
    assert services.preferences.value("sidebar_visible") is True


def test_a_hidden_sidebar_stays_hidden(window: MainWindow, services: FakeServices) -> None:
    window.toggle_sidebar()
    assert services.preferences.value("sidebar_visible") is False
    window.resize(720, 560)
    window.resize(1200, 800)
    pump(0)
    assert not window.sidebar.isVisible()


@pytest.mark.parametrize("size", [(720, 560), (480, 400), (1600, 1000)])
def test_nothing_sticks_out(window: MainWindow, services: FakeServices, size: tuple[int, int]) -> None:
    services.engine.become("ready", LLAVA)
    services.answers.tell(services.conversations.current_id(), 5.0, 1000, 4096)
    window.resize(*size)
    pump(0)
    assert (window.width(), window.height()) == size
    for part in (window.header, window.pages, window.composer, window.status):
        place = part.rect().translated(part.mapTo(window, part.rect().topLeft()))
        assert window.rect().contains(place), part
    assert window.composer.geometry().bottom() <= window.status.geometry().top()
    assert window.start_page.horizontalScrollBar().maximum() == 0


def test_size_and_text_size_are_remembered(services: FakeServices, show_widget: Show) -> None:
    first = MainWindow(services)
    show_widget(first)
    first.resize(780, 600)
    theme.set_zoom(125)
    pump(0)
    first.close()
    theme.set_zoom(100)
    second = MainWindow(services)
    show_widget(second)
    assert (second.width(), second.height()) == (780, 600)
    assert theme.zoom() == 125


def test_the_theme_is_changed_in_the_menu(window: MainWindow, services: FakeServices) -> None:
    light = window.grab().toImage().pixelColor(600, 60)
    window.menus.themes["dark"].trigger()
    pump(0)
    assert services.calls[-1] == ("set", "theme", "dark")
    assert theme.is_dark()
    dark = window.grab().toImage().pixelColor(600, 60)
    assert dark.lightness() < 60 < 200 < light.lightness()
    assert window.menus.themes["dark"].isChecked()
    services.preferences.set("theme", "light")
    assert not theme.is_dark()
    assert window.menus.themes["light"].isChecked()


def test_the_menus_offer_what_can_be_done(window: MainWindow, services: FakeServices) -> None:
    assert not window.menus.rename.isEnabled()
    assert not window.menus.copy.isEnabled()
    services.conversations.open(services.conversations.rows[0].id)
    services.chat.show(question("What?"), answer("A lake.", State.COMPLETE))
    assert window.menus.rename.isEnabled()
    window.menus.copy.trigger()
    assert QGuiApplication.clipboard().text() == "A lake."


def test_a_second_start_brings_the_window_forward(window: MainWindow) -> None:
    window.showMinimized()
    window.come_forward()
    assert not window.isMinimized()


def test_the_window_says_once_that_it_can_be_seen(services: FakeServices, show_widget: Show) -> None:
    made = MainWindow(services)
    with expect_signal(made.painted) as calls:
        show_widget(made)
    made.resize(900, 700)
    made.repaint()
    pump(20)
    assert calls == [()]


def test_what_is_not_seen_at_the_start_is_not_imported() -> None:
    later = (
        "help.about",
        "models",
        "settings",
        "transcript",
        "pictures.beside",
        "pictures.viewer",
        "widgets.line_list",
    )
    code = "import sys, desktop_app.assembly, desktop_app.ui.application, desktop_app.ui.window; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(found.stdout.split())
    assert "desktop_app.ui.composer.composer" in loaded
    assert not loaded & {f"desktop_app.ui.{name}" for name in later}
    assert not loaded & {
        "PIL",
        "numpy",
        "importlib.metadata",
        "desktop_app.chat.exporting",
        "desktop_app.images.reading",
        "desktop_app.services.updates",
        "desktop_app.services.models",
        "model_store.gguf_header",
        "model_store.split_model",
    }


class Moves(QObject):
    """Notes every widget that comes into another with widgets in it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at what gets another parent."""
        if event.type() == QEvent.Type.ParentChange and watched.findChild(QWidget) is not None:
            self.seen.append(type(watched).__name__)
        return False


def test_every_part_is_built_where_it_stays(services: FakeServices, qapp: QApplication) -> None:
    """Qt styles a widget that moves anew, with all that is in it: the window came a tenth later for it."""
    moves = Moves()
    qapp.installEventFilter(moves)
    window = MainWindow(services)
    qapp.removeEventFilter(moves)
    window.deleteLater()
    assert moves.seen == []


def test_the_whole_start_page_fits_a_common_laptop(window: MainWindow) -> None:
    """1366 x 768: with the offer there the drop area gets lower, so that the line about the model is not cut off."""
    window.resize(1120, 691)
    pump(0)
    window.offer_models()
    pump(50)
    page, room = window.start_page.widget(), window.start_page.maximumViewportSize()
    assert page is not None
    assert page.heightForWidth(room.width()) <= room.height()
    window.resize(1120, 1000)
    pump(50)
    assert window.start_page.place.height() >= 250


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("by_keyboard", [True, False])
def test_the_editor_of_a_question_with_pictures_is_in_sight(
    window: MainWindow, services: FakeServices, count: int, by_keyboard: bool
) -> None:
    """Its buttons, too, however many pictures stand above it, and while it grows."""
    window.resize(1366, 735)
    services.conversations.open(services.conversations.rows[0].id)
    pictures = [picture(f"{number}.png", 400, 900) for number in range(count)]
    services.chat.show(
        question("Before?"), answer("Yes. " * 400), question("What is it?", *pictures), answer("A lake.")
    )
    transcript = window.transcript
    pump(0)
    if by_keyboard:
        transcript.page.keyboard.focus_message(2)
        QTest.keyClick(transcript.page, Qt.Key.Key_F2)
    else:
        transcript.page.rows.show_from(2)
        rect = transcript.page.rows.rect(2)
        assert rect is not None
        QTest.mouseMove(transcript.page.viewport(), rect.topLeft() + QPoint(20, 60))
        pump(0)
        transcript.bar.edit.click()
    pump(20)
    viewport = transcript.page.viewport().rect()
    for button in (transcript.editor.cancel, transcript.editor.ask):
        assert button.visibleRegion().boundingRect() == button.rect()
    assert viewport.contains(transcript.editor.geometry())
    QTest.keyClicks(transcript.editor.editor, "word " * 60)
    for _ in range(6):
        QTest.keyClick(transcript.editor.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    pump(20)
    assert viewport.contains(transcript.editor.geometry())


def test_the_heights_of_a_conversation_are_estimated_once_when_it_is_first_shown(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated: list[str] = []
    estimates = row.estimates

    def counted(width: int, tallest: int) -> Callable[[Message], int]:
        estimate = estimates(width, tallest)

        def one(message: Message) -> int:
            estimated.append(message.id)
            return estimate(message)

        return one

    monkeypatch.setattr(rows, "estimates", counted)
    messages = [message for _ in range(50) for message in (question("And?"), answer("A lake."))]
    services.chat.show(*messages)
    wait_until(window.transcript.isVisible)
    window.transcript.repaint()
    assert estimated == [message.id for message in messages]
