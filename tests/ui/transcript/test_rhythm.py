"""A question and its answer stand together, and apart from the next pair; their buttons keep to the gaps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest

from desktop_app.ui.transcript.row import Row
from desktop_app.ui.transcript.view import TranscriptView
from desktop_app.ui.widgets.theme import theme
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump

PAIR, PAIRS = 20, 44  # px at 100 %


@pytest.mark.parametrize("zoom", [100, 150, 200])
@pytest.mark.parametrize("typeface", ["inter", "system"])
def test_pairs_stand_apart(transcript: TranscriptView, fakes: FakeServices, zoom: int, typeface: str) -> None:
    theme.set_typeface(typeface)
    theme.set_zoom(zoom)
    transcript.resize(1000, 3000)
    fakes.chat.show(
        question("What is this?"), answer("A lake."), question("And?", picture()), answer("A hill.\n\nA tree.")
    )
    pump(0)
    half = (theme.line_height() - QFontMetrics(theme.font()).height()) // 2  # of a line's air is below its letters

    def at(index: int, part: Callable[[Row], QRect]) -> QRect:
        rect = transcript.page.rows.rect(index)
        assert rect is not None
        return part(transcript.page.rows.row(index)).translated(rect.topLeft())

    def words(index: int) -> QRect:
        return at(index, lambda row: row.text).translated(0, half)

    first, second = at(0, lambda row: row.bubble), at(2, lambda row: row.bubble)
    seen = at(2, lambda row: row.pictures[0])
    assert words(1).top() - first.bottom() - 1 == theme.px(PAIR)
    assert seen.top() - words(1).bottom() - 1 == theme.px(PAIRS)
    assert words(3).top() - second.bottom() - 1 == theme.px(PAIR)


@pytest.mark.parametrize("zoom", [100, 200])
def test_the_buttons_of_a_question_cover_no_words(transcript: TranscriptView, fakes: FakeServices, zoom: int) -> None:
    theme.set_zoom(zoom)
    fakes.chat.show(question("What is this?"), answer("A lake. " * 60))
    pump(0)
    rows = transcript.page.rows
    above, below = rows.rect(0), rows.rect(1)
    assert above is not None
    assert below is not None
    QTest.mouseMove(transcript.page.viewport(), above.topLeft() + rows.row(0).bubble.center())
    pump(0)
    assert transcript.bar.isVisible()
    air = theme.line_height() - QFontMetrics(theme.font()).height()
    question_words = rows.row(0).text.translated(above.topLeft())
    answer_words = rows.row(1).text.translated(below.topLeft()).adjusted(0, air, 0, 0)
    icon = transcript.bar.edit.iconSize().height()
    drawn = QRect(transcript.bar.x(), transcript.bar.geometry().center().y() - icon // 2, transcript.bar.width(), icon)
    assert not drawn.intersects(question_words)
    assert not drawn.intersects(answer_words)
    QTest.mouseClick(transcript.bar.edit, Qt.MouseButton.LeftButton)
    assert transcript.editor.isVisible()
