"""The large preview before sending: pictures keep their shape, have an edge, and none is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from desktop_app.ui.composer.draft_preview import DraftPreview
from desktop_app.ui.transcript.pictures import place_pictures
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.widgets.thumbnails import ThumbnailStrip
from tests.helpers.fake_services import FakeServices, stored
from tests.helpers.fakes.pictures import picture

if TYPE_CHECKING:
    from desktop_app.ui.transcript.view import TranscriptView

Show = Callable[[QWidget], QWidget]
SHAPES = [(4000, 300), (300, 4000), (640, 480), (1000, 1000), (8000, 100)]


@pytest.fixture
def preview(fakes: FakeServices, show_widget: Show) -> DraftPreview:
    made = DraftPreview(fakes.draft, fakes.previews)
    made.resize(760, 420)
    show_widget(made)
    return made


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_pictures_keep_their_shape_before_and_after_sending(
    preview: DraftPreview, fakes: FakeServices, count: int
) -> None:
    for first in range(len(SHAPES)):
        shown = [picture(f"{n}.png", *SHAPES[(first + n) % len(SHAPES)]) for n in range(count)]
        fakes.draft.open("", *shown)
        places, _height = place_pictures(tuple(shown), 760)
        for one, before, after in zip(shown, preview.places(), places, strict=True):
            for width, height in ((before.width(), before.height()), (after.width(), after.height())):
                # To a pixel: a picture 8000 px wide and 100 high is a line.
                off = (width * one.height / one.width - height, height * one.width / one.height - width)
                assert min(map(abs, off)) <= 1
                assert 0 < width <= 760
                assert 0 < height <= 420


def test_how_many_more_there_are_is_said(preview: DraftPreview, fakes: FakeServices) -> None:
    shown = [picture(f"{number}.png") for number in range(25)]
    fakes.draft.open("", *shown)
    assert len(preview.places()) == 4
    assert preview.unseen() == 22
    assert "22" in preview.accessibleDescription()
    last = preview.places()[-1].toRect()
    dark = preview.grab().toImage().pixelColor(last.topLeft() + QPoint(20, 20))
    fakes.draft.open("", *shown[:4])
    light = preview.grab().toImage().pixelColor(last.topLeft() + QPoint(20, 20))
    assert preview.unseen() == 0
    assert not preview.accessibleDescription()
    assert dark.lightness() < light.lightness()


def edge_of(widget: QWidget, place: QPoint) -> QColor:
    return widget.grab().toImage().pixelColor(place)


def test_a_white_picture_has_an_edge(
    preview: DraftPreview, fakes: FakeServices, show_widget: Show, transcript: TranscriptView
) -> None:
    from tests.helpers.fakes.conversation import answer, question

    white = stored(fakes, "white.png", 200, 200, "#FFFFFF", "#FFFFFF")
    fakes.draft.open("", white)
    strip = ThumbnailStrip(fakes.draft, fakes.previews, preview)
    show_widget(strip)
    (thumbnail,) = strip.thumbnails()
    place = preview.places()[0].toRect()
    ground = theme.colour("paper")
    assert edge_of(thumbnail, QPoint(0, 36)) != edge_of(thumbnail, QPoint(6, 36))
    assert edge_of(preview, QPoint(place.left(), place.center().y())) != ground
    fakes.chat.show(question("?", white), answer("White."))
    row = transcript.page.rows.rect(0)
    assert row is not None
    left = transcript.page.rows.row(0).pictures[0].translated(row.topLeft())
    edge = edge_of(transcript.page.viewport(), QPoint(left.left(), left.center().y()))
    assert edge not in (ground, QColor("#FFFFFF"))
