"""Shows texts that are not ours as they are: names and titles may hold HTML, or be very long.

Qt guesses whether a tool tip or a label is HTML, and HTML opens files: `<img src=...>` in the title of a conversation
that somebody sent would read one of this computer, or of a server in its network. Labels are `controls.Label`.
"""

from __future__ import annotations

import re

from PySide6.QtGui import QFontMetrics, Qt, QTextCharFormat
from PySide6.QtWidgets import QListWidgetItem, QWidget

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # turn what follows around: "gnp.exe" would be shown as "exe.png"
_BREAK = "\u200b"  # takes no room
MOST_SAID = 2000  # of a sentence with names in it
MOST_SHOWN = 500  # characters of one name; Qt needs minutes for the lines of a name of a megabyte


def shortened(text: str, most: int = MOST_SHOWN) -> str:
    """Return `text`, or its beginning and an ellipsis when it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def elided_before(
    text: str, kept: int, room: int, metrics: QFontMetrics, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
) -> str:
    """Return `text` elided to `room` px, before its last `kept` letters if there is room for them."""
    head, tail = text[: len(text) - kept], text[len(text) - kept :]
    for_tail = max(room * 2 // 3, room - metrics.horizontalAdvance(head))
    tail = metrics.elidedText(tail, Qt.TextElideMode.ElideMiddle, for_tail)
    return metrics.elidedText(head, mode, room - metrics.horizontalAdvance(tail)) + tail


def breakable(address: str) -> str:
    """Return an address for a label: Qt breaks lines at words alone, and this lets it break one anywhere."""
    return _BREAK.join(address)


def one_line(text: str, most: int = MOST_SHOWN) -> str:
    """Return a name for a sentence or a line of ours: shortened, without line breaks and control characters.

    Behind a line break, a name could pretend to be another sentence.
    """
    return " ".join(_TURNS.sub("", _CONTROL.sub(" ", shortened(text, most))).split())


def button_text(text: str) -> str:
    """Return `text` for a button or a menu, which would make a shortcut of the letter behind "&"."""
    return one_line(text).replace("&", "&&")


def window_title(text: str) -> str:
    """Return `text` for the title of a window, which would drop "[*]" as the mark of unsaved changes."""
    return one_line(text).replace("[*]", "[*][*]")


def between(text: str, start: int, end: int) -> str:
    """Return what stands in `text` between two of Qt's positions. Qt counts letters beyond the first 65,536 as two."""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "replace")


def wrapped_tip(text: str) -> str:
    """Return a tool tip that shows `text` as it is, in several lines where it is long."""
    return Qt.convertFromPlainText(shortened(text), Qt.WhiteSpaceMode.WhiteSpaceNormal) if text else ""


def set_tip(widget: QWidget, text: str) -> None:
    """Give `widget` a tool tip that shows `text` as it is. Screen readers read it too: HTML only where needed."""
    shown = shortened(text)
    widget.setToolTip(wrapped_tip(shown) if Qt.mightBeRichText(shown) else shown)


def set_words_tip(look: QTextCharFormat, text: str) -> None:
    """Keep with words in a document what is said of them. Who shows it makes a tool tip of it: see `wrapped_tip`."""
    look.setToolTip(text)


def set_line_tip(item: QListWidgetItem, text: str) -> None:
    """Give a line of a list a tool tip that shows `text` as it is."""
    item.setToolTip(wrapped_tip(text))
