"""The menu bar: all commands of the window, with their shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from desktop_app.ui.help.actions import check_for_updates, open_about, open_report, open_shortcuts
from desktop_app.ui.widgets.text_size_keys import larger_keys, normal_keys, smaller_keys
from desktop_app.ui.widgets.theme import theme

if TYPE_CHECKING:  # only for annotations, so the window does not wait for it
    from desktop_app.ui.dialogs import Dialogs
    from desktop_app.ui.protocols.services import Services

Key = QKeySequence.StandardKey


class Commands(Protocol):
    """The commands of the window that the menus call."""

    def choose_files(self) -> None:
        """Choose pictures for the question."""

    def paste(self) -> None:
        """Paste into the question."""

    def copy_answer(self) -> None:
        """Copy the newest answer."""

    def search(self) -> None:
        """Go to the search field."""

    def new_conversation(self) -> None:
        """Begin a new conversation."""

    def step_to_hit(self, direction: int) -> None:
        """Go to the next word that a search has found, or the one before."""

    def rename_current(self) -> None:
        """Rename the open conversation."""

    def delete_current(self) -> None:
        """Delete the open conversation."""

    def toggle_sidebar(self) -> None:
        """Show or hide the sidebar."""

    def prefer(self, name: str, value: object) -> None:
        """Set a preference."""

    def has_answer(self) -> bool:
        """Return whether there is an answer to copy."""

    def is_sidebar_shown(self) -> bool:
        """Return whether the sidebar is shown."""


class Menus(QObject):
    """Builds the menus of a window and updates their actions."""

    def __init__(self, window: QMainWindow, services: Services, commands: Commands, dialogs: Dialogs) -> None:
        super().__init__(window)
        self._window = window
        self._services = services
        self._commands = commands
        self._dialogs = dialogs
        self.actions: list[QAction] = []
        self._file()
        self._edit()
        self._view()
        self._help()

    def _menu(self, title: str) -> QMenu:
        menu = self._window.menuBar().addMenu(title)
        menu.setToolTipsVisible(False)
        return menu

    def _add(
        self, menu: QMenu, text: str, slot: Callable[..., Any] | None, keys: QKeySequence | Key | str | None = None
    ) -> QAction:
        action = menu.addAction(text)
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
        if slot is not None:
            action.triggered.connect(slot)
        self.actions.append(action)
        return action

    def _file(self) -> None:
        do, dialogs = self._commands, self._dialogs
        menu = self._menu(self.tr("&File"))
        self._add(menu, self.tr("&New conversation"), do.new_conversation, Key.New)
        self._add(menu, self.tr("&Attach pictures…"), do.choose_files, Key.Open)
        menu.addSeparator()
        self.export = self._add(menu, self.tr("&Export conversation…"), dialogs.export_current, "Ctrl+E")
        self._add(menu, self.tr("&Import conversation…"), dialogs.import_conversation)
        self._add(menu, self.tr("&Deleted conversations and backups…"), dialogs.open_recovery)
        menu.addSeparator()
        self._add(menu, self.tr("&Models…"), dialogs.open_models, "Ctrl+M")
        settings = self._add(menu, self.tr("&Settings…"), dialogs.open_settings, "Ctrl+,")
        settings.setMenuRole(QAction.MenuRole.PreferencesRole)
        menu.addSeparator()
        leave = self._add(menu, self.tr("&Quit"), self._window.close, "Ctrl+Q")
        leave.setMenuRole(QAction.MenuRole.QuitRole)

    def _edit(self) -> None:
        do = self._commands
        menu = self._menu(self.tr("&Edit"))
        self.undo = self._add(menu, self.tr("&Undo"), self._services.notices.undo, Key.Undo)
        self._services.notices.undo_changed.connect(self._refresh_undo)
        self._refresh_undo()
        menu.addSeparator()
        self.paste = self._add(menu, self.tr("&Paste into the question"), do.paste, Key.Paste)
        self.copy = self._add(menu, self.tr("&Copy the last answer"), do.copy_answer, "Ctrl+Shift+C")
        menu.addSeparator()
        self.stop = self._add(menu, self.tr("&Stop the answer"), self._services.chat.stop, "Esc")
        menu.addSeparator()
        self._add(menu, self.tr("S&earch all conversations"), do.search, Key.Find)
        self._add(menu, self.tr("Ne&xt hit"), partial(do.step_to_hit, 1), "F3")
        self._add(menu, self.tr("Pre&vious hit"), partial(do.step_to_hit, -1), "Shift+F3")
        self.rename = self._add(menu, self.tr("&Rename conversation"), do.rename_current, "F2")
        self.delete = self._add(menu, self.tr("&Delete conversation"), do.delete_current, "Ctrl+Shift+Backspace")

    def _view(self) -> None:
        do = self._commands
        menu = self._menu(self.tr("&View"))
        self.sidebar = self._add(menu, self.tr("&Sidebar"), do.toggle_sidebar, "Ctrl+B")
        self.sidebar.setCheckable(True)
        # What it does comes with the first conversation: `desktop_app.ui.pictures.beside`.
        self.pane = self._add(menu, self.tr("&Picture beside the conversation"), None, "Ctrl+Shift+B")
        self.pane.setCheckable(True)
        self.pane.setEnabled(False)
        looks = menu.addMenu(self.tr("&Theme"))
        self._themes = QActionGroup(looks)
        names = {"system": self.tr("Same as system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        self.themes: dict[str, QAction] = {}
        for value, name in names.items():
            action = looks.addAction(name)
            action.setCheckable(True)
            action.triggered.connect(partial(do.prefer, "theme", value))
            self._themes.addAction(action)
            self.themes[value] = action
        menu.addSeparator()
        self._add(menu, self.tr("&Larger text"), partial(theme.zoom_by, 1)).setShortcuts(larger_keys())
        self._add(menu, self.tr("S&maller text"), partial(theme.zoom_by, -1)).setShortcuts(smaller_keys())
        self._add(menu, self.tr("&Normal text size"), partial(theme.set_zoom, 100)).setShortcuts(normal_keys())

    def _help(self) -> None:
        window = self._window
        menu = self._menu(self.tr("&Help"))
        self._add(menu, self.tr("&Keyboard shortcuts"), partial(open_shortcuts, self.actions, window), "F1")
        self._add(menu, self.tr("&Report a problem…"), partial(open_report, self._services.engine, window))
        menu.addSeparator()
        updates = self._add(menu, self.tr("&Check for updates"), partial(check_for_updates, self._services, window))
        updates.setMenuRole(QAction.MenuRole.ApplicationSpecificRole)  # where macOS has it: beside About
        about = self._add(menu, self.tr("&About Eyebright"), partial(open_about, window))
        about.setMenuRole(QAction.MenuRole.AboutRole)

    def _refresh_undo(self) -> None:
        self.undo.setEnabled(self._services.notices.can_undo())

    def refresh(self) -> None:
        """Enable the commands that are possible now, and check those that are on."""
        services = self._services
        is_open = bool(services.conversations.current_id())
        self.export.setEnabled(is_open)
        self.rename.setEnabled(is_open)
        self.delete.setEnabled(is_open)
        self.stop.setEnabled(services.chat.is_busy())
        self.copy.setEnabled(self._commands.has_answer())
        self.sidebar.setChecked(self._commands.is_sidebar_shown())
        self.themes[services.preferences.value("theme")].setChecked(True)
