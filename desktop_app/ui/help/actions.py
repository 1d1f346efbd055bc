"""What the Help menu does: windows that nobody has to answer, imported when they are wanted, and a look for updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from desktop_app.ui.sentences import translate
from desktop_app.ui.widgets.web_page import open_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QDialog, QWidget

    from desktop_app.services.engine import Engine
    from desktop_app.ui.services_protocol import Services


def open_shortcuts(actions: Sequence[QAction], parent: QWidget) -> None:
    """Show the keys of the menus' actions, and all others."""
    from desktop_app.ui.help.about import ShortcutsDialog

    _present(ShortcutsDialog(actions, parent))


def open_about(parent: QWidget) -> None:
    """Show name, version and promise."""
    from desktop_app.ui.help.about import AboutDialog

    _present(AboutDialog(parent))


def open_report(engine: Engine, parent: QWidget) -> None:
    """Show what belongs into a report, to copy."""
    from desktop_app.ui.help.report import ReportDialog, surroundings

    info = engine.info()
    _present(
        ReportDialog(
            translate("Help", "Report a problem"),
            translate(
                "Help", "Describe what you did, what you expected and what happened instead. Add the lines below."
            ),
            surroundings(info.name if info is not None else ""),
            parent,
        )
    )


def check_for_updates(services: Services, parent: QWidget) -> None:
    """Ask whether there is a newer version; a notice tells, and can open the release page."""
    services.notices.register("open-releases", lambda: open_page(services.updates.page(), parent))
    services.updates.check()


def _present(dialog: QDialog) -> None:
    """Show a dialog, and forget it when it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
