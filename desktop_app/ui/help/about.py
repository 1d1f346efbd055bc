"""Two dialogs of the Help menu: About, and the keyboard shortcuts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt, qVersion
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from desktop_app import __version__
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.controls import Label, push_button
from desktop_app.ui.widgets.fitting import FittedDialog
from desktop_app.ui.widgets.keys import RENAME
from desktop_app.ui.widgets.theme import GRID, theme


class AboutDialog(FittedDialog):
    """Shows icon, name, version and licence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(QCoreApplication.translate("AboutDialog", "About Eyebright"), 50 * GRID, parent)
        column = self.column
        column.setSpacing(GRID)
        self._flower = flower = QLabel(self)
        flower.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(flower)
        words = [
            Label("Eyebright", "display", parent=self),
            Label(self.tr("Version {version}").format(version=__version__), "small", "muted", self),
            Label(
                self.tr(
                    "Ask questions about your pictures. Everything runs on this computer: no account, and nothing is "
                    "sent."
                ),
                "body",
                parent=self,
                wrap=True,
            ),
            Label(
                self.tr("MIT licence. Made with Qt {qt}, PySide6 and llama.cpp; set in Inter (OFL).").format(
                    qt=qVersion()
                ),
                "small",
                "muted",
                self,
                wrap=True,
            ),
        ]
        for label in words:
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        column.addStretch(1)
        close = push_button(self.tr("Close"), "plain", self)
        close.clicked.connect(self.close)
        self.row.addWidget(close)
        close.setFocus()
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self._flower.setPixmap(icons.flower(112))


class ShortcutsDialog(FittedDialog):
    """Lists all keyboard shortcuts of the window."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        title = QCoreApplication.translate("ShortcutsDialog", "Keyboard shortcuts")
        super().__init__(title, 66 * GRID, parent)
        column = self.column
        column.addWidget(Label(title, "title", parent=self, wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * GRID)
        grid.setVerticalSpacing(GRID)
        native = QKeySequence.SequenceFormat.NativeText
        rows = [
            (self._name(action), action.shortcut().toString(native))
            for action in actions
            if not action.shortcut().isEmpty()
        ]
        left, right = (QKeySequence(key).toString(native) for key in (Qt.Key.Key_Left, Qt.Key.Key_Right))
        rows += [
            (self.tr("Send the question"), QKeySequence(Qt.Key.Key_Return).toString(native)),
            (self.tr("New line in the question"), QKeySequence("Shift+Return").toString(native)),
            (self.tr("Edit the last question, from an empty field"), QKeySequence(Qt.Key.Key_Up).toString(native)),
            (self.tr("Delete the selected message"), QKeySequence(Qt.Key.Key_Delete).toString(native)),
            (self.tr("Another picture, in the window of a picture"), f"{left} {right}"),
            (self.tr("Go to the next part of the window"), QKeySequence(Qt.Key.Key_F6).toString(native)),
            (self.tr("Close the picture or leave the search"), QKeySequence(Qt.Key.Key_Escape).toString(native)),
        ]
        for row, (name, keys) in enumerate(rows):
            grid.addWidget(Label(name, "body", parent=self, wrap=True), row, 0)
            grid.addWidget(Label(keys, "body", "muted", self), row, 1)
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)
        column.addStretch(1)
        close = push_button(self.tr("Close"), "plain", self)
        close.clicked.connect(self.close)
        self.row.addWidget(close)
        close.setFocus()

    def _name(self, action: QAction) -> str:
        """Return what an action does; the key that renames has a second meaning in the conversation."""
        if action.shortcut() == QKeySequence(RENAME):
            return self.tr("Rename the conversation, or edit the selected question")
        return action.text().replace("&", "")
