"""Keeps the picture that one reads about in sight: in the pane beside the conversation, or small in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.ui.pictures.in_view import PictureInView, Rows
from desktop_app.ui.pictures.thumbnail import PictureThumbnail
from desktop_app.ui.widgets.controls import IconButton
from desktop_app.ui.widgets.theme import theme

if TYPE_CHECKING:
    from desktop_app.ui.pictures.large_previews import LargePreviews
    from desktop_app.ui.pictures.pane import PicturePane
    from desktop_app.ui.pictures.splitter import PageSplitter
    from desktop_app.ui.protocols.services import Services

_WIDE = 1100  # px at 100 % text size; from this width of the window on there is room for the pane


class Header(Protocol):
    """See `desktop_app.ui.header`."""

    def add_on_the_right(self, widget: QWidget) -> None:
        """Add a button at the right end."""

    def balance(self) -> None:
        """Keep the title in the middle."""


class PictureBeside(QObject):
    """Decides between pane and header. `opened(sha256)`: a picture is to be shown in its own window.

    `left`: the keyboard is to go back to the question. `built(QWidget)`: the pane is there for the first time.
    """

    opened = Signal(str)
    left = Signal()
    built = Signal(QWidget)

    def __init__(
        self,
        services: Services,
        rows: Rows,
        large: LargePreviews,
        splitter: PageSplitter,
        header: Header,
        action: QAction,
    ) -> None:
        """`action`: opens and closes the pane, in the menu."""
        super().__init__(splitter)
        self._action = action
        self._previews = services.previews
        self._large = large
        self._splitter = splitter
        self._is_wanted = True
        self.in_view = PictureInView(services.chat, rows, self)
        self.pane: PicturePane | None = None
        self.thumbnail = PictureThumbnail(services.previews)
        self.thumbnail.clicked.connect(self._open)
        self.button = IconButton("pane", "", None, "muted")
        self.button.clicked.connect(self.toggle)
        header.add_on_the_right(self.thumbnail)
        header.add_on_the_right(self.button)
        self._header = header
        action.triggered.connect(self.toggle)

    def restore(self, memory: QSettings) -> None:
        """Take over whether the pane is open, and its width; from now on it follows the conversation."""
        self._is_wanted = bool(memory.value("picture_pane", True, type=bool))
        share = memory.value("picture_pane_share", 0.0, type=float)
        self._splitter.set_share(share if isinstance(share, float) else 0.0)
        self.in_view.changed.connect(self.refresh)
        theme.changed.connect(self.refresh)
        self.refresh()

    def remember(self, memory: QSettings) -> None:
        """Keep what `restore` takes over."""
        memory.setValue("picture_pane", self._is_wanted)
        memory.setValue("picture_pane_share", self._splitter.share())

    def can_show(self) -> bool:
        """Return whether there is a picture, and room for the pane."""
        return self.in_view.picture() is not None and self._splitter.window().width() >= theme.room(_WIDE)

    def is_shown(self) -> bool:
        """Return whether the pane is open, also while the window is not shown."""
        return self.can_show() and self._is_wanted

    def toggle(self) -> None:
        """Open or close the pane."""
        if self.can_show():
            self._is_wanted = not self._is_wanted
            self.refresh()

    def refresh(self) -> None:
        """Show pane or thumbnail as the picture and the width of the window want it."""
        picture, shown = self.in_view.picture(), self.is_shown()
        if shown and self.pane is None:
            self._build()
        if self.pane is not None and shown == self.pane.isHidden():
            had_focus = self._has_focus(self.pane)
            self.pane.setVisible(shown)
            self._splitter.divide()
            if had_focus:
                self.left.emit()
        if picture is not None:
            self.thumbnail.show_picture(picture)
        self.thumbnail.setVisible(picture is not None and not shown)
        self.button.setVisible(self.can_show())
        name = self.tr("Close the picture pane") if shown else self.tr("Show the picture beside the conversation")
        self.button.set_name(name, self._action.shortcut())
        self.button.set_icon("pane", "accent" if shown else "muted")
        self._header.balance()
        self._action.setEnabled(self.can_show())
        self._action.setChecked(shown)

    @staticmethod
    def _has_focus(pane: QWidget) -> bool:
        focused = QApplication.focusWidget()
        return focused is not None and pane.isAncestorOf(focused)

    def _build(self) -> None:
        from desktop_app.ui.pictures.pane import PicturePane

        self.pane = PicturePane(self.in_view, self._previews, self._large)
        self.pane.hide()
        self.pane.opened.connect(self.opened)
        self.pane.close_wanted.connect(self.toggle)
        self.pane.left.connect(self.left)
        self._splitter.addWidget(self.pane)
        self.built.emit(self.pane)

    def _open(self) -> None:
        picture = self.in_view.picture()
        if picture is not None:
            self.opened.emit(picture.sha256)
