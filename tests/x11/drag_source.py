"""A small window from which a picture file can be dragged, as another program would. Run by the X11 test.

Usage: drag_source.py FILE X Y
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class Source(QLabel):
    """A label that starts a drag of one file as soon as the mouse moves with the button held."""

    def __init__(self, file: Path) -> None:
        super().__init__("drag me")
        self._file = file

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(self._file))])
            drag = QDrag(self)
            drag.setMimeData(data)
            drag.exec(Qt.DropAction.CopyAction)


def main() -> int:
    application = QApplication(sys.argv[:1])
    source = Source(Path(sys.argv[1]))
    source.setGeometry(int(sys.argv[2]), int(sys.argv[3]), 120, 120)
    source.show()
    print("ready", flush=True)
    return application.exec()


if __name__ == "__main__":
    raise SystemExit(main())
