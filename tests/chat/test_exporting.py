"""An exported conversation is complete, shows text as plain text, and can be imported again."""

import base64
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.exporting import to_json, to_markdown
from desktop_app.chat.history import History
from desktop_app.chat.importing import Imported
from desktop_app.chat.importing import from_json as from_file
from desktop_app.errors import UserError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SVG = b"<svg onload='alert(1)'/>"
BYTES = {hashlib.sha256(data).hexdigest(): data for data in (PNG, SVG)}
CAT, SCRIPT = (
    Picture(sha256, name, 640, 480) for sha256, name in zip(BYTES, ("*猫* <b>.png", '"><script>'), strict=True)
)
GONE = Picture("0" * 64, "gone.png", 1, 1)

TRICKY = (
    "<script>alert(1)</script> & \"quotes\" 'x'\n# no *heading*\n1. [no](list)\n\n    no code\n---\n===\n`$x$` | 猫 🐈"
)


def conversation() -> list[Message]:
    asked = Message(new_id(), Role.USER, TRICKY, (CAT, SCRIPT, GONE), created=1_700_000_000.5)
    note = Message(new_id(), Role.NOTE, "", (), asked.id, details={"note": "model-changed", "parameters": {}})
    told = Message(
        new_id(),
        Role.ASSISTANT,
        "A **cat** & <b>more</b>.",
        (),
        note.id,
        State.STOPPED,
        details={"model": "llava", "tokens_per_second": 4.25, "error": {"code": "x"}},
    )
    return [asked, note, told, Message(new_id(), Role.USER, "And?", (CAT,), told.id, State.COMPLETE)]


def from_json(data: bytes, name: str) -> Imported:
    return from_file(io.BytesIO(data), name, lambda pieces: hashlib.sha256(b"".join(pieces)).hexdigest())


def test_markdown_shows_questions_as_typed_and_answers_as_they_are() -> None:
    text = to_markdown("A\n# title", conversation(), {Role.USER: "Frage", Role.ASSISTANT: "Antwort"})
    lines = text.split("\n")
    assert lines[0] == "# A # title"
    assert [line for line in lines if line.startswith("## ")] == ["## Frage", "## Antwort · llava", "## Frage"]
    assert "A **cat** & <b>more</b>." in lines
    assert "\\<script\\>alert(1)\\</script\\> \\& \"quotes\" 'x'\\" in lines
    assert "\\# no \\*heading\\*\\" in lines
    assert "1\\. \\[no\\](list)" in lines
    assert "\u00a0\u00a0\u00a0\u00a0no code\\" in lines
    assert "\\---\\" in lines
    assert "\\`\\$x\\$\\` \\| 猫 🐈" in lines
    assert "*\\*猫\\* \\<b\\>.png (640 × 480)*" in lines


def test_a_conversation_comes_back_from_json(history: History) -> None:
    path = conversation()
    imported = from_json(json_of(path), "cats.json")
    assert imported.pictures == set(BYTES)
    assert imported.title == "Cats"
    spoken = [message for message in path if message.role is not Role.NOTE]
    messages = [message for message, _ in imported.messages]
    assert [(m.role, m.text, m.pictures, m.state, m.created) for m in messages] == [
        (m.role, m.text, m.pictures, m.state, m.created) for m in spoken
    ]
    assert messages[1].details == {"model": "llava", "tokens_per_second": 4.25}
    assert {m.id for m in messages}.isdisjoint(m.id for m in path)

    for _ in range(2):  # twice the same file are two conversations
        name = history.add_conversation(imported.title, from_json(json_of(path), "n").messages)
        assert [m.text for m in history.path(name)] == [m.text for m in spoken]
    assert [row.title for row in history.summaries()] == ["Cats", "Cats"]


