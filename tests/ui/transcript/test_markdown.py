"""Markdown in an answer is shown, and cannot load or run anything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QTextDocument, QTextTable
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.ui.transcript.links import open_link
from desktop_app.ui.transcript.markdown import copying
from desktop_app.ui.transcript.markdown.builder import markdown_document
from desktop_app.ui.transcript.markdown.copying import plain_text
from desktop_app.ui.transcript.markdown.document import SafeDocument, plain_document, set_plain_text
from desktop_app.ui.transcript.markdown.fragments import markdown_of
from desktop_app.ui.widgets.question import Question
from desktop_app.ui.widgets.theme import GRID, theme
from tests.helpers.browser import Browser, asked_to_open, nothing_asked
from tests.helpers.fakes.pictures import png
from tests.helpers.waiting import pump

pytestmark = pytest.mark.usefixtures("dressed")


def painted(document: QTextDocument) -> QImage:
    document.setTextWidth(600)
    image = QImage(600, 400, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFF)
    painter = QPainter(image)
    document.drawContents(painter)
    painter.end()
    return image


def test_local_picture_is_neither_read_nor_shown(tmp_path: Path) -> None:
    file = tmp_path / "private.png"
    file.write_bytes(png(50, 50))
    for address in (file.as_posix(), file.as_uri(), "http://127.0.0.1:9/x.png", "data:image/png;base64,AAAA"):
        document = markdown_document(f"before ![a holiday]({address}) after")
        assert document.toPlainText() == "before [a holiday] after"
        painted(document)
        assert document.refused == 0, "nothing even asks for the picture"


def test_a_picture_in_a_document_is_never_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "private.png"
    file.write_bytes(png(50, 50))
    address = QUrl.fromLocalFile(str(file))
    document = SafeDocument()
    # The way a picture would be loaded if one ever got into a document.
    document.setHtml(f'<img src="{address.toString()}"> <img src="{file.as_posix()}">')
    image = painted(document)
    assert document.refused > 0
    assert {image.pixel(x, y) for x in range(120) for y in range(60)} == {0xFFFFFFFF}
    for kind in QTextDocument.ResourceType:
        resource = document.resource(kind.value, address)
        assert isinstance(resource, QImage)
        assert resource.size().width() == 1


def test_html_is_shown_as_characters() -> None:
    written = "<b>bold</b> <script>alert(1)</script> <img src='x'>"
    assert markdown_document(written).toPlainText() == written


@pytest.mark.parametrize(
    "text",
    [
        "MAIN STREET\nNo parking\nMo-Fr 8 am - 6 pm\nTow zone",
        "Totals:\n    Milk   1.20\n    Bread  2.50",
        "Dear John,\nthe house is red.\n2. Not a list\nYours",
        "She said:\n(quietly)\n[nothing]",
        r"Area: \(\pi r^2\), and \[\frac{a_1*b}{c\,d}\] with \{x\}, 50\% off",
        "\\[\nx_1 * y_2 * z\n\\]",
        "It costs $5 and not $10_000.",
        "$x_1^2$ and $$a*b*c$$ and `\\(code\\)`".replace("`", ""),
        "a | b\nc | d",
    ],
)
def test_what_was_read_while_it_was_written_stays(text: str) -> None:
    shown = markdown_document(text)
    assert plain_text(shown, 0, shown.characterCount() - 1) == text


def test_lines_are_kept_without_becoming_paragraphs_or_spoiling_markdown() -> None:
    document = markdown_document("**One.**\n_two_\nthree")
    assert (document.blockCount(), document.toPlainText()) == (1, "One.\ntwo\nthree")
    listed = markdown_document("Here:\n- a\n  goes on\n- b\n\n# Head\nunder it\n\n> said\n> twice")
    shown = ["Here:", "a\u2028goes on", "b", "Head", "under it", "said\u2028twice"]
    blocks = [listed.findBlockByNumber(number) for number in range(listed.blockCount())]
    assert [block.text() for block in blocks] == shown
    table = markdown_document("| x | y |\n|---|---|\n| 1 | 2 |\n\n```py\na\n\n  b\\(\n```\nend")
    assert [child.columns() for child in table.rootFrame().childFrames() if isinstance(child, QTextTable)] == [2]
    assert table.parts.codes[0].text == "a\n\n  b\\("
    assert table.toPlainText().endswith("end")
    assert markdown_document("Setext\n===\nline `co\nde`").toPlainText() == "Setext\nline co\nde"


def test_streamed_text_is_shown_as_it_is() -> None:
    document = plain_document("**a** <b>x</b>\n# b")
    assert document.toPlainText() == "**a** <b>x</b>\n# b"
    set_plain_text(document, "**a** <b>x</b>\n# b and\n\nmore")
    assert document.toPlainText() == "**a** <b>x</b>\n# b and\n\nmore"
    set_plain_text(document, "other")
    assert document.toPlainText() == "other"


def test_blocks_of_code_keep_their_text_and_language() -> None:
    text = "Say:\n\n```python\nif a:\n\n    b()\n```\n\nand\n\n```\nplain\n```\n"
    found = [(block.language, block.text) for block in markdown_document(text).parts.codes]
    assert found == [("python", "if a:\n\n    b()"), ("", "plain")]


def test_long_lines_of_code_wrap_instead_of_running_out_of_the_column() -> None:
    document = markdown_document("```\n" + "x" * 500 + "\n```")
    document.setTextWidth(400)
    assert document.size().width() <= 400


def test_first_cell_of_a_table_after_code_has_no_empty_line() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    alone, behind_code = markdown_document(table), markdown_document(f"```\nx\n```\n\n{table}")
    for document in (alone, behind_code):
        document.setTextWidth(400)
    code = markdown_document("```\nx\n```")
    code.setTextWidth(400)
    table_height = alone.size().height()
    assert behind_code.size().height() - code.size().height() < table_height + 30
    assert plain_text(behind_code, 0, behind_code.characterCount() - 1) == "x\na\tb\n1\t2"


@pytest.mark.parametrize(
    "text",
    [
        *(">" * 5_000 + " deep", "\n".join("  " * level + "- x" for level in range(400)), "[" * 5_000, "a " * 150_000),
        *("\\(a " * 20_000, "$a_" * 20_000, "`a ``b " * 10_000, "line\n" * 4_900),
    ],
)
def test_unreasonable_markdown_is_shown_in_reasonable_time(text: str) -> None:
    document = markdown_document(text)
    document.setTextWidth(700)
    assert document.size().height() > 0


@pytest.mark.parametrize(
    ("address", "is_opened"),
    [
        ("https://example.org/a?b=c", True),
        ("http://example.org", True),
        ("mailto:somebody@example.org", True),
        ("mailto:", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("ftp://example.org", False),
        ("/etc/passwd", False),
        ("https:", False),
        ("", False),
    ],
)
def test_only_web_addresses_are_opened(address: str, is_opened: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, parent = Browser(monkeypatch), QWidget()
    open_link(address, parent)
    assert nothing_asked() is not is_opened
    if is_opened:
        asked_to_open()
    assert bool(browser.opened) is is_opened


def test_the_question_shows_an_address_as_it_is_opened(dressed: QApplication) -> None:
    document = markdown_document("https://example.org/\u202egnp.exe")
    (run,) = [run for run in document.begin().textFormats() if run.format.isAnchor()]
    parent = QWidget()
    open_link(run.format.anchorHref(), parent)
    assert asked_to_open("Cancel") == "https://example.org/%E2%80%AEgnp.exe"
    assert document.toPlainText() == "https://example.org/gnp.exe"


def test_a_long_address_is_shown_whole_in_the_question(dressed: QApplication) -> None:
    parent = QWidget()
    open_link("https://example.org/" + "a" * 500, parent)
    (question,) = parent.findChildren(Question)
    pump(0)
    assert question.text.height() >= question.text.heightForWidth(question.text.width()) > 3 * theme.line_height()
    assert question.width() <= theme.px(60 * GRID)
    assert question.no.hasFocus(), "Enter opens nothing"
    assert asked_to_open("Cancel").endswith("aaa")


def test_fonts_and_colours_come_from_the_theme(dressed: QApplication) -> None:
    document = markdown_document("a `b` [c](https://example.org)")
    colours = {run.format.foreground().color().name() for run in document.begin().textFormats()}
    assert theme.colour("accent").name() in colours
    assert document.defaultFont().pixelSize() == theme.font("body").pixelSize()


def test_copying_long_answers_takes_no_time() -> None:
    text = "".join(f"https://example.com/picture/{number:06d}.html\n" for number in range(1_500))
    document = markdown_document(text)
    began = time.process_time()
    (piece,) = copying.selected(document, text, 0, document.characterCount() - 1)
    assert time.process_time() - began < 2
    assert piece.text == text.strip()


_SOURCE = """Begin **bold words** and *em* with `code` and [a **hut**](https://example.org/hut) 2 * 3.

## A **strong** title

- one **item**
- two
  1. nested *x*
  2. y
- [x] done

> quoted **words**
>
> second

| a | b |
|---|---|
| 1 | **2** |
| 3 | 4 |

```python
print(1)
x = 2
```

Note[^1] and $x^2$ end.
***
Last **paragraph *both* here**, snake_case, \\*no\\* mark

1\\. no list

[^1]: The foot.
"""


@pytest.mark.parametrize(
    ("begin", "end", "copied"),
    [
        ("with", "A str", "with `code` and [a **hut**](https://example.org/hut) 2 * 3.\n\n## A **str**"),
        ("item", "nest", "- **item**\n- two\n    1. nest"),
        ("y", "don", "2. y\n- [x] don"),
        ("words", "second", "> **words**\n>\n> second"),
        ("3", "x =", "| a | b |\n| --- | --- |\n| 3 | 4 |\n\n```python\nprint(1)\nx =\n```"),
        ("end.", "both", "end.\n\n***\n\nLast **paragraph *both***"),
        ("mark", "1. no", "mark\n\n1\\. no"),
        ("old w", "and", "old words and"),
    ],
)
def test_a_part_is_copied_as_markdown(begin: str, end: str, copied: str) -> None:
    document = markdown_document(_SOURCE)
    shown = document.toPlainText()
    first = shown.rindex(begin, 0, shown.index(end))
    pieces = copying.selected(document, _SOURCE, first, shown.index(end, first) + len(end))
    assert "\n\n".join(piece.text for piece in pieces) == copied


def test_all_of_a_document_written_as_markdown_is_shown_as_it_was() -> None:
    document = markdown_document(_SOURCE)
    written = markdown_of(document, 0, document.characterCount() - 1)
    assert markdown_document(written).toHtml() == document.toHtml()


def test_words_behind_an_emoji_are_copied_as_they_were() -> None:
    """Qt counts such a letter as two."""
    source = "A 😀 and a **circle** of `x😀y`.\n\n| 😀 | b |\n| --- | --- |\n| 3 | *four* |"
    document = markdown_document(source)
    assert markdown_of(document, 0, document.characterCount() - 1) == source


def test_code_is_copied_in_one_colour(dressed: QApplication) -> None:
    copying.copy([copying.Piece("```python\ndef f(): pass\n```", is_markdown=True)])
    html = QGuiApplication.clipboard().mimeData().html()
    assert "def f(): pass" in html
    assert "<span" not in html
