"""Makes resources/icons/app and flower: the program's icon in all sizes that systems and the window need.

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

from desktop_app.ui.widgets.icons import (
    APP_SIZES,
    FLOWER_RATIO,
    FLOWER_SIZES,
    app_icon_folder,
    draw_flower,
    flower_file,
)


def drawn(pixels: int) -> Image.Image:
    """Return the flower, `pixels` square."""
    image = draw_flower(pixels)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.data().data())).convert("RGBA")


def main() -> None:
    """Write all files."""
    application = QGuiApplication([])
    files = {app_icon_folder() / f"eyebright-{size}.png": size for size in APP_SIZES}
    files |= {flower_file(size): round(size * FLOWER_RATIO) for size in FLOWER_SIZES}
    for file, pixels in files.items():
        file.parent.mkdir(exist_ok=True)
        drawn(pixels).save(file, optimize=True)
        print(f"{file.stat().st_size:>7} {file.name}")
    application.quit()


if __name__ == "__main__":
    main()
