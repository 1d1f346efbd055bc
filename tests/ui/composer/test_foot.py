"""The conversation keeps its share of a small window with large text, and nothing moves that need not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QRect
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.ui.pictures.pane import PicturePane
from desktop_app.ui.widgets.theme import theme
from desktop_app.ui.window import MainWindow
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.pictures import picture
from tests.helpers.waiting import pump, wait_until
from tests.screens import model_states  # noqa: F401 - they register their states
from tests.screens.window_states import STATES, Stage

LAKE = picture("lake.png", 1280, 853)


@pytest.fixture
def stage(dressed: QApplication) -> Iterator[Stage]:
    made = Stage()
    yield made
    for window in QApplication.topLevelWidgets():
        window.close()
        window.deleteLater()
    pump(0)


def place(part: QWidget) -> QRect:
    """Where a part stands in its window."""
    return QRect(part.mapTo(part.window(), QPoint(0, 0)), part.size())


def is_wrong(window: MainWindow) -> list[str]:
    """Return what is wrong with how the height of a window is divided."""
    composer, editor = window.composer, window.composer.editor
    thumbnails = composer.strip.thumbnails() if window.services.draft.pictures() else []
    right = {
        "the page has its share": window.pages.height() + window.header.height() >= 0.38 * window.page.height(),
        "the sidebar is hidden": not window.sidebar.isVisible(),
        "there is no pane": not window.findChildren(PicturePane),
        "one can send": window.rect().contains(place(composer.send)),
        "one can attach": window.rect().contains(place(composer.attach)),
        "nothing is below": place(composer.card).bottom() < place(window.status).top(),
        "two lines are seen": editor.height() >= 2 * theme.line_height(),
        "pictures are seen": all(thumbnail.height() >= 72 for thumbnail in thumbnails),
        "they stand alone": not any(place(thumbnail).intersects(place(editor)) for thumbnail in thumbnails),
        "the notice is as high as its words": window.notices.height() >= window.notices.heights(window.width())[1],
    }
    return [what for what, is_so in right.items() if not is_so]


@pytest.mark.parametrize("size", [(1366, 768), (700, 500), (480, 400)])
@pytest.mark.parametrize("name", ["dropped_many", "photo_advice", "queued", "looking_in_parts"])
def test_the_page_keeps_its_share_whatever_is_said_below(stage: Stage, name: str, size: tuple[int, int]) -> None:
    window = stage.window
    window.resize(*size)
    theme.set_zoom(200)
    STATES[name](stage)
    window.composer.editor.set_text("A question\n" * 20)
    wait_until(lambda: not is_wrong(window))


@pytest.mark.parametrize("name", ["looking_in_parts", "looking_quickly"])
@pytest.mark.parametrize(("zoom", "width", "rows"), [(100, 1366, {1}), (200, 1366, {1, 2}), (200, 700, {2, 3})])
def test_all_choices_of_detail_are_seen_whole(stage: Stage, name: str, zoom: int, width: int, rows: set[int]) -> None:
    stage.window.resize(width, 768)
    theme.set_zoom(zoom)
    STATES[name](stage)
    choice = stage.window.composer.picture_detail.choice

    def are_whole() -> bool:
        buttons = [button.geometry() for button in choice.buttons.values() if button.isVisible()]
        inside = all(choice.rect().contains(place) for place in buttons)
        lines = len({place.top() for place in buttons})
        return inside and lines in rows and choice.height() < 60 * lines * zoom / 100

    wait_until(are_whole)


def test_a_long_list_scrolls_and_its_end_is_reached(stage: Stage) -> None:
    window = stage.window
    window.resize(700, 500)
    theme.set_zoom(200)
    STATES["dropped_many"](stage)
    lines = window.notices.list
    assert lines is not None
    wait_until(lambda: window.notices.height() >= window.notices.heights(window.notices.width())[1])
    area = window.notices.parentWidget()
    assert area is not None
    assert area.height() < window.notices.height(), "there is no room for it all"
    bar = window.foot.notices.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert place(window.notices).bottom() <= place(area).bottom()


def test_sidebar_and_pane_give_way_to_large_text_and_come_back(stage: Stage) -> None:
    window, services = stage.window, stage.services
    window.resize(1366, 768)
    services.chat.show(question("What is this?", LAKE), answer("A lake."))
    pump(0)
    beside = window.picture_beside
    assert beside is not None
    seen = {}
    for zoom in (100, 150, 200, 150, 100, 80):
        theme.set_zoom(zoom)
        pump(0)
        seen[zoom] = (window.sidebar.isVisible(), beside.is_shown())
        assert beside.thumbnail.isVisible() is not beside.is_shown()
    assert seen == {80: (True, True), 100: (True, True), 150: (True, False), 200: (False, False)}
    window.resize(2560, 1400)
    theme.set_zoom(200)
    assert window.sidebar.isVisible()
    assert beside.is_shown()


def test_pictures_keep_their_size_when_notices_and_attachments_come(stage: Stage) -> None:
    window = stage.window
    window.resize(1120, 640)
    stage.services.engine.become("ready", LLAVA)
    stage.talk()
    pump(0)
    rows = window.transcript.page.rows

    def size() -> tuple[int, int]:
        shown = rows.row(0).pictures[0]
        return shown.width(), shown.height()

    before = size()
    view = window.transcript.page.viewport().height()
    assert 0.3 * view < before[1] <= 0.45 * view
    STATES["dropped_many"](stage)
    window.composer.editor.set_text("A question\n" * 20)
    wait_until(lambda: window.transcript.page.viewport().height() < 0.7 * view)
    assert size() == before
    window.resize(1120, 900)
    pump(0)
    assert size() > before


@pytest.mark.parametrize("zoom", [100, 200])
def test_the_status_line_is_always_equally_high(stage: Stage, zoom: int) -> None:
    theme.set_zoom(zoom)
    pump(0)
    height = stage.window.status.height()
    for name in ("waiting_for_another", "fetching_beside", "finding_fastest", "engine_dead"):
        STATES[name](stage)
        pump(0)
        assert stage.window.status.height() == height, name


class FirstPainting(QObject):
    """Notes how high the composer is when its window is painted first."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.height = 0
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at the composer when the window is about to be painted."""
        if event.type() == QEvent.Type.Paint and not self.height:
            self.height = self._window.composer.height()
        return super().eventFilter(watched, event)


def test_the_composer_is_as_high_in_the_first_painting_as_it_stays(stage: Stage) -> None:
    """It was painted with its hint above the buttons, and everything above it moved at once."""
    stage.services.engine.become("starting", None)
    window = MainWindow(stage.services)
    window.resize(1120, 780)
    first = FirstPainting(window)
    window.show()
    pump(50)
    assert first.height == window.composer.height() > 0
