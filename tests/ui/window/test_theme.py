"""Colours have enough contrast, and follow the system or the person's choice."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPalette
from PySide6.QtWidgets import QAbstractItemView, QApplication, QFileDialog, QWidget

from desktop_app import paths
from desktop_app.engine.messages import Phase
from desktop_app.ui.transcript import painting
from desktop_app.ui.transcript.waiting import Waiting
from desktop_app.ui.widgets.theme import MOTION_MS, ZOOM_STEPS, ColourRole, contrast, theme

TEXT = 4.5
CONTROL = 3.0
SURFACES: tuple[ColourRole, ...] = ("paper", "surface", "raised", "bubble", "code")
Show = Callable[[QWidget], QWidget]
CODE: tuple[ColourRole, ...] = ("code_keyword", "code_name", "code_string", "code_number")
STATES: tuple[ColourRole, ...] = ("hover", "pressed", "selected")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ink", ["text", "muted", "accent", "danger", "warning"])
def test_text_can_be_read_on_every_surface(ink: ColourRole, dark: bool) -> None:
    palette = theme.palette_of(dark)
    weak = {on: contrast(palette[ink], palette[on]) for on in SURFACES}
    assert min(weak.values()) >= TEXT, weak


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ink", CODE)
def test_code_can_be_read_on_its_panel(ink: ColourRole, dark: bool) -> None:
    palette = theme.palette_of(dark)
    assert contrast(palette[ink], palette["code"]) >= TEXT


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ink", ["text", "muted"])
def test_text_can_be_read_on_what_is_pointed_at(ink: ColourRole, dark: bool) -> None:
    palette = theme.palette_of(dark)
    weak = {on: contrast(palette[ink], palette[on]) for on in STATES}
    assert min(weak.values()) >= TEXT, weak


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("ink", "on"),
    [("on_accent", "accent"), ("on_accent", "accent_hover"), ("on_eye", "eye"), ("on_scrim", "scrim")],
)
def test_text_on_colours_can_be_read(ink: ColourRole, on: ColourRole, dark: bool) -> None:
    palette = theme.palette_of(dark)
    assert contrast(palette[ink], QColor(palette[on].rgb())) >= TEXT


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("outline", ["edge", "accent"])
def test_controls_can_be_told_from_what_lies_behind(outline: ColourRole, dark: bool) -> None:
    palette = theme.palette_of(dark)
    weak = {on: contrast(palette[outline], palette[on]) for on in SURFACES}
    assert min(weak.values()) >= CONTROL, weak


#: What is seen by its colour, and what it lies on: signs, outlines, fills of bars, rings of focus.
MARKS: dict[ColourRole, tuple[ColourRole, ...]] = {
    "good": (*SURFACES, "hover", "selected"),
    "warning": (*SURFACES, *STATES),  # also how full the context is, in a groove of "pressed"
    "danger": (*SURFACES, "hover", "selected"),
    "edge": (*SURFACES, "hover"),
    "accent": (*SURFACES, *STATES, "line"),  # also the part of a bar that is done
    "accent_hover": SURFACES,
    "muted": (*SURFACES, *STATES),
    "text": (*SURFACES, *STATES),
    "on_accent": ("accent", "accent_hover"),  # the knob of a switch
}
#: Roles that nobody needs to see: they only please.
QUIET: set[ColourRole] = {"line", "drop", "refuse", "shadow"}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("mark", MARKS)
def test_signs_can_be_told_from_what_lies_behind(mark: ColourRole, dark: bool) -> None:
    palette = theme.palette_of(dark)
    weak = {on: contrast(palette[mark], palette[on]) for on in MARKS[mark]}
    assert min(weak.values()) >= CONTROL, weak


def over(wash: QColor, ground: QColor) -> QColor:
    """The colour that a wash gives to what it covers."""
    share = wash.alphaF()
    above, below = ((one.redF(), one.greenF(), one.blueF()) for one in (wash, ground))
    return QColor.fromRgbF(*(share * top + (1 - share) * under for top, under in zip(above, below, strict=True)))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("below", ["white", "black", "#F2C230", "#2A4763"])
@pytest.mark.parametrize("ink", ["on_scrim", "eye"])
def test_what_lies_on_a_picture_can_be_read(ink: ColourRole, below: str, dark: bool) -> None:
    palette = theme.palette_of(dark)
    assert contrast(palette[ink], over(palette["scrim"], QColor(below))) >= TEXT


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("on", ["paper", "bubble", "code"])
@pytest.mark.parametrize("ink", ["text", "muted"])
@pytest.mark.parametrize(("role", "share"), [("accent", painting.SELECTION), ("eye", painting.HIT)])
def test_selected_and_found_words_can_be_read(
    role: ColourRole, share: float, ink: ColourRole, on: ColourRole, dark: bool
) -> None:
    palette = theme.palette_of(dark)
    wash = QColor(palette[role])
    wash.setAlphaF(share)
    assert contrast(palette[ink], over(wash, palette[on])) >= (TEXT if ink == "text" else CONTROL)


@pytest.mark.parametrize("preference", ["light", "dark"])
@pytest.mark.parametrize("phase", [Phase.LOOKING, Phase.READING])
def test_how_far_the_engine_is_can_be_seen(dressed: QApplication, preference: str, phase: Phase) -> None:
    theme.set_preference(preference)
    waiting = Waiting()
    waiting.show_phase(phase, {"done": 1, "total": 2, "part": 1, "parts": 2})
    image = QImage(400, 60, QImage.Format.Format_RGB32)
    image.fill(theme.colour("paper"))
    painter = QPainter(image)
    waiting.paint(painter, image.rect())
    painter.end()
    bar = theme.line_height() + 5  # in the middle of its 3 px
    done, rest = image.pixelColor(60, bar), image.pixelColor(180, bar)
    assert rest == theme.colour("line")
    assert contrast(done, rest) >= CONTROL
    assert contrast(done, theme.colour("paper")) >= CONTROL


def test_every_role_is_checked() -> None:
    inks = {"text", "muted", "accent", "danger", "warning", "on_accent", "on_eye", "on_scrim", "eye", "scrim"}
    assert inks | set(CODE) | set(MARKS) | set(SURFACES) | set(STATES) | QUIET == set(get_args(ColourRole))


def test_contrast_is_what_wcag_says() -> None:
    assert contrast(QColor("white"), QColor("black")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


def test_style_sheet_has_no_colours_of_its_own() -> None:
    sheet = (paths.resources_folder() / "styles" / "eyebright.qss").read_text("utf-8")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=\s*[;,])|\brgba?\(", sheet)


@pytest.mark.parametrize("preference", ["light", "dark"])
def test_the_file_dialog_of_qt_can_be_read(
    dressed: QApplication, show_widget: Show, preference: str, tmp_path: Path
) -> None:
    """Where the system has no file dialog of its own, Qt's is shown, in our colours."""
    theme.set_preference(preference)
    (tmp_path / "lake.png").touch()
    dialog = QFileDialog(None, "", str(tmp_path))
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.setViewMode(QFileDialog.ViewMode.Detail)
    show_widget(dialog)
    words = dressed.palette().color(QPalette.ColorRole.Text)
    for view in dialog.findChildren(QAbstractItemView):
        if view.isVisible():
            image = view.viewport().grab().toImage()
            points = itertools.product(range(0, image.width(), 3), range(0, image.height(), 3))
            ((ground, _),) = Counter(image.pixel(x, y) for x, y in points).most_common(1)
            assert contrast(QColor(ground), words) >= TEXT, (view, QColor(ground).name())


