"""A choice between a few values, as buttons side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QPushButton, QWidget

from desktop_app.ui.widgets.controls import push_button
from desktop_app.ui.widgets.fitting import WrappingRow


class SegmentedControl(QWidget):
    """Chooses one of a few values. `chosen(str)`: the value of the pressed button."""

    chosen = Signal(str)

    def __init__(self, name: str, choices: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setObjectName("segments")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = WrappingRow()
        self.setLayout(row)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for value, text in choices.items():
            button = push_button(text, "plain", self)
            button.setProperty("kind", "segment")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            button.setProperty("value", value)
            self._group.addButton(button)
            row.addWidget(button)
            self.buttons[value] = button
            self.set_text(value, text)
        self._group.buttonClicked.connect(self._clicked)
        self._group.buttonToggled.connect(self._toggled)

    def set_value(self, value: str) -> None:
        """Show which value is chosen."""
        self.buttons[value].setChecked(True)

    def set_text(self, value: str, text: str) -> None:
        """Change the text of a choice."""
        self.buttons[value].setText(text)
        name = self.accessibleName()
        self.buttons[value].setAccessibleName(self.tr("{name}: {choice}").format(name=name, choice=text))

    def _toggled(self, button: QAbstractButton, checked: bool) -> None:
        # Tab goes to the chosen button, the arrow keys to the others; Qt does that only after a click.
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if checked else Qt.FocusPolicy.ClickFocus)

    def _clicked(self, button: QAbstractButton) -> None:
        self.chosen.emit(button.property("value"))
