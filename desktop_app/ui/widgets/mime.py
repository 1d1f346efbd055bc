"""Reads addresses and pictures from a drag or the clipboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QUrl
from PySide6.QtGui import QImage

# Not decoded in this process: the engine does that.
_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/avif", "image/gif", "image/tiff", "image/bmp")

_MODELS = (".gguf", ".llamafile")


def urls_of(mime: QMimeData) -> list[str]:
    """Return the addresses, percent-encoded."""
    return [bytes(url.toEncoded().data()).decode("ascii") for url in mime.urls()] if mime.hasUrls() else []


def has_picture(mime: QMimeData) -> bool:
    """Tell whether there is a picture that is not a file."""
    return mime.hasImage() or any(mime.hasFormat(name) for name in _ENCODED)


def picture_bytes(mime: QMimeData) -> bytes:
    """Return the picture's bytes in a format that the engine reads, empty when there is none."""
    for name in _ENCODED:
        data = bytes(mime.data(name).data()) if mime.hasFormat(name) else b""
        if data:
            return data
    image = mime.imageData() if mime.hasImage() else None
    return png(image) if isinstance(image, QImage) and not image.isNull() else b""


def png(image: QImage) -> bytes:
    """Return an image as a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs know only the name of a file
    return bytes(buffer.data().data())


def model_paths(urls: Sequence[str]) -> list[str]:
    """Return what is a model by its name among local `urls`, and folders that hold such files."""
    paths = [QUrl(url).toLocalFile() for url in urls]
    return [path for path in paths if path and _holds_model(Path(path))]


def _holds_model(path: Path) -> bool:
    return path.suffix.lower() in _MODELS or (path.is_dir() and any(path.glob("*.gguf")))
