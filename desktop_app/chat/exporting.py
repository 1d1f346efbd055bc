"""Exports a conversation: as Markdown the branch that is shown, as JSON all versions of its messages.

JSON comes back in with `importing.from_json`. Notes of the program ("model changed") stay out of both.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from desktop_app.chat.conversation import Message, Role

FORMAT, VERSION = "eyebright-conversation", 2
SPEAKERS = {Role.USER: "Question", Role.ASSISTANT: "Answer"}  # the window gives translated ones

PictureBytes = Callable[[str], bytes | None]  # by SHA-256; None if there is no such file any more

_MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]<>&~|$])|^(\s*)([#+=-]|\d+(?=[.)]))", re.MULTILINE)
_INDENT = re.compile("^[ \t]+", re.MULTILINE)  # which would make code of a question
_BREAK = re.compile("(?<=[^\n])\n(?=[^\n])")


def no_remark(_message: Message) -> str:
    """Return what is said below a message where nothing is to be said."""
    return ""


def to_markdown(
    title: str,
    messages: Iterable[Message],
    speakers: Mapping[Role, str] = SPEAKERS,
    remark: Callable[[Message], str] = no_remark,
) -> str:
    """Return the path as Markdown. Answers are Markdown already; questions are made to look as typed.

    `remark` returns what is said below a message.
    """
    parts = [f"# {_plain(' '.join(title.split()))}"]
    for message in spoken(messages):
        parts.append(f"## {_plain(speaker(message, speakers))}")
        parts += [f"*{_plain(picture.name)} ({picture.width} × {picture.height})*" for picture in message.pictures]
        text = message.text.strip()
        parts.append(_as_typed(text) if message.role is Role.USER else text)
        said = remark(message)
        parts.append(f"*{_plain(said)}*" if said else "")
    return "\n\n".join(part for part in parts if part) + "\n"


def to_json(title: str, messages: Sequence[tuple[Message, int]], picture: PictureBytes) -> Iterator[str]:
    """Yield all messages with all their pictures as JSON, one picture after the other.

    `messages` is as `History.all_messages` returns it; `picture` gives the original bytes.
    """
    content = {"format": FORMAT, "version": VERSION, "title": title, "messages": _records(messages)}
    yield json.dumps(content, indent=1).removesuffix("\n}") + ',\n "pictures": {'
    separator = "\n"
    for sha256 in {shown.sha256: None for message, _ in messages for shown in message.pictures}:
        data = picture(sha256)
        if data is not None:
            yield f'{separator}  "{sha256}": "{base64.b64encode(data).decode()}"'
            separator = ",\n"
    yield "\n }\n}\n"


def spoken(messages: Iterable[Message]) -> list[Message]:
    """Return the questions and answers among messages."""
    return [message for message in messages if message.role is not Role.NOTE]


def speaker(message: Message, speakers: Mapping[Role, str]) -> str:
    """Return who says a message; of an answer also which model, where that is known."""
    model = " ".join(str(message.details.get("model", "")).split()) if message.role is Role.ASSISTANT else ""
    return f"{speakers[message.role]} · {model}" if model else speakers[message.role]


def _plain(text: str) -> str:
    """Return Markdown that shows `text` as it is."""
    return _MARKDOWN_SIGNS.sub(lambda sign: f"\\{sign[1]}" if sign[1] else _line_start(sign[2], sign[3]), text)


def _as_typed(text: str) -> str:
    indented = _INDENT.sub(lambda indent: "\u00a0" * len(indent[0]), _plain(text))
    return _BREAK.sub(lambda _: "\\\n", indented)


def _line_start(space: str, sign: str) -> str:
    # A number makes a list only with what follows it, which is escaped instead.
    return f"{space}{sign}\\" if sign.isdigit() else f"{space}\\{sign}"


def _records(messages: Sequence[tuple[Message, int]]) -> list[dict[str, Any]]:
    """Return messages as plain values; each names its parent by its place in the list."""
    records: list[dict[str, Any]] = []
    place: dict[str, int | None] = {}  # of a message in `records`; of a note that of what it follows
    for message, used in messages:
        parent = place.get(message.parent) if message.parent is not None else None
        if message.role is Role.NOTE:
            place[message.id] = parent
            if parent is not None:
                records[parent]["used"] = max(records[parent]["used"], used)
            continue
        place[message.id] = len(records)
        records.append(_record(message) | {"parent": parent, "used": used})
    return records


def _record(message: Message) -> dict[str, Any]:
    return {
        "role": message.role.value,
        "text": message.text,
        "state": message.state.value,
        "created": message.created,
        "details": message.details,
        "pictures": [
            {"sha256": shown.sha256, "name": shown.name, "width": shown.width, "height": shown.height}
            for shown in message.pictures
        ],
    }
