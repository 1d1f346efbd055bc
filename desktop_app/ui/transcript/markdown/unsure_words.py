"""Underlines words in the document of an answer. They are told by their places in the Markdown that it was made of."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from PySide6.QtGui import QTextCharFormat, QTextCursor, QTextDocument

from desktop_app.ui.widgets.plain_text import set_words_tip
from desktop_app.ui.widgets.theme import theme

_WORD = re.compile(r"\w+")
_MOST_COMPARED = 5000  # words; comparing more takes long where they differ
Range = tuple[int, int]


def underline(document: QTextDocument, markdown: str, words: Sequence[tuple[Range, str]]) -> None:
    """Underline words with dots: the range of each in `markdown`, and what is said of it under the pointer."""
    if not words:
        return
    shown = document.toPlainText()
    # Qt counts letters beyond the first 65,536 as two.
    twice = [at for at, letter in enumerate(shown) if letter > "\uffff"] if not shown.isascii() else []
    same = dict(_same_words(markdown, shown))
    look = QTextCharFormat()
    look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
    look.setUnderlineColor(theme.colour("muted"))
    cursor = QTextCursor(document)
    cursor.beginEditBlock()  # else Qt lays the paragraph out anew for each word
    for (start, end), said in words:
        places = [same[found.span()] for found in _WORD.finditer(markdown, start, end) if found.span() in same]
        if not places:
            continue  # it is in a formula, or in the address of a link
        first, last = places[0][0], places[-1][1]
        cursor.setPosition(first + bisect_left(twice, first))
        cursor.setPosition(last + bisect_left(twice, last), QTextCursor.MoveMode.KeepAnchor)
        set_words_tip(look, said)
        cursor.mergeCharFormat(look)
    cursor.endEditBlock()


def _same_words(markdown: str, shown: str) -> Iterator[tuple[Range, Range]]:
    """Yield where the words of the Markdown are in the document."""
    written, read = (list(_WORD.finditer(text)) for text in (markdown, shown))
    one, other = ([word[0] for word in words] for words in (written, read))
    if one == other:
        yield from ((here.span(), there.span()) for here, there in zip(written, read, strict=True))
    elif max(len(one), len(other)) <= _MOST_COMPARED:
        for first, second, count in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
            for step in range(count):
                yield written[first + step].span(), read[second + step].span()
