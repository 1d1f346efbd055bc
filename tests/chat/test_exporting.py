"""An exported conversation is complete, shows text as plain text, and can be imported again."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.exporting import to_html, to_json, to_markdown
from desktop_app.chat.history import History
from desktop_app.chat.importing import from_json
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


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_shows_all_text_as_text_and_pictures_that_are_pictures() -> None:
    html = to_html("<i>Title</i> {0}", conversation(), BYTES.get)
    page = Page(html)
    assert TRICKY in page.text
    assert "A **cat** & <b>more</b>." in page.text
    assert page.text.count("<i>Title</i> {0}") == 2
    assert not {"script", "i", "b", "svg", "a", "link", "iframe"} & set(page.tags)
    assert "model-changed" not in html
    sources = [value or "" for name, value in page.attributes if name == "src"]
    assert [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources] == [PNG, PNG]
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert not re.search(r"https?:|url\(", html)
    for picture in (CAT, SCRIPT, GONE):
        assert picture.name in page.text


def test_markdown_shows_questions_as_typed_and_answers_as_they_are() -> None:
    text = to_markdown("A\n# title", conversation(), {Role.USER: "Frage", Role.ASSISTANT: "Antwort"})
    lines = text.split("\n")
    assert lines[0] == "# A # title"
    assert [line for line in lines if line.startswith("## ")] == ["## Frage", "## Antwort", "## Frage"]
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
    imported = from_json(to_json("Cats", path, BYTES.get).encode(), "cats.json")
    assert imported.pictures == BYTES
    assert imported.title == "Cats"
    spoken = [message for message in path if message.role is not Role.NOTE]
    assert [(m.role, m.text, m.pictures, m.state, m.created) for m in imported.messages] == [
        (m.role, m.text, m.pictures, m.state, m.created) for m in spoken
    ]
    assert imported.messages[1].details == {"model": "llava", "tokens_per_second": 4.25}
    assert {m.id for m in imported.messages}.isdisjoint(m.id for m in path)

    for _ in range(2):  # twice the same file are two conversations
        name = history.add_conversation(imported.title, from_json(json_of(path), "n").messages)
        assert [m.text for m in history.path(name)] == [m.text for m in spoken]
    assert [row.title for row in history.summaries()] == ["Cats", "Cats"]


def json_of(path: list[Message]) -> bytes:
    return to_json("Cats", path, BYTES.get).encode()


def test_answers_that_failed_elsewhere_are_interrupted_here() -> None:
    failed = Message(new_id(), Role.ASSISTANT, "", state=State.FAILED, details={"error": {"code": "?"}})
    growing = Message(new_id(), Role.ASSISTANT, "A", state=State.STREAMING)
    for message in (failed, growing):
        assert from_json(json_of([message]), "n").messages[0].state is State.INTERRUPTED


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
        changed({"version": 2}),
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


def test_a_conversation_is_added_whole_or_not_at_all(history: History) -> None:
    path = [replace(message, role=Role.USER) for message in conversation()]
    with pytest.raises(KeyError):
        history.add_conversation("Broken", [path[0], path[2]])
    assert history.summaries() == []
    name = history.add_conversation(" ", path)
    assert history.summaries()[0].title.startswith("<script>")
    assert len(history.path(name)) == 4


def test_half_an_emoji_from_a_file_can_be_stored(history: History, tmp_path: Path) -> None:
    imported = from_json(changed({"title": "half \ud83d"}, {"text": "half \ud83d"}), "n")
    name = history.add_conversation(imported.title, imported.messages)
    (tmp_path / "page.html").write_text(to_html(history.summaries()[0].title, history.path(name), BYTES.get), "utf-8")
    assert history.path(name)[0].text == "half \ufffd"
