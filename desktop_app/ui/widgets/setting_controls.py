"""The controls of the settings: a switch, a number with two buttons, and the row around a control."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPointF, QRectF, QSize, Qt, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from desktop_app.settings import Setting
from desktop_app.ui.sentences import number
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import EnterClicks, IconButton, Label
from desktop_app.ui.widgets.fitting import BesideOrBelow
from desktop_app.ui.widgets.plain_text import set_tip
from desktop_app.ui.widgets.theme import GRID, RADIUS_SMALL, theme

_SETTLE_MS = 500  # a number is applied when it has not changed for this long
_SWITCH = QSize(40, 24)  # at 100 % text size


class Switch(EnterClicks, QAbstractButton):
    """A switch: on or off. `changed(on)`: the person switched it."""

    changed = Signal(bool)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._place = 0.0
        self._slide = QVariantAnimation(self)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.valueChanged.connect(self._slid)
        self.toggled.connect(self._toggled)
        self.clicked.connect(self._clicked)
        theme.changed.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        self.setFixedSize(QSize(icons.side(_SWITCH.width()), icons.side(_SWITCH.height())))
        self.update()

    def _toggled(self, on: bool) -> None:
        self._slide.stop()
        self._slide.setStartValue(self._place)
        self._slide.setEndValue(1.0 if on else 0.0)
        self._slide.setDuration(theme.animation_ms())
        self._slide.start()

    def _clicked(self) -> None:
        # `clicked` has an optional argument: PySide6 leaves it out where a partial is connected.
        self.changed.emit(self.isChecked())

    def _slid(self, place: float) -> None:
        self._place = place
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the groove and the knob."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        groove = QRectF(self.rect()).adjusted(2, 3, -2, -3)
        painter.setPen(QPen(theme.colour("accent" if on else "edge"), 1))
        painter.setBrush(theme.colour("accent" if on else "raised"))
        painter.drawRoundedRect(groove, groove.height() / 2, groove.height() / 2)
        radius = groove.height() / 2 - 3
        left, right = groove.left() + radius + 3, groove.right() - radius - 3
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("on_accent" if on else "edge"))
        painter.drawEllipse(QPointF(left + (right - left) * self._place, groove.center().y()), radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("text" if on else "accent"), 2))
            painter.drawRoundedRect(
                QRectF(self.rect()).adjusted(1, 1, -1, -1), groove.height() / 2 + 2, groove.height() / 2 + 2
            )


class _NumberField(QDoubleSpinBox):
    """A number field without arrows. The wheel scrolls the page and does not change the number.

    A number outside the bounds can be typed, and becomes the nearest bound.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFrame(False)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Let a number outside the bounds be typed to its end."""
        typed, is_number = self.locale().toDouble(text)
        if is_number and not self.minimum() <= typed <= self.maximum():
            return QValidator.State.Intermediate, text, position
        found = super().validate(text, position)
        assert isinstance(found, tuple)  # whatever the stubs say
        return found

    def fixup(self, text: str) -> str:
        """Return the nearest bound for a number outside."""
        typed, is_number = self.locale().toDouble(text)
        return self.textFromValue(min(max(typed, self.minimum()), self.maximum()) if is_number else self.value())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()


class _FieldFrame(QFrame):
    """The outline around a number: a style sheet for spin boxes would leave no room for the digits."""

    def __init__(self, field: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self._field = field
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, 5, GRID, 5)
        column.addWidget(field)
        field.installEventFilter(self)
        theme.changed.connect(self.update)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Repaint the outline when the focus changes."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the outline."""
        focused = self._field.hasFocus()
        width = 2 if focused else 1
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("accent" if focused else "edge"), width))
        painter.setBrush(theme.colour("raised"))
        inset = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), RADIUS_SMALL, RADIUS_SMALL)


class NumberEdit(QWidget):
    """A number between two buttons. `changed(float)` once it has settled."""

    changed = Signal(float)

    def __init__(self, setting: Setting, name: str, step: float, zero: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        self.field = _NumberField(self)
        self.field.setDecimals(2 if isinstance(setting.default, float) else 0)
        self.field.setRange(setting.low or 0.0, setting.high if setting.high is not None else 1e9)
        self.field.setSingleStep(step)
        if zero:
            self.field.setSpecialValueText(self.tr("{meaning} (0)").format(meaning=zero))
        bounds = self.tr("From {low} to {high}").format(
            low=_said(self.field.minimum()), high=_said(self.field.maximum())
        )
        set_tip(self.field, bounds)
        self.field.setAccessibleDescription(bounds)
        self._frame = frame = _FieldFrame(self.field, self)
        self.field.setAccessibleName(name)
        less = IconButton("minus", self.tr("{name}: less").format(name=name), self, "muted")
        more = IconButton("new", self.tr("{name}: more").format(name=name), self, "muted")
        for button in (less, more):
            button.setAutoRepeat(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrow keys do it in the field
        less.clicked.connect(self.field.stepDown)
        more.clicked.connect(self.field.stepUp)
        row.addWidget(less)
        row.addWidget(frame)
        row.addWidget(more)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._announce)
        self.field.valueChanged.connect(self._settle.start)
        self.field.editingFinished.connect(self._announce)
        theme.changed.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        """Make the field wide enough for its text in the chosen text size."""
        words = QFontMetrics(theme.font("body")).horizontalAdvance(self.field.specialValueText())
        self._frame.setFixedWidth(max(theme.px(15 * GRID), words + 4 * GRID))

    def set_value(self, value: float) -> None:
        """Show a value without emitting `changed`."""
        if value != self.field.value():
            self.field.blockSignals(True)
            self.field.setValue(value)
            self.field.blockSignals(False)

    def _announce(self) -> None:
        self._settle.stop()
        self.changed.emit(self.field.value())


def _said(bound: float) -> str:
    return number(bound, 0 if bound == round(bound) else 1)


class SettingRow(QWidget):
    """Name and description of a setting on the left, its control on the right (or below, if it is wide)."""

    def __init__(
        self, name: str, meaning: str, control: QWidget, parent: QWidget | None = None, *, below: bool = False
    ) -> None:
        super().__init__(parent)
        words = QVBoxLayout()
        words.setSpacing(2)
        label = Label(name, "body", parent=self, wrap=True)
        label.setBuddy(control)
        words.addWidget(label)
        if meaning:
            words.addWidget(Label(meaning, "small", "muted", self, wrap=True))
            control.setAccessibleDescription(meaning)
        self._meaning, self._control = meaning, control
        self._now = Label("", "small", parent=self, wrap=True)
        self._now.hide()
        words.addWidget(self._now)
        if below:
            column = QVBoxLayout(self)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(GRID)
            column.addLayout(words)
            column.addWidget(control)
        else:
            row = BesideOrBelow()
            self.setLayout(row)
            row.setSpacing(3 * GRID)
            row.add_layout(words)
            row.addWidget(control)

    def say_now(self, text: str) -> None:
        """Say below the description what is really in use, where that may be something else; "" says nothing."""
        self._now.setText(text)
        self._now.setVisible(bool(text))
        self._control.setAccessibleDescription(" ".join(words for words in (self._meaning, text) if words))
