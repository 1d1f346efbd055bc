"""The menu bar: everything the window can do, with its keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from desktop_app.ui.help import check_for_updates, open_about, open_report, open_shortcuts
from desktop_app.ui.theme import theme

if TYPE_CHECKING:
    from desktop_app.ui.window import MainWindow

Key = QKeySequence.StandardKey


class Menus:
    """Builds the menus of a window and keeps the actions that change with it."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
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
        self, menu: QMenu, text: str, slot: Callable[..., Any], keys: QKeySequence | Key | str | None = None
    ) -> QAction:
        action = menu.addAction(text)
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(slot)
        self.actions.append(action)
        return action

    def _file(self) -> None:
        window, tr = self._window, self._window.tr
        menu = self._menu(tr("&File"))
        conversations = window.services.conversations
        self._add(menu, tr("&New conversation"), conversations.new, Key.New)
        self._add(menu, tr("&Open picture…"), window.composer.choose_files, Key.Open)
        menu.addSeparator()
        self.export = self._add(menu, tr("&Export conversation…"), window.export_conversation, "Ctrl+E")
        self._add(menu, tr("&Import conversation…"), window.import_conversation)
        menu.addSeparator()
        self._add(menu, tr("&Models…"), window.open_models, "Ctrl+M")
        settings = self._add(menu, tr("&Settings…"), window.open_settings, "Ctrl+,")
        settings.setMenuRole(QAction.MenuRole.PreferencesRole)
        menu.addSeparator()
        leave = self._add(menu, tr("&Quit"), window.close, "Ctrl+Q")
        leave.setMenuRole(QAction.MenuRole.QuitRole)

    def _edit(self) -> None:
        window, tr = self._window, self._window.tr
        menu = self._menu(tr("&Edit"))
        self.paste = self._add(menu, tr("&Paste into the question"), window.paste, Key.Paste)
        self.copy = self._add(menu, tr("&Copy the last answer"), window.copy_answer, "Ctrl+Shift+C")
        menu.addSeparator()
        self.stop = self._add(menu, tr("&Stop the answer"), window.services.chat.stop, "Esc")
        menu.addSeparator()
        self._add(menu, tr("S&earch all conversations"), window.search, Key.Find)
        self.rename = self._add(menu, tr("&Rename conversation"), window.rename_current, "F2")
        self.delete = self._add(menu, tr("&Delete conversation"), window.delete_current, "Ctrl+Shift+Backspace")

    def _view(self) -> None:
        window, tr = self._window, self._window.tr
        menu = self._menu(tr("&View"))
        self.sidebar = self._add(menu, tr("&Sidebar"), window.toggle_sidebar, "Ctrl+B")
        self.sidebar.setCheckable(True)
        looks = menu.addMenu(tr("&Theme"))
        self._themes = QActionGroup(looks)
        names = {"system": tr("Like the system"), "light": tr("Light"), "dark": tr("Dark")}
        self.themes: dict[str, QAction] = {}
        for value, name in names.items():
            action = looks.addAction(name)
            action.setCheckable(True)
            action.triggered.connect(partial(window.prefer, "theme", value))
            self._themes.addAction(action)
            self.themes[value] = action
        menu.addSeparator()
        self._add(menu, tr("&Larger text"), partial(theme.zoom_by, 1), Key.ZoomIn)
        self._add(menu, tr("S&maller text"), partial(theme.zoom_by, -1), Key.ZoomOut)
        self._add(menu, tr("&Usual text size"), partial(theme.set_zoom, 100), "Ctrl+0")

    def _help(self) -> None:
        window, tr = self._window, self._window.tr
        menu = self._menu(tr("&Help"))
        self._add(menu, tr("&Keyboard shortcuts"), partial(open_shortcuts, window), "F1")
        self._add(menu, tr("&Report a problem…"), partial(open_report, window))
        menu.addSeparator()
        updates = self._add(menu, tr("&Check for updates"), partial(check_for_updates, window))
        updates.setMenuRole(QAction.MenuRole.ApplicationSpecificRole)  # where macOS has it: beside About
        about = self._add(menu, tr("&About Eyebright"), partial(open_about, window))
        about.setMenuRole(QAction.MenuRole.AboutRole)

    def refresh(self) -> None:
        """Enable what can be done now, and check what is so."""
        window = self._window
        services = window.services
        is_open = bool(services.conversations.current_id())
        self.export.setEnabled(is_open)
        self.rename.setEnabled(is_open)
        self.delete.setEnabled(is_open)
        self.stop.setEnabled(services.chat.is_busy())
        self.copy.setEnabled(window.last_answer() is not None)
        self.sidebar.setChecked(window.sidebar.isVisibleTo(window))
        self.themes[services.preferences.value("theme")].setChecked(True)
