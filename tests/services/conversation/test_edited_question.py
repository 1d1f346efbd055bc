"""A question that is edited loses pictures and gets others, which are checked as those of a draft."""

from __future__ import annotations

from desktop_app.engine.messages import Ask, Failed, Inspect
from desktop_app.services.conversation.draft import DraftPicture
from tests.helpers.waiting import wait_until
from tests.services.conftest import Desk
from tests.services.conversation.test_chat import answer, ask


def test_pictures_go_and_come_and_the_old_version_stays(desk: Desk) -> None:
    desk.ready()
    desk.attach("one.png")
    answer(desk, ask(desk, "What is it?"), "Red.")
    old = desk.services.chat.messages()[0]
    edited = desk.services.edited_pictures
    edited.begin(old.pictures)
    [one] = edited.pictures()
    count = len(desk.client.of(Inspect))
    edited.add_urls([desk.picture_file("two.png", "blue").as_uri()])
    assert edited.is_checking()
    wait_until(lambda: len(desk.client.of(Inspect)) > count)
    desk.inspected()
    wait_until(lambda: not edited.is_checking())
    assert [picture.name for picture in edited.checked()] == ["one.png", "two.png"]
    edited.remove(one.key)
    asked = len(desk.client.of(Ask))
    desk.services.chat.edit(old.id, "And now?", edited.checked())
    wait_until(lambda: len(desk.client.of(Ask)) > asked)
    command = desk.client.of(Ask)[-1]
    assert [(turn.text, [picture.name for picture in turn.pictures]) for turn in command.turns] == [
        ("And now?", ["two.png"])
    ]
    answer(desk, command, "Blue.")
    wait_until(lambda: desk.services.chat.messages()[0].sibling == (1, 2))
    desk.services.chat.show_sibling(desk.services.chat.messages()[0].id, -1)
    wait_until(lambda: desk.services.chat.messages()[0].id == old.id)
    assert desk.services.chat.messages()[0].pictures == old.pictures
    assert desk.services.draft.pictures() == []


def test_what_is_no_picture_is_refused_in_a_notice(desk: Desk) -> None:
    desk.ready()
    edited = desk.services.edited_pictures
    gone: list[int] = []
    edited.removed.connect(gone.append)
    edited.begin(())
    edited.add_urls(["https://example.org/cat.jpg", desk.picture_file("no-picture.png").as_uri()])
    wait_until(lambda: bool(desk.client.of(Inspect)))
    inspect = desk.client.of(Inspect)[-1]
    desk.client.emit(Failed(inspect.request, "not-a-picture", {"name": inspect.picture.name}))
    wait_until(lambda: len(desk.notices) == 2)
    assert [notice.text_code for notice in desk.notices] == ["web-address", "files-refused"]
    assert [part.error.code for part in desk.notices[-1].parts] == ["web-address", "not-a-picture"]
    assert edited.pictures() == []
    assert len(gone) == 1


def test_what_is_pasted_is_stored_and_what_was_taken_out_meanwhile_is_not_put_in(desk: Desk) -> None:
    desk.ready()
    edited = desk.services.edited_pictures
    added: list[DraftPicture] = []
    edited.added.connect(added.append)
    edited.begin(())
    data = desk.picture_file("pasted.png").read_bytes()
    edited.add_bytes(data, "Pasted picture")
    desk.inspected()
    wait_until(lambda: not edited.is_checking())
    assert [picture.name for picture in edited.checked()] == ["Pasted picture"]
    count = len(desk.client.of(Inspect))
    edited.add_file(str(desk.picture_file("late.png", "green")))
    edited.remove(added[-1].key)
    wait_until(lambda: len(desk.client.of(Inspect)) > count)
    desk.inspected()
    assert len(edited.pictures()) == 1
    edited.begin(())
    assert edited.checked() == ()
