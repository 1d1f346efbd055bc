"""Make resources/icons/app: the program's flower in all the sizes that systems ask for.

python packaging/make_icons.py

All come from the two drawings eyebright.svg and eyebright-small.svg.
"""

from __future__ import annotations

import io
import os

from PIL import Image

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication

from desktop_app.ui.icons import APP_SIZES, app_icon_folder, flower


def drawn(size: int) -> Image.Image:
    """Return the flower, `size` px square, as a person's system will show it."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    flower(size, 1.0).save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.data().data())).convert("RGBA")


def main() -> None:
    """Write all files."""
    application = QGuiApplication([])
    folder = app_icon_folder()
    folder.mkdir(exist_ok=True)
    for size in APP_SIZES:
        drawn(size).save(folder / f"eyebright-{size}.png", optimize=True)
    print("\n".join(f"{path.stat().st_size:>7} {path.name}" for path in sorted(folder.iterdir())))
    application.quit()


if __name__ == "__main__":
    main()
