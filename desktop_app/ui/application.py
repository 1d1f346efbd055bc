"""The Qt application: its name, its icon, its language, its look, what is opened with it, and what becomes of bugs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, QTranslator, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from desktop_app import __version__, paths
from desktop_app.errors import UserError
from desktop_app.ui.sentences import error_text
from desktop_app.ui.unhandled_errors import UnhandledErrors
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.theme import theme


class Application(QApplication):
    """Also takes what macOS opens with the program ("Open with"): there it comes as an event, not as an argument.

    `opened(list of file names)`, one by one; what came before `listen` waits for it.
    """

    opened = Signal(list)

    def __init__(self, arguments: list[str]) -> None:
        # Told so, Qt makes the style; whoever sets one makes Python learn all that styles can do, which takes a while.
        super().__init__([*arguments, "-style", "Fusion"])
        self._waiting: list[str] | None = []

    def listen(self) -> None:
        """Begin to pass on what is opened, after what was."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            self.opened.emit(waiting)

    def event(self, event: QEvent) -> bool:
        """Take a file that is opened. Addresses that are none (web pages) have no name."""
        if isinstance(event, QFileOpenEvent) and event.file():
            if self._waiting is None:
                self.opened.emit([event.file()])
            else:
                self._waiting.append(event.file())
            return True
        return super().event(event)


def make_application(arguments: Sequence[str]) -> Application:
    """Return the application, dressed and speaking the person's language where it can."""
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


def say_why_not(error: UserError) -> None:
    """Tell why there will be no window, to whoever started the program by a click and sees no terminal."""
    from PySide6.QtWidgets import QMessageBox  # rare, and the window starts sooner

    application = QApplication(["eyebright"])
    application.setApplicationDisplayName("Eyebright")
    _translate(application)
    QMessageBox(QMessageBox.Icon.Critical, "Eyebright", error_text(error)).exec()


def _translate(application: QApplication) -> None:
    places = (
        ("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
        ("eyebright", str(paths.resources_folder() / "translations")),
    )
    for name, folder in places:
        translator = QTranslator(application)
        if translator.load(QLocale(), name, "_", folder):
            application.installTranslator(translator)
