"""Formulas, code, tables, tasks and links of an answer in the real window: seen, moved, and copied as written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_app.markdown.typesetting import Drawing, typeset
from desktop_app.ui.transcript.markdown import finishing
from desktop_app.ui.transcript.markdown.document import Formula
from desktop_app.ui.transcript.markdown.finishing import finished, finisher
from desktop_app.ui.transcript.markdown.marks import item_marks
from desktop_app.ui.transcript.row import Row
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.widgets.theme import ColourRole, contrast, theme
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.strays import Expected
from tests.helpers.waiting import wait_until
from tests.screens.reference import REFERENCE
from tests.ui.transcript.test_keyboard import place_of

LEFT = Qt.MouseButton.LeftButton
TABLE = f"| {' | '.join(f'Column number {n}' for n in range(20))} |\n{'|---' * 20}|\n{'| some words ' * 20}|"


def row(view: TranscriptView, index: int = 1) -> Row:
    return view.page.rows.row(index)


@pytest.fixture
def show(transcript: TranscriptView, fakes: FakeServices) -> Callable[..., TranscriptView]:
    def shown(*answers: str) -> TranscriptView:
        messages = [message for text in answers for message in (question("And?"), answer(text))]
        fakes.chat.show(*messages)
        transcript.page.rows.scroll_to_start()
        wait_until(
            lambda: not any(row(transcript, seen).document.parts.unfinished for seen in transcript.page.rows.seen())
        )
        return transcript

    return shown


def colours(image: QImage) -> set[str]:
    return {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(image.height())}


def copied(view: TranscriptView) -> str:
    QTest.keyClick(view.page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    return QGuiApplication.clipboard().text()


def drag(view: TranscriptView, begin: QPoint, end: QPoint) -> None:
    viewport = view.page.viewport()
    QTest.mousePress(viewport, LEFT, pos=begin)
    QTest.mouseMove(viewport, (begin + end) / 2)
    QTest.mouseMove(viewport, end)
    QTest.mouseRelease(viewport, LEFT, pos=end)


def top_of(view: TranscriptView, index: int = 1) -> QPoint:
    rect = view.page.rows.rect(index)
    assert rect is not None
    return rect.topLeft()


def test_a_formula_is_drawn_and_copied_as_it_was_written(show: Callable[..., TranscriptView]) -> None:
    view = show(r"So $\frac{a}{b}$ and \(\frac{\) end." + "\n\n$$\nx^2\n$$")
    text = row(view).document.toPlainText()
    assert text.startswith("So \ufffc and \\(\\frac{\\) end.")
    drag(view, place_of(view, 1, "So") - QPoint(18, 0), place_of(view, 1, "end."))
    assert copied(view).startswith(r"So $\frac{a}{b}$ and \(\frac{\) e")
    QTest.keyClick(view.page, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert copied(view) == r"So $\frac{a}{b}$ and \(\frac{\) end." + "\n\n$$\nx^2\n$$"


@pytest.mark.parametrize("preference", ["light", "dark"])
def test_a_formula_has_the_colour_of_the_words(show: Callable[..., TranscriptView], preference: str) -> None:
    theme.set_preference(preference)
    view = show(r"$\rule{0}{0}\int_0^1 x\,dx$")
    place = row(view).text.translated(top_of(view))
    image = view.page.viewport().grab(place).toImage()
    darkest = max((QColor(name) for name in colours(image)), key=lambda one: contrast(one, theme.colour("paper")))
    assert contrast(darkest, theme.colour("paper")) > 7
    theme.set_preference("system")


def test_nothing_is_typeset_for_answers_that_are_not_seen(show: Callable[..., TranscriptView]) -> None:
    before = len(finished)
    show("Seen.", *(f"$x_{{{number}}}$\n\n" + "line\n" * 60 for number in range(1_000, 1_020)))
    assert len(finished) - before < 6


def test_code_is_coloured_and_each_block_has_its_panel(
    show: Callable[..., TranscriptView], dressed: QApplication
) -> None:
    view = show("```python\ndef f():  # words\n    return 'a'\n```\n\n```python\nprint(1)\n```")
    document = row(view).document
    shown = {run.format.foreground().color().name() for run in document.begin().textFormats()}
    roles: tuple[ColourRole, ...] = ("code_keyword", "code_string", "muted")
    assert {theme.colour(role).name() for role in roles} <= shown
    panels = [panel.rect for panel in row(view).panels]
    assert len(panels) == 2
    assert panels[0].bottom() < panels[1].top()


def test_a_wide_table_moves_by_wheel_bar_and_keyboard(show: Callable[..., TranscriptView]) -> None:
    view = show(f"Before\n\n{TABLE}\n\nAfter")
    (strip,) = row(view).strips
    assert strip.width > strip.room.width() == row(view).width
    assert row(view).document.textWidth() == row(view).width
    middle = strip.room.center() + top_of(view)
    for turned, keys in (
        (QPoint(-120, 0), Qt.KeyboardModifier.NoModifier),
        (QPoint(0, -120), Qt.KeyboardModifier.ShiftModifier),
    ):
        before = strip.offset
        event = QWheelEvent(
            QPointF(middle), QPointF(view.page.viewport().mapToGlobal(middle)), QPoint(), turned,
            Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view.page.viewport(), event)
        assert strip.offset > before
    before = strip.offset
    bar = strip.bar().center() + top_of(view)
    drag(view, bar, bar + QPoint(40, 0))
    assert strip.offset > before
    view.page.keyboard.focus_message(1)
    for _ in range(200):
        QTest.keyClick(view.page, Qt.Key.Key_Right)
    assert strip.offset == strip.width - strip.room.width()
    inside = QPoint(strip.room.right() - 60, strip.room.top() + 14)
    position = row(view).position_at(inside)
    assert row(view).document.findBlock(position).text() == "Column number 19"
    QTest.keyClick(view.page, Qt.Key.Key_Left)
    assert strip.offset < strip.width - strip.room.width()


def test_nothing_of_a_wide_table_is_painted_beside_the_column(show: Callable[..., TranscriptView]) -> None:
    view = show(TABLE)
    strip = row(view).strips[0]
    place = strip.room.translated(top_of(view))
    beside = QRect(place.right() + 3, place.top() + 5, 15, place.height() - 10)
    assert view.page.viewport().rect().contains(beside)
    assert len(colours(view.page.viewport().grab(beside).toImage())) == 1


def test_selecting_across_messages_copies_markdown(show: Callable[..., TranscriptView]) -> None:
    view = show("First.\n\n**Bold** words:\n\n- one\n- two", "# Head\n\nThe *end* is near.")
    drag(view, place_of(view, 1, "Bold") - QPoint(30, 0), place_of(view, 3, "near"))
    assert copied(view) == "**Bold** words:\n\n- one\n- two\n\nAnd?\n\n# Head\n\nThe *end* is ne"
    data = QGuiApplication.clipboard().mimeData()
    assert "<strong>Bold</strong>" in data.html()
    assert "<h1>Head</h1>" in data.html()
    QTest.mouseClick(view.page.viewport(), LEFT, pos=place_of(view, 1, "First"))
    QTest.mouseClick(view.page.viewport(), LEFT, Qt.KeyboardModifier.ShiftModifier, place_of(view, 3, "near"))
    assert copied(view).startswith("st.") or copied(view).startswith("rst.")
    assert copied(view).endswith("The *end* is ne")


def test_the_address_of_a_link_is_shown_in_the_corner(show: Callable[..., TranscriptView]) -> None:
    view = show("A [hut](https://example.org/hut) and words.")
    QTest.mouseMove(view.page.viewport(), place_of(view, 1, "hut"))
    wait_until(lambda: not view.link_address.isHidden())
    assert view.link_address.text() == "https://example.org/hut"
    assert view.rect().contains(view.link_address.geometry())
    QTest.mouseMove(view.page.viewport(), place_of(view, 1, "words"))
    wait_until(view.link_address.isHidden)


@pytest.mark.parametrize("item", ["- H", "1. H", "- [ ] H", "1. - H", "- - - H", "10. H"])
def test_what_stands_before_an_item_keeps_the_same_distance_from_its_words(
    show: Callable[..., TranscriptView], item: str
) -> None:
    view = show(item)
    place = row(view).text.translated(top_of(view))
    image = view.page.viewport().grab(place.adjusted(-2, 0, 0, 0)).toImage()
    rows = range(image.height())
    painted = [x for x in range(image.width()) if any(image.pixelColor(x, y).alpha() > 60 for y in rows)]
    letter = next(x for x in reversed(painted) if x - 1 not in painted)
    gaps = [b - a - 1 for a, b in pairwise(painted) if b <= letter]
    assert 6 <= gaps[-1] <= 9


@pytest.mark.parametrize("text", ["> - H", "- > H", "- a\n  > - H", "> - a\n>   > - H"])
def test_the_bar_of_a_quotation_stands_beside_dots_not_on_them(show: Callable[..., TranscriptView], text: str) -> None:
    shown = row(show(text))
    marks = item_marks(shown.document, shown.text.topLeft(), shown.text)
    assert shown.bars
    for bar in shown.bars:
        assert not any(QRectF(bar).adjusted(-2, 0, 2, 0).intersects(mark.rect) for mark in marks)


def test_the_bar_of_a_quotation_stands_beside_code_not_on_it(show: Callable[..., TranscriptView]) -> None:
    shown = row(show("> words\n>\n> ```\n> code\n> ```"))
    assert shown.bars[0].right() < shown.panels[0].rect.left()


@pytest.mark.parametrize("words", ["number", "\u05de\u05e1\u05e4\u05e8"])
def test_only_the_dots_that_are_seen_are_looked_for(show: Callable[..., TranscriptView], words: str) -> None:
    view = show("Before.\n\n" + "\n".join(f"- {words} {n}" for n in range(300)) + "\n\nAfter.")
    shown, place = row(view), row(view).text
    origin = place.topLeft()
    marks = item_marks(shown.document, origin, place)
    assert len(marks) == 300
    middle = QRect(0, place.center().y(), place.width(), view.page.viewport().height())
    seen = item_marks(shown.document, origin, middle)
    assert [mark for mark in marks if QRectF(middle).intersects(mark.rect)] == [
        mark for mark in seen if QRectF(middle).intersects(mark.rect)
    ]
    assert len(seen) <= middle.height() / theme.line_height() + 2
    view.page.rows.scroll_by(place.center().y())
    image = view.page.viewport().grab().toImage()
    for mark in marks:
        at = mark.rect.center().toPoint() + top_of(view)
        if 40 < at.y() < view.page.viewport().height() - 40:
            assert contrast(image.pixelColor(at), theme.colour("paper")) > 3


@pytest.mark.parametrize("preference", ["light", "dark"])
def test_the_reference_conversation(show: Callable[..., TranscriptView], preference: str) -> None:
    theme.set_preference(preference)
    view = show(REFERENCE)
    shown = row(view)
    assert shown.document.toPlainText().count("\ufffc") == 4
    assert [panel.code.language for panel in shown.panels] == ["python", "python"]
    assert len(shown.strips) == 1
    assert len(shown.document.parts.tables) == 2
    marks = item_marks(shown.document, shown.text.topLeft(), shown.text)
    assert [mark.kind for mark in marks] == ["ring", "square", "ring", "checked", "unchecked"]
    assert len(shown.bars) == 2
    assert len(shown.rules) == 2
    view.page.rows.scroll_by(shown.panels[0].rect.top())
    place = shown.panels[0].rect.translated(top_of(view))
    image = view.page.viewport().grab(place.adjusted(20, 5, -60, -5)).toImage()
    assert image.pixelColor(2, image.height() - 3).name() == theme.colour("code").name()
    assert theme.colour("code_keyword").name() in colours(image)
    theme.set_preference("system")


def test_formulas_stay_when_many_others_were_drawn_after_them(
    show: Callable[..., TranscriptView], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "_MOST_KEPT", 30)
    monkeypatch.setattr(finishing, "_SHOWN_AFTER", 10)
    view = show("First " + r"$\frac{q_1}{q_2}$")
    document, width = row(view).document, row(view).document.idealWidth()
    finisher.want([Formula(f"x_{{{n}}}", False) for n in range(30)])
    wait_until(lambda: Formula("x_{29}", False) in finished)
    assert Formula(r"\frac{q_1}{q_2}", False) not in finished
    document.markContentsDirty(0, document.characterCount())
    assert document.idealWidth() == width
    many = " ".join(f"$y_{{{n}}}$" for n in range(12))
    assert row(show(*[f"{n} {many.replace('y', 'abc'[n])}" for n in range(3)])).document.parts.drawings


def test_a_formula_that_fails_stops_no_other(
    show: Callable[..., TranscriptView], monkeypatch: pytest.MonkeyPatch, expected: Expected
) -> None:
    def fail(source: str, display: bool) -> Drawing | None:
        if source == "fails_1":
            raise ValueError("odd")
        return typeset(source, display)

    monkeypatch.setattr(finishing, "typeset", fail)
    expected.log("Something could not be typeset", level=logging.WARNING)
    document = row(show("One $fails_1$ and $works_1$")).document
    assert [formula.source for formula in document.parts.drawings] == ["works_1"]
    assert "$fails_1$" in document.toPlainText()


def test_what_stands_behind_the_language_of_code_is_shown(show: Callable[..., TranscriptView]) -> None:
    (panel,) = row(show("```py title=a.py\nx = 1\n```")).panels
    assert panel.code.language == "py title=a.py"


def test_long_words_behind_the_language_end_before_the_copy_button(show: Callable[..., TranscriptView]) -> None:
    heads = []
    for words in ("py", "py " + "title " * 2_000):
        view = show(f"```{words}\nx = 1\n```")
        (button,) = view.copy_buttons.shown()
        place = button.geometry()
        button.hide()
        heads.append(view.page.viewport().grab(place).toImage())
    assert heads[0] == heads[1]


@pytest.mark.parametrize("text", ["```\nx\n```", "- ```\n  x\n  ```", "> ```\n> x\n> ```\n\nwords\n\n```\ny\n```"])
def test_code_at_the_beginning_and_the_end_of_an_answer_covers_nothing_around_it(
    show: Callable[..., TranscriptView], text: str
) -> None:
    shown = row(show(text))
    assert shown.panels[0].rect.top() == 0
    assert shown.panels[-1].rect.bottom() < shown.document.size().height()
    view = show("words", text)
    place = row(view, 3).panels[0].rect.translated(top_of(view, 3))
    above = view.page.rows.rect(2)
    assert above is not None
    assert above.bottom() < place.top()