def test_all_versions_come_back_and_the_same_one_is_shown(history: History) -> None:
    asked = Message(new_id(), Role.USER, "A cat?")
    first = Message(new_id(), Role.ASSISTANT, "No.", parent=asked.id)
    note = Message(new_id(), Role.NOTE, "", parent=first.id, details={"note": "model-changed", "parameters": {}})
    after = Message(new_id(), Role.USER, "Sure?", parent=note.id)
    second = Message(new_id(), Role.ASSISTANT, "Yes.", parent=asked.id)
    other = Message(new_id(), Role.USER, "A dog?")
    for message in (asked, first, note, after, second, other):
        history.add_message("c", message)
    history.set_leaf("c", after.id)
    history.set_leaf("c", second.id)
    data = "".join(to_json("Cats", history.all_messages("c"), BYTES.get)).encode()
    assert len(json.loads(data)["messages"]) == 5
    name = history.add_conversation("Cats", from_json(data, "cats.json").messages)
    assert [(m.text, m.sibling) for m in history.path(name)] == [("A cat?", (0, 2)), ("Yes.", (1, 2))]
    shown = history.switch_sibling(name, history.path(name)[1].id, -1)
    assert [m.text for m in shown] == ["A cat?", "No.", "Sure?"]


def test_what_an_earlier_eyebright_exported_comes_back() -> None:
    content = json.loads(json_of(conversation()))
    for record in content["messages"]:
        del record["parent"], record["used"]
    imported = from_json(json.dumps(content | {"version": 1}).encode(), "n")
    messages = [message for message, _ in imported.messages]
    assert [message.parent for message in messages] == [None, messages[0].id, messages[1].id]


def json_of(path: list[Message]) -> bytes:
    return "".join(to_json("Cats", [(m, used) for used, m in enumerate(path, 1)], BYTES.get)).encode()


def test_answers_that_failed_elsewhere_are_interrupted_here() -> None:
    failed = Message(new_id(), Role.ASSISTANT, "", state=State.FAILED, details={"error": {"code": "?"}})
    growing = Message(new_id(), Role.ASSISTANT, "A", state=State.STREAMING)
    for message in (failed, growing):
        assert from_json(json_of([message]), "n").messages[0][0].state is State.INTERRUPTED


def changed(change: dict[str, Any], message: dict[str, Any] | None = None) -> bytes:
    content = json.loads(json_of(conversation()))
    content["messages"][0] |= message or {}
    return json.dumps(content | change).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b"{}",
        changed({"version": 3}),
        changed({"version": []}),
        changed({}, {"parent": 0}),
        changed({}, {"parent": -1}),
        changed({}, {"used": "x"}),
        changed({}, {"used": 1e300}),
        changed({"format": "another"}),
        changed({"title": 3}),
        changed({"messages": []}),
        changed({"messages": [3]}),
        changed({"messages": {}}),
        changed({"pictures": {"../../evil": ""}}),
        changed({"pictures": {CAT.sha256: base64.b64encode(SVG).decode()}}),
        changed({"pictures": {CAT.sha256: "no base64 !"}}),
        changed({}, {"role": "note"}),
        changed({}, {"role": "system"}),
        changed({}, {"role": []}),
        changed({}, {"text": None}),
        changed({}, {"created": "now"}),
        changed({}, {"created": float("nan")}),
        changed({}, {"created": 1e300}),
        changed({}, {"details": []}),
        changed({}, {"pictures": [{"sha256": "../" + "a" * 61, "name": "", "width": 1, "height": 1}]}),
        changed({}, {"pictures": [{"sha256": "a" * 64, "name": "", "width": 0, "height": 1}]}),
        changed({}, {"pictures": [{"sha256": "a" * 64, "name": "", "width": 1, "height": float("inf")}]}),
    ],
)
def test_a_damaged_or_strange_file_is_refused(data: bytes) -> None:
    with pytest.raises(UserError) as caught:
        from_json(data, "strange.json")
    assert (caught.value.code, caught.value.parameters) == ("import-damaged", {"name": "strange.json"})


def test_pictures_are_read_in_pieces_wherever_they_lie() -> None:
    big = bytes(range(256)) * 9000
    name = hashlib.sha256(big).hexdigest()
    asked = Message(new_id(), Role.USER, f'"{name}": "no picture"', (CAT, Picture(name, "big.png", 9, 9)))
    written = "".join(to_json("Big", [(asked, 1)], {name: big, **BYTES}.get))
    for text in (written, json.dumps(json.loads(written)), json.dumps(json.loads(written), separators=(",", ":"))):
        kept: dict[str, bytes] = {}
        longest = 0

        def keep(pieces: Iterable[bytes], kept: dict[str, bytes] = kept) -> str:
            nonlocal longest
            parts = list(pieces)
            longest = max(longest, *(len(part) for part in parts))
            data = b"".join(parts)
            kept[hashlib.sha256(data).hexdigest()] = data
            return hashlib.sha256(data).hexdigest()

        imported = from_file(io.BytesIO(text.encode()), "n", keep)
        assert kept == {name: big, CAT.sha256: PNG}
        assert imported.messages[0][0].text == asked.text
        assert longest <= 1 << 20