def test_theme_follows_the_person(dressed: QApplication) -> None:
    seen = []
    theme.changed.connect(lambda: seen.append(theme.is_dark()))
    theme.set_preference("dark")
    assert theme.is_dark()
    assert dressed.palette().color(QPalette.ColorRole.Window) == theme.colour("paper")
    assert "rgba(31, 29, 27, 255)" in dressed.styleSheet()
    theme.set_preference("light")
    assert not theme.is_dark()
    assert seen == [True, False]


def test_theme_follows_the_system(dressed: QApplication) -> None:
    theme.set_preference("system")
    system = QGuiApplication.styleHints().colorScheme()
    assert theme.is_dark() == (system == Qt.ColorScheme.Dark)


def test_text_grows_in_steps_and_not_beyond(dressed: QApplication) -> None:
    assert theme.line_height() == 24
    theme.zoom_by(1)
    assert theme.zoom() == 110
    for _ in ZOOM_STEPS:
        theme.zoom_by(1)
    assert theme.zoom() == ZOOM_STEPS[-1]
    assert theme.font().pixelSize() == 30
    theme.set_zoom(103)
    assert theme.zoom() == 100


def test_motion_can_be_off(dressed: QApplication) -> None:
    assert theme.animation_ms() == 0
    theme.set_still(False)
    assert theme.animation_ms() == MOTION_MS


def test_both_palettes_know_every_role() -> None:
    roles = set(get_args(ColourRole))
    assert set(theme.palette_of(False)) == set(theme.palette_of(True)) == roles
