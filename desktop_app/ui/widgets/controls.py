"""Basic controls: icon button, push button, labels and a popover."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop_app.services.notices import NoticeAction
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.plain_text import button_text, elided_before, one_line, set_tip
from desktop_app.ui.widgets.theme import GRID, ICON, ColourRole, theme

LabelType = Literal["display", "title", "strong", "body", "small", "tiny"]
LabelTone = Literal["plain", "muted", "danger", "on_scrim"]
ButtonKind = Literal["plain", "primary", "quiet", "link"]

_NEXT = frozenset({"get-model"})  # actions that are the one thing to do next, wherever they are offered
_SHADOW = 3  # px around a floating button


class EnterClicks:
    """For a button: Enter clicks it as Space does, when it has the keyboard."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Click on Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()  # type: ignore[attr-defined]
        else:
            super().keyPressEvent(event)  # type: ignore[misc]


class PushButton(EnterClicks, QPushButton):
    """A button with a text."""


class ElidedButton(PushButton):
    """A button whose text is elided where there is too little room, but not the letters at its end that matter most.

    The tool tip has the whole text.
    """

    def __init__(self, text: str, kind: ButtonKind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = text
        self._kept = 0  # letters at the end that are not elided
        self._wanted = QSize()
        self._frame = 0  # px beside the text
        self.setAccessibleName(one_line(text))
        dress(self, kind)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._measure()

    def set_whole_text(self, text: str, kept: int = 0) -> None:
        """Show `text`, shortened where it does not fit, before its last `kept` letters."""
        if (text, kept) != (self._whole, self._kept):
            self._whole, self._kept = text, kept
            self.setAccessibleName(one_line(text))
            self._measure()

    def set_icon(self, icon: QIcon, size: QSize) -> None:
        """Show an icon beside the text."""
        self.setIcon(icon)
        self.setIconSize(size)
        self._measure()

    def sizeHint(self) -> QSize:
        """Ask for room for the whole text; less is fine."""
        return self._wanted

    def minimumSizeHint(self) -> QSize:
        """Take any width that shows a few letters."""
        return self._wanted.boundedTo(QSize(min(theme.px(12 * GRID), self.maximumWidth()), self._wanted.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide the text again."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Elide the text again when the font has changed."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._measure()

    def _measure(self) -> None:
        """Find out how much room the whole text takes."""
        self.ensurePolished()  # before that it has another font
        self.setText(button_text(self._whole))
        self._wanted = super().sizeHint()
        self._frame = self._wanted.width() - self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, self.text()).width()
        self._elide()
        self.updateGeometry()

    def _elide(self) -> None:
        whole = one_line(self._whole)
        room = max(0, self.width() - self._frame)
        shown = elided_before(whole, self._kept, room, self.fontMetrics())
        self.setText(button_text(shown))
        set_tip(self, self._whole if shown != whole else "")


class IconButton(EnterClicks, QToolButton):
    """A button with a line icon. Its name is read by screen readers and shown as a tool tip."""

    def __init__(
        self,
        icon: str,
        name: str,
        parent: QWidget | None = None,
        role: ColourRole = "text",
        size: int = ICON,
    ) -> None:
        """`size` of the icon in px at 100 % text size."""
        super().__init__(parent)
        self._icon_name = icon
        self._role: ColourRole = role
        self._size = size
        # A click does not take the keyboard focus; Tab does.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.set_name(name)
        theme.changed.connect(self._tint)
        self._tint()

    def set_name(self, name: str, shortcut: QKeySequence | None = None) -> None:
        """Set what the button does, and its shortcut."""
        self.setAccessibleName(name)
        keys = shortcut.toString(QKeySequence.SequenceFormat.NativeText) if shortcut else ""
        set_tip(self, f"{name} ({keys})" if keys else name)

    def set_icon(self, icon: str, role: ColourRole | None = None) -> None:
        """Show another icon, or the same in another colour."""
        self._icon_name = icon
        self._role = role or self._role
        self._tint()

    def _tint(self) -> None:
        self.setIconSize(icons.square(self._size))
        self.setIcon(icons.icon(self._icon_name, self._role, self._size, disabled=not self.isEnabled()))

    def changeEvent(self, event: QEvent) -> None:
        """Change the colour of the icon when the button is enabled or disabled."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._tint()


class FloatingButton(IconButton):
    """A round button that floats above the page."""

    def sizeHint(self) -> QSize:
        """Leave room for the shadow."""
        return icons.square(5 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the disc below the icon."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        disc = QRectF(self.rect()).adjusted(_SHADOW, _SHADOW, -_SHADOW, -_SHADOW)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("shadow"))
        painter.drawEllipse(disc.adjusted(-1, 0, 1, 2))
        painter.setBrush(theme.colour("hover" if self.underMouse() else "raised"))
        painter.setPen(QPen(theme.colour("accent"), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawEllipse(disc)
        place = QRect(QPoint(0, 0), self.iconSize())
        place.moveCenter(self.rect().center())
        self.icon().paint(painter, place)


def push_button(text: str, kind: ButtonKind = "plain", parent: QWidget | None = None) -> QPushButton:
    """Return a button with a text; "primary" is for the one thing to do next."""
    button = PushButton(text, parent)
    dress(button, kind)
    return button


def action_button(action: NoticeAction, text: str, parent: QWidget) -> QPushButton:
    """Return the button for what can be done about something, in a notice or under an answer."""
    return ElidedButton(text, "primary", parent) if action.code in _NEXT else push_button(text, "link", parent)


def dress(button: QPushButton, kind: ButtonKind) -> None:
    """Give a button its look, and the keyboard by Tab alone."""
    button.setProperty("kind", kind)
    button.setAutoDefault(False)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)


class Label(QLabel):
    """A text, never interpreted as HTML."""

    def __init__(
        self,
        text: str = "",
        kind: LabelType = "body",
        tone: LabelTone = "plain",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("type", kind)
        self.setProperty("tone", tone)
        self.setWordWrap(wrap)
        self.setText(text)


class ElidedLabel(Label):
    """One line that is elided when it is too long; the tool tip has the whole text."""

    def __init__(
        self,
        text: str = "",
        kind: LabelType = "body",
        tone: LabelTone = "plain",
        parent: QWidget | None = None,
    ) -> None:
        self._whole = ""
        super().__init__("", kind, tone, parent)
        self.setMinimumWidth(3 * GRID)
        self.set_whole_text(text)

    def set_whole_text(self, text: str) -> None:
        """Show `text`, shortened at its end where it does not fit."""
        if text == self._whole:
            return  # the placeholder of the composer is set with every key
        self._whole = text
        self.setAccessibleName(one_line(text))
        self._elide()
        self.updateGeometry()

    def whole_text(self) -> str:
        """Return the text as it was given."""
        return self._whole

    def sizeHint(self) -> QSize:
        """Ask for room for the whole text; less is fine."""
        width = QFontMetrics(self.font()).horizontalAdvance(one_line(self._whole)) + 2
        return QSize(width, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide the text again."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Elide the text again when the font has changed."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._elide()

    def _elide(self) -> None:
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(one_line(self._whole), Qt.TextElideMode.ElideRight, self.width())
        self.setText(shown)
        set_tip(self, self._whole if shown != one_line(self._whole) else "")


class Popover(QFrame):
    """A small card above a control that explains it; a click elsewhere or Esc closes it."""

    WIDTH = 320

    def __init__(self, title: str, text: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("popover")
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self.column.setSpacing(GRID)
        self.column.addWidget(Label(title, "strong", parent=self, wrap=True))
        self.column.addWidget(Label(text, "small", "muted", self, wrap=True))

    def show_above(self, control: QWidget, place: QPoint | None = None) -> None:
        """Open with the lower edge just above `control`, or a place in it, inside its window."""
        # A window asks for its size before its wrapped words know their height, and before they have their font.
        for part in (self, *self.findChildren(QWidget)):
            part.ensurePolished()
        self.column.invalidate()
        room = control.screen().availableGeometry().size()
        width = min(theme.px(self.WIDTH), room.width() - 2 * GRID)
        frame = self.contentsMargins()  # the line around it
        height = self.column.heightForWidth(width - frame.left() - frame.right()) + frame.top() + frame.bottom()
        self.setFixedSize(width, min(height, room.height() - 2 * GRID))
        corner = control.mapToGlobal(place or QPoint(0, 0))
        window = control.window()
        origin = window.mapToGlobal(QPoint(0, 0))
        x = min(corner.x(), origin.x() + window.width() - self.width() - GRID)
        y = corner.y() - self.height() - GRID // 2
        self.move(max(x, origin.x() + GRID), max(y, origin.y() + GRID))
        self.show()
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
