"""Catches unhandled exceptions, logs them and shows a report; the program continues."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from desktop_app.ui.help.report import ReportDialog

_log = logging.getLogger(__name__)


class UnhandledErrors(QObject):
    """Catches unhandled exceptions, logs them and shows them in one window; the program continues.

    `caught(str)`: a report. `release` puts the former hook back.
    """

    caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._former = sys.excepthook
        self._dialog: ReportDialog | None = None
        self.caught.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Start catching."""
        self._former = sys.excepthook
        sys.excepthook = self._hook

    def release(self) -> None:
        """Stop catching."""
        sys.excepthook = self._former

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._former(kind, error, trace)
        if not issubclass(kind, KeyboardInterrupt):
            _log.critical("unexpected error", exc_info=(kind, error, trace))
            self.caught.emit("".join(traceback.format_exception(kind, error, trace)))

    def _show(self, report: str) -> None:
        from desktop_app.ui.help.report import (  # bugs are rare, and the window starts sooner
            ReportDialog,
            system_details,
        )

        if self._dialog is not None and self._dialog.isVisible():
            self._dialog.text.appendPlainText("\n" + report)
            return
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = ReportDialog(
            self.tr("Something went wrong"),
            self.tr(
                "This is an error in Eyebright; you did nothing wrong. Your conversations are saved, and you can "
                "continue."
            ),
            f"{system_details()}\n\n{report}",
            QApplication.activeWindow(),
        )
        self._dialog.show()
