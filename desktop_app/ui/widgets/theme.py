"""The theme: colours by role, sizes, fonts and animation, each defined once.

Nothing else in the window defines a colour. Widgets that paint themselves ask `theme.colour(role)`
and repaint on `theme.changed`; all others are styled by `resources/styles/eyebright.qss`, where
`@role` and `@metric` stand for the values below.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from desktop_app import paths

GRID = 8  # px; margins and gaps are multiples of it (or halves)
COLUMN = 760  # px; the widest a line of text gets
SIDEBAR = 260  # px
RADIUS = 10  # px; pictures, bubbles, cards
RADIUS_SMALL = 6  # px; buttons, fields, rows
SMALLEST_WINDOW = QSize(480, 400)
NARROW = 800  # px at 100 % text size; in a narrower window the sidebar hides itself
PICTURE_HEIGHT = 420  # px; the tallest a picture gets in the transcript
THUMBNAIL = 72  # px; a picture in the composer
HEADER = 40  # px; the line above the page, and the picture in it
ICON = 20  # px; a line icon in a button
MOTION_MS = 150

ColourRole = Literal[
    "paper",  # the page: transcript and empty screen
    "surface",  # beside the page: sidebar, status line
    "raised",  # above the page: composer, cards, menus, dialogs
    "bubble",  # behind the person's words
    "code",  # behind code
    "code_keyword",
    "code_name",  # of what is defined or called
    "code_string",
    "code_number",
    "text",
    "muted",  # second voice: dates, captions, placeholders
    "line",  # where two surfaces meet; never needed to understand anything
    "edge",  # outline of a field or control
    "hover",
    "pressed",
    "selected",  # the current row of a list
    "accent",  # the one thing to do next
    "accent_hover",
    "on_accent",
    "drop",  # wash over the whole window while a picture hovers above it
    "danger",
    "refuse",  # wash over the window when it cannot take what is dragged
    "warning",
    "good",  # a model that fits
    "eye",  # only: the engine is looking
    "on_eye",
    "scrim",  # over a picture, below white controls; behind the viewer
    "on_scrim",
    "shadow",
]
FontRole = Literal["body", "small", "tiny", "strong", "title", "display", "mono"]

_LIGHT: dict[ColourRole, str] = {
    "paper": "#FAF8F4",
    "surface": "#F1EEE8",
    "raised": "#FFFFFF",
    "bubble": "#EDE8DF",
    "code": "#F1EDE5",
    "code_keyword": "#7A3E9D",
    "code_name": "#1F5FA8",
    "code_string": "#2C6B3F",
    "code_number": "#9A4A00",
    "text": "#2A2723",
    "muted": "#625C53",
    "line": "#E3DED5",
    "edge": "#857D72",
    "hover": "#E8E3DA",
    "pressed": "#DDD7CC",
    "selected": "#E4DCEE",
    "accent": "#775AA3",
    "accent_hover": "#6B4F96",
    "on_accent": "#FFFFFF",
    "drop": "#D2E9E0F4",
    "danger": "#AE3328",
    "refuse": "#D2F1E2DE",
    "warning": "#855300",
    "good": "#2C7347",
    "eye": "#F2C230",
    "on_eye": "#2A2314",
    "scrim": "#D9161412",
    "on_scrim": "#FFFFFF",
    "shadow": "#262A2723",
}
_DARK: dict[ColourRole, str] = {
    "paper": "#1F1D1B",
    "surface": "#191715",
    "raised": "#2A2725",
    "bubble": "#332F2B",
    "code": "#292623",
    "code_keyword": "#C9A6EE",
    "code_name": "#8DBBF2",
    "code_string": "#9CCB9A",
    "code_number": "#E8AE74",
    "text": "#ECE7DF",
    "muted": "#ABA397",
    "line": "#383430",
    "edge": "#8E877D",
    "hover": "#33302C",
    "pressed": "#3E3A35",
    "selected": "#3B3349",
    "accent": "#B9A3E3",
    "accent_hover": "#CBBAEC",
    "on_accent": "#231A33",
    "drop": "#DC2A2440",
    "danger": "#F08F83",
    "refuse": "#D23C2826",
    "warning": "#E3B45C",
    "good": "#83CC9F",
    "eye": "#F2C230",
    "on_eye": "#2A2314",
    "scrim": "#E00C0B0A",
    "on_scrim": "#FFFFFF",
    "shadow": "#80000000",
}
# Size in px and weight at 100 % text size; the lines of a paragraph stand 24 px apart at 15 px.
_FONTS: dict[FontRole, tuple[int, QFont.Weight]] = {
    "body": (15, QFont.Weight.Normal),
    "strong": (15, QFont.Weight.DemiBold),
    "small": (13, QFont.Weight.Normal),
    "tiny": (12, QFont.Weight.Normal),
    "title": (20, QFont.Weight.DemiBold),
    "display": (26, QFont.Weight.Normal),
    "mono": (14, QFont.Weight.Normal),
}
_LINE = 1.6
INTER = "Eyebright Inter"  # the typeface in resources/fonts, as packaging/make_fonts.py names it
_EQUAL_FIGURES = QFont.Tag("tnum")  # figures of equal width: numbers that change do not shake
ZOOM_STEPS = (80, 90, 100, 110, 125, 150, 175, 200)  # percent of the text size


class Theme(QObject):
    """The theme in use. There is one, `theme`; `install` applies it to the application.

    Signals: `changed` after colours, typeface, text size or motion became others; widgets that paint
    themselves then repaint.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._preference = "system"
        self._dark = False
        self._is_applied = False
        self._zoom = 100
        self._typeface = "inter"
        self._has_inter: bool | None = None  # None: its files have not been opened yet
        self._follows = False
        self._still: bool | None = None  # None: as the system asks

    def install(self, app: QApplication, preference: str = "system") -> None:
        """Apply the theme to `app`, whose style has to be Fusion.

        From now on the theme follows the system, unless `preference` is fixed.
        """
        if not self._follows:
            self._follows = True
            hints = app.styleHints()
            hints.colorSchemeChanged.connect(self._system_changed)
            motion = getattr(hints.accessibility(), "motionPreferenceChanged", None)
            if motion is not None:  # Qt 6.12 and later
                motion.connect(self.changed)
        self._is_applied = False  # that may be another application
        self.set_preference(preference)

    # ---- colours ---------------------------------------------------------------------------

    def colour(self, role: ColourRole) -> QColor:
        """Return the colour of `role` in the current palette."""
        return QColor((_DARK if self._dark else _LIGHT)[role])

    def palette_of(self, dark: bool) -> dict[ColourRole, QColor]:
        """Return all roles of one of the two palettes."""
        return {role: QColor(value) for role, value in (_DARK if dark else _LIGHT).items()}

    def is_dark(self) -> bool:
        """Tell whether the dark palette is in use."""
        return self._dark

    def set_preference(self, preference: str) -> None:
        """Follow the system ("system"), or stay "light" or "dark"."""
        self._preference = preference if preference in ("light", "dark") else "system"
        hints = QGuiApplication.styleHints()
        # This also turns native title bars and dialogs dark, where the platform can.
        if self._preference == "system":
            hints.unsetColorScheme()
        else:
            dark = self._preference == "dark"
            hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
        self._system_changed()

    def _system_changed(self) -> None:
        if self._preference == "system":
            dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        else:
            dark = self._preference == "dark"
        if dark != self._dark or not self._is_applied:
            self._dark = dark
            self._apply()

    # ---- sizes and fonts -------------------------------------------------------------------

    def font(self, role: FontRole = "body") -> QFont:
        """Return the typeface in the size of `role`; code is set in the system's font for it."""
        size, weight = _FONTS[role]
        kinds = QFontDatabase.SystemFont
        font = QFontDatabase.systemFont(kinds.FixedFont if role == "mono" else kinds.GeneralFont)
        if role != "mono" and self._typeface == "inter" and self._find_inter():
            # The system's comes second, for scripts that Inter lacks. macOS has names with a dot for its own use.
            font.setFamilies([INTER, *(family for family in font.families() if not family.startswith("."))])
        if role in ("small", "tiny"):
            font.setFeature(_EQUAL_FIGURES, 1)
        font.setPixelSize(self.px(size))
        font.setWeight(weight)
        return font

    def _find_inter(self) -> bool:
        """Let Qt know the fonts in resources/fonts, the first time; return whether it could use them."""
        if self._has_inter is None:
            files = sorted((paths.resources_folder() / "fonts").glob("*.ttf"))
            known = [QFontDatabase.addApplicationFont(str(file)) for file in files]
            self._has_inter = bool(known) and -1 not in known
        return self._has_inter

    def set_typeface(self, name: str) -> None:
        """Choose Inter ("inter") or the typeface of the system ("system")."""
        if name != self._typeface:
            self._typeface = name
            self._apply()

    def line_height(self, role: FontRole = "body") -> int:
        """Return the distance of two lines of text in px: 24 for the body at 100 %."""
        return self.px(round(_FONTS[role][0] * _LINE))

    def px(self, size: int) -> int:
        """Return `size` px scaled by the text size the person chose."""
        return round(size * self._zoom / 100)

    def room(self, size: int) -> int:
        """Return how many px there must be for what needs `size` px at 100 %; smaller text needs no less."""
        return max(size, self.px(size))

    def zoom(self) -> int:
        """Return the text size in percent."""
        return self._zoom

    def set_zoom(self, percent: int) -> None:
        """Choose the text size; the nearest of `ZOOM_STEPS` is taken."""
        step = min(ZOOM_STEPS, key=lambda known: abs(known - percent))
        if step != self._zoom:
            self._zoom = step
            self._apply()

    def zoom_by(self, steps: int) -> None:
        """Make the text larger (+1) or smaller (-1)."""
        index = ZOOM_STEPS.index(self._zoom) + steps
        self.set_zoom(ZOOM_STEPS[max(0, min(index, len(ZOOM_STEPS) - 1))])

    # ---- motion ----------------------------------------------------------------------------

    def animation_ms(self) -> int:
        """Return how long an animation takes: 0 when the system asks for reduced motion."""
        if self._still is not None:
            return 0 if self._still else MOTION_MS
        # Qt 6.12 and later; the hints must be held, or their Python wrapper goes before the call.
        hints = QGuiApplication.styleHints()
        preference = getattr(hints.accessibility(), "motionPreference", None)
        if preference is not None and preference().name == "ReducedMotion":
            return 0
        return MOTION_MS

    def set_still(self, still: bool | None) -> None:
        """Switch animations off (True) or on (False) regardless of the system; None follows the system."""
        self._still = still
        self.changed.emit()

    # ---- applying --------------------------------------------------------------------------

    def _apply(self) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            font = self.font()
            font.setFeature(_EQUAL_FIGURES, 1)  # of labels and buttons; not of texts to read
            app.setFont(font)
            app.setPalette(self._palette())
            app.setStyleSheet(self._style_sheet())
            self._is_applied = True
        self.changed.emit()

    def _palette(self) -> QPalette:
        roles: dict[QPalette.ColorRole, ColourRole] = {
            QPalette.ColorRole.Window: "paper",
            QPalette.ColorRole.WindowText: "text",
            QPalette.ColorRole.Base: "raised",
            QPalette.ColorRole.AlternateBase: "surface",
            QPalette.ColorRole.Text: "text",
            QPalette.ColorRole.Button: "raised",
            QPalette.ColorRole.ButtonText: "text",
            QPalette.ColorRole.BrightText: "danger",
            QPalette.ColorRole.ToolTipBase: "raised",
            QPalette.ColorRole.ToolTipText: "text",
            QPalette.ColorRole.PlaceholderText: "muted",
            QPalette.ColorRole.Highlight: "accent",
            QPalette.ColorRole.HighlightedText: "on_accent",
            QPalette.ColorRole.Accent: "accent",
            QPalette.ColorRole.Link: "accent",
            QPalette.ColorRole.LinkVisited: "accent",
            QPalette.ColorRole.Light: "raised",
            QPalette.ColorRole.Midlight: "hover",
            QPalette.ColorRole.Mid: "line",
            QPalette.ColorRole.Dark: "edge",
            QPalette.ColorRole.Shadow: "shadow",
        }
        palette = QPalette()
        for qt_role, role in roles.items():
            palette.setColor(qt_role, self.colour(role))
        for qt_role in (
            QPalette.ColorRole.WindowText,
            QPalette.ColorRole.Text,
            QPalette.ColorRole.ButtonText,
        ):
            palette.setColor(QPalette.ColorGroup.Disabled, qt_role, self.colour("muted"))
        return palette

    def _style_sheet(self) -> str:
        values = {role: _css(self.colour(role)) for role in get_args(ColourRole)}
        values |= {f"{role}_px": f"{self.px(size)}px" for role, (size, _) in _FONTS.items()}
        values |= {"radius": f"{RADIUS}px", "radius_small": f"{RADIUS_SMALL}px"}
        values["icons"] = (paths.resources_folder() / "icons").as_posix()
        sheet = (paths.resources_folder() / "styles" / "eyebright.qss").read_text(encoding="utf-8")
        return re.sub(r"@(\w+)", lambda found: values[found.group(1)], sheet)


def _css(colour: QColor) -> str:
    return f"rgba({colour.red()}, {colour.green()}, {colour.blue()}, {colour.alpha()})"


def contrast(first: QColor, second: QColor) -> float:
    """Return the contrast ratio of two opaque colours, 1 to 21, as WCAG 2 defines it."""

    def luminance(colour: QColor) -> float:
        channels = (colour.redF(), colour.greenF(), colour.blueF())
        red, green, blue = (
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


theme = Theme()
