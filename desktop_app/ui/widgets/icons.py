"""The icons: line drawings in the colours of the theme, and the flower of the program.

Only files of `resources/icons` are ever given to the SVG reader; a person's pictures never are
(an SVG can name other files).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from desktop_app import paths
from desktop_app.ui.widgets.theme import ICON, ColourRole, theme

#: Pixels; there is a file for each, which packaging/make_icons.py draws.
APP_SIZES = (16, 20, 22, 24, 32, 48, 64, 128, 256, 512)

#: The same for the flower in the window: drawn in advance, since drawing two of them delays the window.
FLOWER_SIZES = (22, 40, 72, 84, 112)
FLOWER_RATIO = 2.0  # device pixels per px
_BAR = QSize(44, 6)  # px at 100 % text size
_DETAILED = 40  # pixels from which the drawing with all its lines is clear


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return (paths.resources_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def _renderer(name: str, colour: QColor) -> QSvgRenderer:
    svg = _source(name).replace("currentColor", colour.name()).replace("eyeYellow", theme.colour("eye").name())
    return QSvgRenderer(QByteArray(svg.encode()))


def side(size: int = ICON) -> int:
    """Return how many px an icon, or a picture as small as one, takes that has `size` px at 100 % text size."""
    return theme.px(size)


def square(size: int = ICON) -> QSize:
    """Return `side` as a size."""
    return QSize(side(size), side(size))


def pixmap(name: str, colour: QColor, size: int = ICON, ratio: float = 2.0) -> QPixmap:
    """Return line icon `name` in `colour`, `side(size)` px square, with `ratio` device pixels per px."""
    size = side(size)
    key = f"eyebright/{name}/{colour.name(QColor.NameFormat.HexArgb)}/{theme.colour('eye').name()}/{size}/{ratio}"
    known = QPixmap()
    if QPixmapCache.find(key, known):
        return known
    image = QPixmap(QSize(size, size) * ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    _renderer(name, colour).render(painter)
    painter.end()
    image.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, image)
    return image


def icon(name: str, role: ColourRole = "text", size: int = ICON, *, disabled: bool = False) -> QIcon:
    """Return line icon `name` in the colour of `role`, or faint (`disabled`); ask again when the theme changed."""
    if not disabled:
        return QIcon(pixmap(name, theme.colour(role), size))
    made = QIcon()
    made.addPixmap(pixmap(name, theme.colour("edge"), size), QIcon.Mode.Disabled)
    return made


def paint(painter: QPainter, name: str, colour: QColor, rect: QRectF) -> None:
    """Draw line icon `name` into `rect`."""
    _renderer(name, colour).render(painter, rect)


def bar(share: float, role: ColourRole) -> QPixmap:
    """Return a thin bar for a line of text, filled from 0 to 1 in the colour of `role`."""
    size = QSize(side(_BAR.width()), side(_BAR.height()))
    image = QPixmap(size * 2)
    image.fill(Qt.GlobalColor.transparent)
    image.setDevicePixelRatio(2.0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    radius = size.height() / 2
    painter.setBrush(theme.colour("pressed"))
    painter.drawRoundedRect(QRectF(0, 0, size.width(), size.height()), radius, radius)
    painter.setBrush(theme.colour(role))
    if share > 0:
        painter.drawRoundedRect(QRectF(0, 0, max(2 * radius, share * size.width()), size.height()), radius, radius)
    painter.end()
    return image


def flower(size: int) -> QPixmap:
    """Return the program's flower, `side(size)` px square; `size` is one of `FLOWER_SIZES`."""
    wanted = side(size)
    if wanted == size:
        image = QPixmap(str(flower_file(size)))
    else:
        image = draw_flower(round(wanted * FLOWER_RATIO))
    image.setDevicePixelRatio(FLOWER_RATIO)
    return image


def draw_flower(pixels: int) -> QPixmap:
    """Draw the flower, `pixels` square; with few lines where many would not be clear."""
    name = "eyebright" if pixels >= _DETAILED else "eyebright-small"
    image = QPixmap(pixels, pixels)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(paths.resources_folder() / "icons" / f"{name}.svg")).render(painter, QRectF(image.rect()))
    painter.end()
    return image


def flower_file(size: int) -> Path:
    """Return the file of the flower, `size` px square."""
    return paths.resources_folder() / "icons" / "flower" / f"flower-{size}.png"


def app_icon_folder() -> Path:
    """Return the folder with the program's icon in all sizes."""
    return paths.resources_folder() / "icons" / "app"


def app_icon() -> QIcon:
    """Return the icon of the window and the task bar. A file is read when its size is wanted."""
    made = QIcon()
    for size in APP_SIZES:
        made.addFile(str(app_icon_folder() / f"eyebright-{size}.png"), QSize(size, size))
    return made
