"""Pictures keep their shape wherever they are shown, and have an edge on their ground."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from desktop_app.ui.widgets.theme import contrast, theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fake_services import FakeServices
from tests.helpers.fakes.conversation import question
from tests.helpers.fakes.pictures import painted_size, picture, png, with_ends
from tests.helpers.waiting import pump, wait_until

SHAPES = [(4000, 100), (100, 4000), (1600, 400), (900, 1200), (640, 480)]


def has_both_ends(image: QImage, width: int, height: int) -> bool:
    """Whether both ends of a picture are seen, in about its shape."""
    red, blue = painted_size(image, "red"), painted_size(image, "blue")
    if red.isEmpty() or blue.isEmpty():
        return False
    across, along = (red.width(), red.height()) if width >= height else (red.height(), red.width())
    shape = min(width, height) / max(width, height) * 8  # of an end, which is an eighth
    return abs(across * shape - along) <= 3 or along <= 3


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_whole_pictures_are_seen_in_composer_and_sidebar(
    window: MainWindow, services: FakeServices, width: int, height: int
) -> None:
    shown = picture("panorama.png", width, height)
    small = 192 / max(width, height)  # as the thumbnails of the service are
    services.previews.drawn[shown.sha256] = with_ends(max(1, round(width * small)), max(1, round(height * small)))
    services.draft.put(shown)
    services.conversations.rows.clear()
    services.add_conversation("A street", shown)
    pump(0)
    [thumbnail] = window.composer.strip.thumbnails()
    assert has_both_ends(thumbnail.grab().toImage(), width, height)
    row = window.sidebar.view.grab(QRect(0, 0, 60, 60)).toImage()
    assert has_both_ends(row, width, height)


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_whole_pictures_are_seen_in_the_transcript(
    window: MainWindow, services: FakeServices, width: int, height: int
) -> None:
    shown = picture("panorama.png", width, height)
    small = min(1, 2048 / max(width, height))
    services.previews.drawn[shown.sha256] = with_ends(round(width * small), round(height * small))
    services.chat.show(question("?", shown))
    page = window.transcript.page

    def image() -> QImage:
        return page.viewport().grab().toImage()

    wait_until(lambda: has_both_ends(image(), width, height))


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_picture_in_the_colour_of_its_ground_has_an_edge(
    window: MainWindow, services: FakeServices, look: str
) -> None:
    services.preferences.set("theme", look)
    shown = picture("paper.png", 640, 480)
    page = window.transcript.page
    services.chat.show(question("?", shown))
    for role in ("paper", "raised", "bubble"):
        colour = theme.colour(role)
        services.previews.drawn[shown.sha256] = png(640, 480, colour.name(), colour.name(), plain=True)
        services.previews.ready.emit(shown.sha256)
        services.chat.show(question("?", shown))
        rect = page.rows.rect(0)
        assert rect is not None
        place = page.rows.row(0).pictures[0].translated(rect.topLeft()).adjusted(0, 20, 0, -20)
        image = page.viewport().grab().toImage()
        for x in (place.left(), place.right()):
            assert contrast(image.pixelColor(x, place.center().y()), theme.colour("paper")) > 1.4
