"""Checks whether Qt works in this installation, for `eyebright self-test`, in a separate process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator, qVersion
from PySide6.QtGui import QColor, QFontDatabase, QFontInfo, QFontMetrics, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QApplication

from desktop_app import paths
from desktop_app.ui.application import make_application
from desktop_app.ui.widgets import icons
from desktop_app.ui.widgets.theme import INTER

_SAMPLE = "Eyebright"
_LANGUAGE = "de"  # any that Qt brings words in


@dataclass(frozen=True)
class Finding:
    """The result of one check. `detail` holds names and numbers only; the command line has the texts."""

    check: str  # "window", "fonts", "icons" or "translations"
    passed: bool
    detail: dict[str, str | int]


def check() -> list[dict[str, object]]:
    """Run all checks; return each finding as plain values."""
    application = make_application(["eyebright"])
    findings = [_window(application), _fonts(), _icons(), _translations()]
    return [asdict(finding) for finding in findings]


def _window(application: QApplication) -> Finding:
    platform = application.platformName()
    return Finding("window", bool(platform), {"platform": platform, "qt": qVersion()})


def _fonts() -> Finding:
    """Check that the program has its own typeface, and that a word is drawn with glyphs, not with empty boxes."""
    font = QGuiApplication.font()
    metrics = QFontMetrics(font)
    image = QImage(metrics.horizontalAdvance(_SAMPLE) + 8, metrics.height() + 8, QImage.Format.Format_Grayscale8)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setFont(font)
    painter.drawText(4, 4 + metrics.ascent(), _SAMPLE)
    painter.end()
    inked = any(byte < 128 for byte in bytes(image.constBits()))
    known = all(metrics.inFont(letter) for letter in _SAMPLE)
    families = QFontDatabase.families()
    used = QFontInfo(font).family()
    detail: dict[str, str | int] = {"family": used, "families": len(families)}
    return Finding("fonts", inked and known and used == INTER, detail)


def _icons() -> Finding:
    sizes = icons.app_icon().availableSizes()
    drawn = icons.pixmap("send", QColor("black")).toImage()
    marks = any(drawn.pixelColor(x, y).alpha() for x in range(drawn.width()) for y in range(drawn.height()))
    return Finding("icons", len(sizes) == len(icons.APP_SIZES) and marks, {"sizes": len(sizes)})


def _translations() -> Finding:
    """Check that Qt's translations load, and those of Eyebright if there are any."""
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    translator = QTranslator()
    loaded = translator.load(QLocale(_LANGUAGE), "qtbase", "_", folder)
    word = translator.translate("QPlatformTheme", "Cancel") if loaded else ""
    ours = sorted((paths.resources_folder() / "translations").glob("eyebright_*.qm"))
    broken = [path.name for path in ours if not QTranslator().load(str(path))]
    return Finding(
        "translations",
        bool(word) and word != "Cancel" and not broken,
        {
            "qt": len(list(Path(folder).glob("qtbase_*.qm"))),
            "ours": len(ours),
            "broken": ", ".join(broken),
        },
    )
