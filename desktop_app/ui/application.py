"""The Qt application: its name, its icon, its language, its look, and what becomes of bugs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop_app import __version__, paths
from desktop_app.errors import UserError
from desktop_app.ui import icons
from desktop_app.ui.report import BugCatcher
from desktop_app.ui.sentences import error_text
from desktop_app.ui.theme import theme


def make_application(arguments: Sequence[str]) -> QApplication:
    """Return the application, dressed and speaking the person's language where it can."""
    application = QApplication(list(arguments) or ["eyebright"])
    application.setApplicationName("eyebright")
    application.setApplicationDisplayName("Eyebright")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("eyebright")
    application.setWindowIcon(icons.app_icon())
    _translate(application)
    theme.install(application)
    BugCatcher(application).install()
    return application


def say_why_not(error: UserError) -> None:
    """Tell why there will be no window, to whoever started the program by a click and sees no terminal."""
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
