"""Imports a conversation that was exported as JSON. The file is not trusted: it may come from anyone."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from desktop_app.chat.conversation import Message, Picture, Role, State, new_id
from desktop_app.chat.exporting import FORMAT
from desktop_app.errors import UserError

T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_LARGEST_SIDE = 1_000_000  # pixels
_MOST_USES = 1 << 40  # what a conversation will never reach
_YEAR_3000 = 32_503_680_000.0  # seconds since 1970; Windows shows no later dates


@dataclass(frozen=True)
class Imported:
    """A conversation not yet in the history. Its messages have new ids."""

    title: str
    messages: list[tuple[Message, int]]  # as `History.all_messages` returns them
    pictures: dict[str, bytes]  # by SHA-256, which has been checked; some may be missing


def from_json(data: bytes, name: str) -> Imported:
    """Read a conversation. Raises UserError "import-damaged" with the file's `name`."""
    try:
        content = json.loads(data)
        if content["format"] != FORMAT:
            raise ValueError("another format")
        read = {1: _branch, 2: _versions}[content["version"]]
        messages = read(_of(list, content["messages"]))
        pictures = {
            sha256: _picture_bytes(sha256, encoded) for sha256, encoded in _of(dict, content["pictures"]).items()
        }
        if not messages:
            raise ValueError("no messages")
        return Imported(_of(str, content["title"]), messages, pictures)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError("import-damaged", name=name) from error


def _branch(records: list[Any]) -> list[tuple[Message, int]]:
    """Read the messages of version 1: each follows the one before it."""
    messages: list[tuple[Message, int]] = []
    for number, record in enumerate(records, 1):
        messages.append((_message(record, messages[-1][0].id if messages else None), number))
    return messages


def _versions(records: list[Any]) -> list[tuple[Message, int]]:
    """Read the messages of version 2: each names the place of the one that it follows."""
    messages: list[tuple[Message, int]] = []
    for record in records:
        parent = record["parent"]
        if parent is not None:
            parent = messages[round(_between(0, parent, len(messages) - 1))][0].id
        messages.append((_message(record, parent), round(_between(0, record["used"], _MOST_USES))))
    return messages


def _message(record: Any, parent: str | None) -> Message:
    role = Role(record["role"])
    state = State(record["state"])
    if role is Role.NOTE:
        raise ValueError("notes are not exported")
    if state not in {State.COMPLETE, State.STOPPED}:
        state = State.INTERRUPTED  # what failed here, and why, means nothing elsewhere
    return Message(
        new_id(),
        role,
        _of(str, record["text"]),
        tuple(_picture(picture) for picture in _of(list, record["pictures"])),
        parent,
        state,
        _between(0, record["created"], _YEAR_3000),
        # Anything with a structure would be read by this program as its own words.
        {key: value for key, value in _of(dict, record["details"]).items() if isinstance(value, str | int | float)},
    )


def _picture(record: Any) -> Picture:
    return Picture(
        _hash(record["sha256"]),
        _of(str, record["name"]),
        round(_between(1, record["width"], _LARGEST_SIDE)),
        round(_between(1, record["height"], _LARGEST_SIDE)),
    )


def _picture_bytes(sha256: str, encoded: Any) -> bytes:
    data = base64.b64decode(_of(str, encoded), validate=True)
    if hashlib.sha256(data).hexdigest() != _hash(sha256):
        raise ValueError("a picture differs from its name")
    return data


def _hash(value: Any) -> str:
    if not _SHA256.match(_of(str, value)):
        raise ValueError("no SHA-256")
    return str(value)


def _of(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"not a {kind.__name__}")
    return value


def _between(low: float, value: Any, high: float) -> float:
    if not isinstance(value, int | float) or not low <= value <= high or not math.isfinite(value):
        raise ValueError("out of range")
    return float(value)
