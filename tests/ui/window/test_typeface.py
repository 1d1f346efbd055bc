"""Inter is the typeface of everything, unless the person wants the system's; what it lacks, the system's fonts show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QFontMetrics, QFontMetricsF, QTextLayout
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMenu, QMessageBox, QToolTip, QWidget

from desktop_app import paths
from desktop_app.ui.settings.dialog import SettingsDialog
from desktop_app.ui.transcript.markdown.builder import markdown_document
from desktop_app.ui.widgets.theme import INTER, FontRole, Theme, theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.waiting import pump

LARGEST = 900_000  # bytes, all files together
Show = Callable[[QWidget], QWidget]


def system_family() -> str:
    return QFontInfo(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)).family()


def families() -> dict[str, list[str]]:
    """The families that the words of all windows are shown in, with some widgets of each."""
    found: dict[str, list[str]] = {}
    for widget in QApplication.allWidgets():
        if widget.isVisible():
            name = f"{type(widget).__name__} {widget.accessibleName()!r}"
            found.setdefault(QFontInfo(widget.font()).family(), []).append(name)
    return found


def glyphs(text: str, font: QFont) -> list[int]:
    layout = QTextLayout(text, font)
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    return [glyph for run in layout.glyphRuns() for glyph in run.glyphIndexes()]


def fill(window: MainWindow, services: FakeServices) -> None:
    services.engine.become("ready", LLAVA)
    services.chat.show(question("What is this?"), answer("A **lake** and *hills*."))
    window.dialogs.open_settings()
    window.dialogs.open_models()
    pump(50)


def test_every_word_of_the_window_is_set_in_inter(window: MainWindow, services: FakeServices) -> None:
    fill(window, services)
    assert set(families()) == {INTER}, families()
    strong = [label for label in window.findChildren(QLabel) if label.property("type") in ("title", "strong")]
    assert {QFontInfo(label.font()).styleName() for label in strong if label.isVisible()} == {"SemiBold"}


def test_the_person_may_have_the_typeface_of_the_system(window: MainWindow, services: FakeServices) -> None:
    fill(window, services)
    settings = window.findChild(SettingsDialog)
    assert settings is not None
    services.calls.clear()
    QTest.mouseClick(settings.typeface.buttons["system"], Qt.MouseButton.LeftButton)
    pump(0)
    assert services.calls == [("set", "typeface", "system")]
    assert INTER not in families()
    assert QFontInfo(theme.font()).family() == system_family()
    assert QFontInfo(markdown_document("A lake.").defaultFont()).family() == system_family()
    QTest.mouseClick(settings.typeface.buttons["inter"], Qt.MouseButton.LeftButton)
    pump(0)
    assert set(families()) == {INTER}


def test_the_window_begins_with_the_typeface_that_was_chosen(services: FakeServices, show_widget: Show) -> None:
    services.preferences.set("typeface", "system")
    show_widget(MainWindow(services))
    assert QFontInfo(theme.font()).family() == system_family()
    assert set(families()) == {system_family()}


@pytest.mark.parametrize("zoom", [100, 150, 200])
def test_a_line_of_inter_has_room(dressed: QApplication, zoom: int) -> None:
    theme.set_zoom(zoom)
    assert (theme.font().pixelSize(), theme.line_height()) == (15 * zoom // 100, 24 * zoom // 100)
    for role in ("body", "strong", "small", "tiny"):
        assert QFontMetrics(theme.font(role)).height() <= theme.line_height(role)


@pytest.mark.parametrize(
    "text",
    ["图片", "写真", "사진", "سلام", "שלום", "हिन्दी", "😀", "👍🏽", "Ἀθῆναι", "ɛɪˈbraɪt", "Đường", "Ђорђе", "→ ≤ € ½"],
)
@pytest.mark.parametrize("role", ["body", "strong", "tiny"])
def test_what_inter_lacks_is_shown_as_the_system_shows_it(dressed: QApplication, text: str, role: FontRole) -> None:
    font = theme.font(role)
    assert QFontInfo(font).family() == INTER
    plain = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    plain.setPixelSize(font.pixelSize())
    plain.setWeight(font.weight())
    missing = glyphs(text, plain).count(0)  # what no font of this computer has
    assert glyphs(text, font).count(0) <= missing


@pytest.mark.parametrize("text", ["->", "0x10", "12:30", "!="])
def test_what_is_written_is_what_is_shown(dressed: QApplication, text: str) -> None:
    assert glyphs(text, theme.font()) == [glyph for letter in text for glyph in glyphs(letter, theme.font())]


def test_figures_that_change_do_not_shake(dressed: QApplication) -> None:
    for font in (dressed.font(), theme.font("small"), theme.font("tiny")):
        metrics = QFontMetrics(font)
        assert len({metrics.horizontalAdvance(figure * 4) for figure in "0123456789"}) == 1, font.toString()
    equal = QFontMetricsF(dressed.font())
    assert equal.horizontalAdvance("built-in: a, b.") == QFontMetricsF(theme.font()).horizontalAdvance(
        "built-in: a, b."
    )


def test_the_fonts_are_small_and_have_their_licence() -> None:
    folder = paths.resources_folder() / "fonts"
    fonts = list(folder.glob("*.ttf"))
    assert fonts
    assert sum(font.stat().st_size for font in fonts) <= LARGEST
    licence = (folder / "OFL.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "The Inter Project Authors" in licence.splitlines()[0]
    assert "Reserved Font Name" not in licence.splitlines()[0]


def test_without_its_fonts_the_program_uses_the_systems(
    dressed: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "broken.ttf").write_bytes(b"no font")
    (tmp_path / "styles").symlink_to(paths.resources_folder() / "styles")
    monkeypatch.setattr(paths, "resources_folder", lambda: tmp_path)
    bare = Theme()
    assert bare.font().families() == QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).families()


def test_widgets_of_qt_itself_have_it_too(dressed: QApplication) -> None:
    assert QFontInfo(QToolTip.font()).family() == INTER
    for widget in (QMenu(), QMessageBox(), QLineEdit()):
        assert QFontInfo(widget.font()).family() == INTER, widget
