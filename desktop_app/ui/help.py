"""What the Help menu does: windows that nobody has to answer, imported when they are wanted, and a look for updates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt

from desktop_app.ui.browser import open_page

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

    from desktop_app.ui.window import MainWindow

_tr = partial(QCoreApplication.translate, "Help")


def open_shortcuts(window: MainWindow) -> None:
    """Show all keys."""
    from desktop_app.ui.about import ShortcutsDialog

    _present(ShortcutsDialog(window.menus.actions, window))


def open_about(window: MainWindow) -> None:
    """Show name, version and promise."""
    from desktop_app.ui.about import AboutDialog

    _present(AboutDialog(window))


def open_report(window: MainWindow) -> None:
    """Show what belongs into a report, to copy."""
    from desktop_app.ui.report import ReportDialog, surroundings

    info = window.services.engine.info()
    _present(
        ReportDialog(
            _tr("Report a problem"),
            _tr("Say what you did, what you expected and what happened, and add these lines."),
            surroundings(info.name if info is not None else ""),
            window,
        )
    )


def check_for_updates(window: MainWindow) -> None:
    """Ask whether there is a newer version; a notice tells, and can open the release page."""
    window.services.notices.register("open-releases", partial(open_releases, window))
    window.services.updates.check()


def open_releases(window: MainWindow) -> None:
    """Open the release page in the browser."""
    open_page(window.services.updates.page(), window)


def _present(dialog: QDialog) -> None:
    """Show a dialog, and forget it when it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
