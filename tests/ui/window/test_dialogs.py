"""The dialogs: settings, the large picture, problem reports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QFontMetrics, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QPlainTextEdit

from desktop_app.engine.messages import Died, LoadPlan
from desktop_app.settings import SETTINGS
from desktop_app.ui.help import report as help_report
from desktop_app.ui.help.report import ReportDialog
from desktop_app.ui.pictures.viewer import PictureViewer
from desktop_app.ui.settings.dialog import SettingsDialog
from desktop_app.ui.unhandled_errors import UnhandledErrors
from desktop_app.ui.widgets.setting_controls import NumberEdit, Switch
from desktop_app.ui.widgets.theme import ZOOM_STEPS, theme
from desktop_app.ui.window import MainWindow
from tests.helpers.cards import button, words_of
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture
from tests.helpers.strays import Expected
from tests.helpers.waiting import pump, wait_until

SHORT = LoadPlan(2048, 64, requested_n_ctx=4096)


@pytest.fixture
def settings(window: MainWindow) -> SettingsDialog:
    window.dialogs.open_settings()
    pump(0)
    opened = window.findChild(SettingsDialog)
    assert opened is not None
    return opened


@pytest.fixture
def viewer(window: MainWindow, services: FakeServices) -> PictureViewer:
    services.chat.show(question("?", picture("a.png"), picture("b.png")), answer("!"))
    window.open_picture(picture("b.png").sha256)
    pump(0)
    opened = window.findChild(PictureViewer)
    assert opened is not None
    return opened


def number(settings: SettingsDialog, name: str) -> NumberEdit:
    control = settings.control(name)
    assert isinstance(control, NumberEdit)
    return control


def test_settings_show_what_is_in_use(settings: SettingsDialog) -> None:
    assert number(settings, "temperature").field.value() == pytest.approx(0.2)
    assert number(settings, "threads").field.text() == "Automatic (0)"
    assert settings.theme.buttons["light"].isChecked()
    assert settings.reading_ahead.isChecked()


def test_what_is_really_in_use_stands_beside_the_setting(settings: SettingsDialog, services: FakeServices) -> None:
    assert number(settings, "n_ctx").field.value() == 4096
    assert "In use now: 1,024 tokens." in words_of(settings)
    assert "In use now: 2." in words_of(settings)
    services.engine.become("ready", LLAVA._replace(n_ctx=2048, threads=4, reading_threads=8, plan=SHORT))
    assert "In use now: 2,048 tokens. More would not fit into memory." in words_of(settings)
    assert "In use now: 8 for reading, 4 for writing." in words_of(settings)
    services.engine.become("loading", None)
    assert "In use now" not in words_of(settings)


def test_a_model_whose_answers_cannot_be_read_again_says_so(settings: SettingsDialog, services: FakeServices) -> None:
    said = "With the model in use it is not known whether it looked at the picture."
    assert said not in words_of(settings)
    services.engine.become("ready", LLAVA._replace(can_reread=False))
    assert said in words_of(settings)
    services.engine.become("ready", LLAVA)
    assert said not in words_of(settings)


def test_every_declared_setting_can_be_changed_somewhere(settings: SettingsDialog) -> None:
    elsewhere = {"model", "mmproj", "sidebar_visible"}  # the model manager, and the button that hides it
    elsewhere |= {"models_folder", "hub_address", "proxy", "connections"}  # where models come from
    elsewhere |= {"model_wish"}  # what the list of models is sorted for
    elsewhere |= {"downloads_left"}  # by closing the notice about them
    elsewhere |= {"think_first"}  # the switch beside the question, where the model can
    elsewhere |= {"working_model", "working_mmproj"}  # by an answer
    here = {name for name in SETTINGS if settings.control(name) is not None}
    assert here | elsewhere == set(SETTINGS)


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if isinstance(setting.default, bool)])
def test_a_switch_is_saved_when_it_is_clicked(settings: SettingsDialog, services: FakeServices, name: str) -> None:
    switch = settings.control(name)
    if switch is None:
        assert name in ("sidebar_visible", "think_first"), "these have buttons of their own"
        return
    assert isinstance(switch, Switch)
    before = switch.isChecked()
    QTest.mouseClick(switch, Qt.MouseButton.LeftButton)
    QTest.keyClick(switch, Qt.Key.Key_Return)
    assert services.calls == [("set", name, not before), ("set", name, before)]


def test_a_number_counts_once_it_has_settled(settings: SettingsDialog, services: FakeServices) -> None:
    field = number(settings, "max_tokens").field
    field.setFocus()
    for _ in range(3):
        QTest.keyClick(field, Qt.Key.Key_Up)
    assert services.calls == []
    wait_until(lambda: services.calls == [("set", "max_tokens", 1024 + 3 * 128)])
    assert isinstance(services.calls[0][2], int)


@pytest.mark.parametrize(
    ("name", "typed", "becomes", "bounds"),
    [
        ("temperature", "9", 2, "From 0 to 2"),
        ("repeat_penalty", "0", 0.5, "From 0.5 to 2"),
        ("n_ctx", "9999999", 131072, "From 512 to 131,072"),
        ("n_ctx", "5", 512, "From 512 to 131,072"),
        ("max_tokens", "", 1024, "From 16 to 8,192"),
    ],
)
def test_a_number_outside_its_limits_becomes_the_nearest(
    settings: SettingsDialog, services: FakeServices, name: str, typed: str, becomes: float, bounds: str
) -> None:
    field = number(settings, name).field
    assert bounds in field.toolTip()
    assert bounds in field.accessibleDescription()
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, typed)
    assert field.cleanText() == typed
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == pytest.approx(becomes)
    assert services.preferences.value(name) == pytest.approx(becomes)


def test_the_words_of_a_number_have_room_at_every_size_of_text(settings: SettingsDialog) -> None:
    threads = settings.findChildren(NumberEdit)[1]
    assert threads.field.specialValueText() == "Automatic (0)"
    for zoom in ZOOM_STEPS:
        theme.set_zoom(zoom)
        pump(0)
        words = QFontMetrics(theme.font("body")).horizontalAdvance("Automatic (0)")
        assert threads.field.width() >= words, zoom


def test_the_system_prompt_is_saved_after_a_pause_and_on_closing(
    settings: SettingsDialog, services: FakeServices
) -> None:
    prompt = settings.control("system_prompt")
    assert isinstance(prompt, QPlainTextEdit)
    prompt.setPlainText("Answer in German.")
    settings.close()
    assert services.calls == [("set", "system_prompt", "Answer in German.")]


def test_the_usual_values_come_back(settings: SettingsDialog, services: FakeServices) -> None:
    services.preferences.set("temperature", 1.5)
    assert number(settings, "temperature").field.value() == pytest.approx(1.5)
    button(settings, "Restore the usual choice of words").click()
    assert services.preferences.value("temperature") == pytest.approx(0.2)


def test_the_model_manager_is_one_click_away(settings: SettingsDialog) -> None:
    wanted: list[bool] = []
    settings.models_wanted.connect(lambda: wanted.append(True))
    settings.choose_model.click()
    assert wanted == [True]


def test_a_picture_is_shown_whole_and_by_its_name(viewer: PictureViewer) -> None:
    assert viewer.isVisible()
    assert viewer.windowTitle() == "b.png"
    assert viewer.previous.isEnabled()
    assert not viewer.next.isEnabled()
    QTest.keyClick(viewer.view, Qt.Key.Key_PageUp)
    assert viewer.windowTitle() == "a.png"


def test_a_picture_is_zoomed_by_keys_and_wheel(viewer: PictureViewer) -> None:
    before = viewer.view.scale_now()
    QTest.keyClick(viewer.view, Qt.Key.Key_Plus)
    assert viewer.view.scale_now() == pytest.approx(before * 1.25)
    QTest.keyClick(viewer.view, Qt.Key.Key_Minus)
    QTest.keyClick(viewer.view, Qt.Key.Key_0)
    assert viewer.view.scale_now() == pytest.approx(before)
    for _ in range(60):
        viewer.larger.click()
    assert viewer.view.scale_now() == pytest.approx(16)
    for _ in range(120):
        viewer.smaller.click()
    assert viewer.view.scale_now() >= 0.05
    assert QPointF(viewer.view.transform().dx(), 0).x() == 0


@pytest.mark.parametrize("way", ["pointer", "Shift+F10"])
def test_the_menu_of_the_viewer_copies_and_saves(
    viewer: PictureViewer, services: FakeServices, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "pointer":
        place = viewer.view.viewport().rect().center()
        wish = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, viewer.view.viewport().mapToGlobal(place))
        QApplication.sendEvent(viewer.view.viewport(), wish)
    else:
        QTest.keyClick(viewer.view, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    menu = viewer.findChild(QMenu)
    assert menu is not None
    actions = {action.text(): action for action in menu.actions()}
    assert list(actions)[:2] == ["Copy picture", "Save picture…"]
    QGuiApplication.clipboard().clear()
    actions["Copy picture"].trigger()
    assert QGuiApplication.clipboard().image().size() == QSize(320, 240)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("/tmp/b.png", ""))
    actions["Save picture…"].trigger()
    assert services.previews.calls[-1] == ("save_original", picture("b.png").sha256, "/tmp/b.png")
    menu.close()
    QGuiApplication.clipboard().clear()
    QTest.keyClick(viewer.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().image().size() == QSize(320, 240)


def test_a_report_tells_of_crashes_of_the_engine_and_where_to_send_it(
    window: MainWindow, services: FakeServices
) -> None:
    services.engine.ends = [Died(-11, "Fatal Python error: Segmentation fault"), Died(-6, "GGML_ASSERT failed")]
    action(window, "Report a problem…").trigger()
    [dialog] = window.findChildren(ReportDialog)
    report = dialog.text.toPlainText()
    for words in ("exit code -11", "Segmentation fault", "exit code -6", "GGML_ASSERT failed"):
        assert words in report
    assert "It stays on this computer until you pass it on." in words_of(dialog)
    dialog.close()
    assert (
        help_report.report_place("https://github.com/someone/eyebright/")
        == "https://github.com/someone/eyebright/issues"
    )
    assert help_report.report_place("https://eyebright.example") == ""


def action(window: MainWindow, name: str) -> QAction:
    return next(each for each in window.findChildren(QAction) if each.text().replace("&", "") == name)


def test_escape_closes_the_picture(viewer: PictureViewer) -> None:
    QTest.keyClick(viewer.view, Qt.Key.Key_Escape)
    assert not viewer.isVisible()


def test_the_original_is_saved(
    viewer: PictureViewer, services: FakeServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = str(tmp_path / "b.png")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (target, ""))
    viewer.save.click()
    assert services.previews.calls[-1] == ("save_original", picture("b.png").sha256, target)


def test_a_pasted_picture_is_saved_with_the_ending_of_its_kind(
    window: MainWindow, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggested: list[str] = []

    def choose_nothing(_parent: object, _title: str, name: str) -> tuple[str, str]:
        suggested.append(Path(name).name)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose_nothing)
    for name in ("Pasted picture", "photo.jpg_large", "b.JPG"):
        services.chat.show(question("?", picture(name)), answer("A lake."))
        window.open_picture(picture(name).sha256)
        viewer = window.findChild(PictureViewer)
        assert viewer is not None
        viewer.save.click()
        viewer.close()
    assert suggested == ["Pasted picture.png", "photo.jpg_large.png", "b.JPG"]


def test_a_preview_that_is_missing_is_asked_for_and_shown_later(window: MainWindow, services: FakeServices) -> None:
    lost = picture("lost.png")
    services.previews.missing.add(lost.sha256)
    services.chat.show(question("?", lost))
    window.open_picture(lost.sha256)
    assert ("request", lost.sha256) in services.previews.calls
    services.previews.arrive(lost.sha256)
    viewer = window.findChild(PictureViewer)
    assert viewer is not None
    assert viewer.view.sceneRect().width() > 0


def test_a_bug_is_reported_and_the_window_lives_on(window: MainWindow, expected: Expected) -> None:
    expected.log("unexpected error")
    expected.exception("a bug|another bug")
    former = sys.excepthook
    bugs = UnhandledErrors(window)
    bugs.install()
    try:
        for words in ("a bug", "another bug"):
            sys.excepthook(ValueError, ValueError(words), None)
            pump(0)
    finally:
        bugs.release()
    assert sys.excepthook is former
    [dialog] = window.findChildren(ReportDialog)
    assert "ValueError: a bug" in dialog.text.toPlainText()
    assert "ValueError: another bug" in dialog.text.toPlainText()
    dialog.copy.click()
    assert "Python" in QGuiApplication.clipboard().text()
    dialog.close()
