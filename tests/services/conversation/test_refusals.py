"""What is said of files that could not be added: once for all that came together, and no longer than it matters."""

from __future__ import annotations

from pathlib import Path

from desktop_app.engine.messages import Failed, Inspect, Inspected
from desktop_app.services.notices import Notice
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import Desk


def standing(desk: Desk) -> list[Notice]:
    """Return the notices in sight: the last posted of each, without those that were withdrawn."""
    latest = {notice.id: notice for notice in desk.notices if notice.id not in desk.withdrawn}
    return list(latest.values())


def codes(desk: Desk) -> list[str]:
    return [notice.text_code for notice in standing(desk)]


def answer(desk: Desk, *good: str) -> None:
    """Answer every look at a picture: only those named `good` are pictures."""
    for inspect in desk.client.of(Inspect):
        name = inspect.picture.name
        if name in good:
            desk.client.emit(Inspected(inspect.request, inspect.picture, 64, 48, b"preview", b"thumb", False))
        else:
            desk.client.emit(Failed(inspect.request, "not-a-picture", {"name": name}))
    wait_until(lambda: not desk.services.draft.is_checking())


def drop(desk: Desk, *names: str, good: tuple[str, ...] = ()) -> None:
    """Drop files together, and wait until all have been looked at."""
    before = len(desk.client.of(Inspect))
    for name in names:
        desk.picture_file(name)
    desk.services.draft.add_urls([(desk.folder / name).as_uri() for name in names])
    wait_until(lambda: len(desk.client.of(Inspect)) == before + len(names))
    answer(desk, *good)


def test_refused_files_of_one_drop_are_one_notice(desk: Desk) -> None:
    drop(desk, "a.png", "b.png", "c.png", "d.png", good=("b.png",))
    (notice,) = standing(desk)
    assert (notice.text_code, notice.parameters) == ("files-refused", {"failed": 3, "count": 4})
    assert [part.name for part in notice.parts] == ["a.png", "c.png", "d.png"]
    assert all("is not a picture" in str(part.error) for part in notice.parts)


def test_one_refused_file_is_told_by_its_own_sentence(desk: Desk) -> None:
    drop(desk, "a.png", "b.png", good=("b.png",))
    assert codes(desk) == ["not-a-picture"]


def test_sixty_files_that_are_not_there_are_one_notice(desk: Desk, tmp_path: Path) -> None:
    desk.services.draft.add_urls([(tmp_path / f"{number}.png").as_uri() for number in range(60)])
    wait_until(lambda: len(desk.client.of(Inspect)) == 60)
    answer(desk)
    (notice,) = standing(desk)
    assert notice.parameters == {"failed": 60, "count": 60}


def test_refusals_leave_with_the_next_drop(desk: Desk) -> None:
    drop(desk, "a.png", "b.png")
    drop(desk, "c.png", good=("c.png",))
    assert codes(desk) == []


def test_refusals_leave_when_the_question_is_sent(desk: Desk) -> None:
    desk.ready()
    drop(desk, "a.png", "b.png", "c.png", good=("c.png",))
    assert codes(desk) == ["files-refused"]
    desk.services.chat.send("What is this?")
    assert codes(desk) == []


def test_addresses_of_the_web_are_counted_too(desk: Desk) -> None:
    desk.services.draft.add_urls(["https://a.example/1.png", "https://a.example/2.png"])
    wait_until(lambda: codes(desk) == ["files-refused"])


def test_many_refusals_at_once_are_told_in_few_words(desk: Desk) -> None:
    before = len(desk.notices)
    desk.services.draft.add_urls([f"https://a.example/{number}.png" for number in range(200)])
    wait_until(lambda: codes(desk) == ["files-refused"])
    assert standing(desk)[0].parameters == {"failed": 200, "count": 200}
    assert len(desk.notices) - before == 2, "the first, and all of them"


def test_what_is_refused_in_another_conversation_is_told_when_that_one_is_open(desk: Desk) -> None:
    desk.services.draft.add_urls([desk.picture_file("a.png").as_uri()])
    wait_until(lambda: len(desk.client.of(Inspect)) == 1)
    desk.services.conversations.open("another")
    inspect = desk.client.of(Inspect)[0]
    desk.client.emit(Failed(inspect.request, "not-a-picture", {"name": "a.png"}))
    pump(50)
    assert codes(desk) == []
    desk.services.conversations.new()
    assert codes(desk) == ["not-a-picture"]


def test_the_same_for_the_pictures_of_a_question_that_is_edited(desk: Desk) -> None:
    edited = desk.services.edited_pictures
    edited.add_urls([desk.picture_file(name).as_uri() for name in ("a.png", "b.png", "c.png")])
    wait_until(lambda: len(desk.client.of(Inspect)) == 3)
    for inspect in desk.client.of(Inspect):
        desk.client.emit(Failed(inspect.request, "not-a-picture", {"name": inspect.picture.name}))
    wait_until(lambda: not edited.is_checking())
    (notice,) = standing(desk)
    assert notice.parameters == {"failed": 3, "count": 3}
    edited.begin(())
    assert codes(desk) == [], "it was ended"
