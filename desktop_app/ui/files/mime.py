"""Reads addresses and pictures from a drag or the clipboard."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

from desktop_app.file_addresses import is_local, local_path
from model_store.foreign_files import matching

# Not decoded in this process: the engine does that.
_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/avif", "image/gif", "image/tiff", "image/bmp")
# What file managers put on the clipboard, some of them nothing else: "copy" or "cut", then an address in each line.
_COPIED_FILES = ("x-special/gnome-copied-files", "x-special/mate-copied-files", "x-special/nautilus-clipboard")
_COPIED_AS_TEXT = "x-special/nautilus-clipboard\n"  # how a text of Nautilus 3.30 and later begins
_DATA = re.compile(r"data:image/[\w.+-]+((?:;[\w=.%-]+)*),", re.ASCII | re.IGNORECASE)
_IMG = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*(?:"(data:[^"]*)"|'(data:[^']*)'|(data:[^\s>]*))""", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?-->|<(head|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]+:\S+\s*")
_LONGEST_HTML = 200 << 20  # characters; an address of data holds a whole picture

#: What files with models are called.
MODEL_SUFFIXES = (".gguf", ".llamafile")


def urls_of(mime: QMimeData) -> list[str]:
    """Return the addresses, percent-encoded."""
    if mime.hasUrls():
        urls = [bytes(url.toEncoded().data()).decode("ascii") for url in mime.urls()]
        return [url for url in urls if not url.startswith("#")]  # a comment in text/uri-list (RFC 2483)
    for name in _COPIED_FILES:
        if mime.hasFormat(name):
            lines = bytes(mime.data(name).data()).decode("utf-8", "replace").split()
            return [line for line in lines if line.startswith("file:")]
    text = mime.text() if mime.hasText() else ""
    return text.split()[2:] if text.startswith(_COPIED_AS_TEXT) else []


def has_picture(mime: QMimeData) -> bool:
    """Tell whether there is a picture that is not a file."""
    return mime.hasImage() or any(mime.hasFormat(name) for name in _ENCODED) or bool(_data_address(mime))


def is_only_picture(mime: QMimeData) -> bool:
    """Tell whether the words beside a picture are only its address, as browsers put them there, or there are none."""
    html = _html_of(mime)
    if "<img" in html.lower():
        return not _words_of(html)
    text = mime.text()
    return bool(_data_address(mime)) or not text.strip() or _ADDRESS.fullmatch(text) is not None


def picture_bytes(mime: QMimeData) -> bytes:
    """Return the picture's bytes in a format that the engine reads, empty when there is none."""
    for name in _ENCODED:
        data = bytes(mime.data(name).data()) if mime.hasFormat(name) else b""
        if data:
            return data
    address = _data_address(mime)
    if address:
        return _bytes_in(address)
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
    return [path for path in (local_path(url) for url in urls if is_local(url)) if path and _holds_model(Path(path))]


def _holds_model(path: Path) -> bool:
    return path.suffix.lower() in MODEL_SUFFIXES or bool(matching(path, "*.[gG][gG][uU][fF]"))


def _data_address(mime: QMimeData) -> str:
    """Return the address that holds a picture itself ("data:image/png;base64,..."), "" when there is none."""
    from html import unescape

    text = mime.text().strip()[:_LONGEST_HTML] if mime.hasText() else ""
    for address in (text, *urls_of(mime)):
        if _DATA.match(address):
            return address
    html = _html_of(mime)
    found = _IMG.search(html)
    address = unescape(next(filter(None, found.groups()), "")) if found and not _words_of(html) else ""
    return address if _DATA.match(address) else ""


def _html_of(mime: QMimeData) -> str:
    return mime.html()[:_LONGEST_HTML] if mime.hasHtml() else ""


def _words_of(html: str) -> str:
    from html import unescape  # its table of names is large, and the window starts without

    return unescape(_TAG.sub("", html)).strip()


def _bytes_in(address: str) -> bytes:
    head = _DATA.match(address)
    data = unquote_to_bytes(address[head.end() :]) if head else b""
    if head is None or "base64" not in head[1].lower():
        return data
    try:
        return b64decode(data + b"=" * (-len(data) % 4))
    except NotBase64:
        return b""
