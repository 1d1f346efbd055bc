"""The window as the program builds it, for a measurement."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

from desktop_app import paths
from desktop_app.assembly import Services, build
from desktop_app.engine.client import EngineClient
from desktop_app.services.engine import Handler
from desktop_app.ui.application import make_application
from desktop_app.ui.window import MainWindow

_LIMIT_S = 60.0


class RealWindow:
    """Services and window, started and ready. Leaving the `with` block ends them."""

    def __init__(self, make_client: Callable[[Handler], EngineClient] = EngineClient) -> None:
        paths.make_folders()
        self.application: QApplication = make_application(sys.argv[:1])
        self.services: Services = build(make_client)
        self.window = MainWindow(self.services)
        self.window.resize(1366, 768)

    def __enter__(self) -> RealWindow:
        self.window.show()
        self.window.activateWindow()
        gc.freeze()  # as the program does
        gc.enable()
        self.services.start()
        self.wait(lambda: self.services.engine.state() == "ready")
        return self

    def __exit__(self, *_: object) -> None:
        self.window.close()
        self.services.close()
        # Before Python takes apart what Qt still holds: a run has died of that after it had measured.
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

    def wait(self, until: Callable[[], object]) -> None:
        """Go on until something is so."""
        end = time.monotonic() + _LIMIT_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.001)

    def settle(self, seconds: float) -> None:
        """Let the window do what it still has to do."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > end)


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of `values` does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