def test_too_much_text_is_refused_before_it_is_taken_apart() -> None:
    data = changed({}, {"text": "x" * (17 << 20)})
    with pytest.raises(UserError) as caught:
        from_json(data, "book.json")
    assert (caught.value.code, caught.value.parameters) == ("import-too-large", {"name": "book.json", "limit": 16})


@pytest.mark.parametrize("value", ["[]", "{}", "1", '""', '{"a\\"": 1}'])
def test_a_file_of_countless_values_is_refused_before_it_is_parsed(value: str) -> None:
    """Python parses JSON without letting the window draw meanwhile."""
    with pytest.raises(UserError) as caught:
        from_json(b"[" + f"{value},".encode() * 1_000_000 + b"1]", "book.json")
    assert (caught.value.code, caught.value.parameters) == ("import-too-many", {"name": "book.json"})


def test_a_long_conversation_full_of_brackets_and_commas_comes_back() -> None:
    text = '[{"a, b\\": [1, 2]}], \\' * 100
    asked = Message(new_id(), Role.USER, text)
    exported = "".join(to_json("t", [(replace(asked, id=new_id()), used) for used in range(5_000)], BYTES.get))
    imported = from_json(exported.encode(), "book.json")
    assert [message.text for message, _ in imported.messages] == [text] * 5_000


def test_a_conversation_is_added_whole_or_not_at_all(history: History) -> None:
    path = [(replace(message, role=Role.USER), used) for used, message in enumerate(conversation(), 1)]
    with pytest.raises(KeyError):
        history.add_conversation("Broken", [path[0], path[2]])
    assert history.summaries() == []
    name = history.add_conversation(" ", path)
    assert history.summaries()[0].title.startswith("<script>")
    assert len(history.path(name)) == 4


def test_half_an_emoji_from_a_file_can_be_stored(history: History) -> None:
    imported = from_json(changed({"title": "half \ud83d"}, {"text": "half \ud83d"}), "n")
    name = history.add_conversation(imported.title, imported.messages)
    assert history.path(name)[0].text == "half \ufffd"


def test_details_of_another_are_taken_only_where_they_are_what_we_write() -> None:
    details = {
        "model": "two\nlines " + "x" * 1_000_000,
        "tokens_per_second": "fast",
        "time_to_first_token_s": float("nan"),
        "answer_tokens": 10**400,
        "finish_reason": "length",
        "glance": "yes",
        "look": "at the whole",
        "fine": 1,
        "looks": [[192, 576], [577, 576]],
        "note": "model-changed",
        "parameters": {"a": 1},
    }
    picture = {"sha256": "a" * 64, "name": "p" * 1_000_000, "width": 1, "height": 1}
    data = changed({"title": "t\n" * 1_000_000}, {"details": details, "pictures": [picture]})
    imported = from_json(data, "n")
    message, _ = imported.messages[0]
    assert set(message.details) == {"model", "finish_reason"}
    assert message.details["model"].startswith("two lines x")
    longest = max(map(len, (imported.title, message.details["model"], message.pictures[0].name)))
    assert longest <= 300
    assert "\n" not in imported.title


def test_how_pictures_were_looked_at_is_taken_over() -> None:
    details = {"look": "automatic", "fine": True, "picture_tokens": 280, "looks": [[192, 576], [576, 576]]}
    message, _ = from_json(changed({}, {"details": details}), "n").messages[0]
    assert message.details == details
    assert message.looks == ((192, 576), (576, 576))


@pytest.mark.parametrize(
    "looks", [None, 3, "192", [192, 576], [[0, 576]], [[1.5, 2]], [[True, 2]], [[9, 10**9]], [[1, 2, 3]]]
)
def test_looks_that_cannot_be_understood_say_nothing(looks: object) -> None:
    assert Message("a", Role.ASSISTANT, "", details={"looks": looks}).looks == ()
