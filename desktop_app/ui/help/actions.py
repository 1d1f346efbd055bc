"""The actions of the Help menu. The dialogs are imported when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from desktop_app.ui.files.web_page import open_page
from desktop_app.ui.sentences import translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QDialog, QWidget

    from desktop_app.ui.protocols.engine import Engine
    from desktop_app.ui.protocols.services import Services


def open_shortcuts(actions: Sequence[QAction], parent: QWidget) -> None:
    """Show all keyboard shortcuts."""
    from desktop_app.ui.help.about import ShortcutsDialog

    _present(ShortcutsDialog(actions, parent))


def open_about(parent: QWidget) -> None:
    """Show name, version and licence."""
    from desktop_app.ui.help.about import AboutDialog

    _present(AboutDialog(parent))


def open_report(engine: Engine, parent: QWidget) -> None:
    """Show a problem report to copy."""
    from desktop_app.ui.help.report import ReportDialog, system_details

    info = engine.info()
    _present(
        ReportDialog(
            translate("Help", "Report a problem"),
            translate(
                "Help", "Describe what you did, what you expected and what happened instead. Add the lines below."
            ),
            system_details(info.name if info is not None else "", engine.deaths()),
            parent,
        )
    )


def check_for_updates(services: Services, parent: QWidget) -> None:
    """Check for a newer version; a notice shows the result and can open the release page."""
    services.notices.register("open-releases", lambda: open_page(services.updates.page(), parent))
    services.updates.check()


def _present(dialog: QDialog) -> None:
    """Show a dialog that is deleted when it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
