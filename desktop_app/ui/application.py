"""The Qt application: name, icon, language, theme, files that are opened with it, and unhandled errors."""

from __future__ import annotations

import os
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, Qt, QTranslator, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from desktop_app import __version__, paths
from desktop_app.errors import UserError
from desktop_app.ui.sentences import error_text
from desktop_app.ui.unhandled_errors import UnhandledErrors
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.theme import theme


class Application(QApplication):
    """Also takes files that macOS opens with the program ("Open with"): they come as events, not as arguments.

    `opened(list of file names)`, one by one; files that came before `listen` are emitted then.
    """

    opened = Signal(list)

    def __init__(self, arguments: list[str]) -> None:
        # As an argument, so that Qt makes the style: setStyle() makes PySide6 import all of QStyle, which is slow.
        super().__init__([*arguments, "-style", "Fusion"])
        self._held: list[str] | None = []

    def listen(self) -> None:
        """Emit `opened` from now on, first for the files that came before."""
        held, self._held = self._held, None
        if held:
            self.opened.emit(held)

    def event(self, event: QEvent) -> bool:
        """Take a file that is opened; web addresses have no file name and are ignored."""
        if isinstance(event, QFileOpenEvent) and event.file():
            if self._held is None:
                self.opened.emit([event.file()])
            else:
                self._held.append(event.file())
            return True
        return super().event(event)


def make_application(arguments: Sequence[str]) -> Application:
    """Return the application with its theme, in the person's language if there is a translation."""
    application = Application(list(arguments) or ["eyebright"])
    application.setApplicationName("eyebright")
    application.setApplicationDisplayName("Eyebright")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName(os.environ.get("FLATPAK_ID", "eyebright"))  # Flatpak names the file otherwise
    application.setWindowIcon(icons.app_icon())
    _translate(application)
    theme.install(application)
    UnhandledErrors(application).install()
    return application


def show_startup_error(error: UserError) -> None:
    """Show an error that prevents the start in a message box: a click on an icon opens no terminal."""
    # Qt's own box: there is no window that could tell it, and what its dialogs need may be what is missing.
    from PySide6.QtWidgets import QMessageBox  # rare, and the window starts sooner

    application = QApplication(["eyebright"])
    application.setApplicationDisplayName("Eyebright")
    _translate(application)
    box = QMessageBox(QMessageBox.Icon.Critical, "Eyebright", error_text(error))
    box.setTextFormat(Qt.TextFormat.PlainText)  # it names files
    box.exec()


def _translate(application: QApplication) -> None:
    places = (
        ("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
        ("eyebright", str(paths.resources_folder() / "translations")),
    )
    for name, folder in places:
        translator = QTranslator(application)
        if translator.load(QLocale(), name, "_", folder):
            application.installTranslator(translator)
