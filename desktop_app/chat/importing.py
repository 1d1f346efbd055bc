"""Imports a conversation that was exported as JSON. The file is not trusted: it may come from anyone.

Nearly all of a large file are pictures. They are cut out while it is read and never in memory as a whole; the text
that remains is bounded, because Python needs many times its size.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from desktop_app.chat.certainty import KEY as CERTAINTY_KEY
from desktop_app.chat.certainty import from_details, to_details
from desktop_app.chat.conversation import LOOKS_KEY, Message, Picture, Role, State, looks_from, new_id, storable
from desktop_app.chat.exporting import FORMAT
from desktop_app.errors import UserError

T = TypeVar("T")
MOST_TEXT_MB = 16  # of all messages, with what is noted about them
_PIECE = 1 << 20  # bytes
_MOST_VALUES = 300_000  # lists, objects and values in them; a message has a dozen or two
_OUTSIDE = re.compile(rb'["\[{,]')  # what begins a string, or another value
_INSIDE = re.compile(rb'["\\]')
# The quotes inside a JSON string are escaped, so this is never a part of one.
_PICTURE_BEGINS = re.compile(rb'"([0-9a-f]{64})"\s{0,8}:\s{0,8}"')
_LONGEST_BEGINNING = 84  # bytes
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_LARGEST_SIDE = 1_000_000  # pixels
_MOST_USES = 1 << 40  # what a conversation will never reach
_LONGEST_NAME = 300  # characters of a title or a file's name
_LARGEST_FIGURE = 1e15
#: What the details of a message may hold: figures and names of an answer, and how a question's pictures were sent.
_DETAILS: dict[str, type] = {
    "model": str,
    "finish_reason": str,
    "glance": bool,
    "look": str,
    "fine": bool,
    "picture_tokens": float,
    "engine_stopped": bool,
    "too_long": bool,
    "tokens_per_second": float,
    "time_to_first_token_s": float,
    "answer_tokens": float,
    "evaluated_tokens": float,
    "image_encodes": float,
    "dropped_turns": float,
    "thought": str,
    "thought_s": float,
}
_CHOICES = {"look": ("automatic", "quick")}
_TEXTS = frozenset({"thought"})  # of several lines
_YEAR_3000 = 32_503_680_000.0  # seconds since 1970; Windows shows no later dates


@dataclass(frozen=True)
class Imported:
    """A conversation not yet in the history. Its messages have new ids."""

    title: str
    messages: list[tuple[Message, int]]  # as `History.all_messages` returns them
    pictures: frozenset[str]  # the SHA-256 of those that were in the file and have been kept; some may be missing


def from_json(source: BinaryIO, name: str, keep: Callable[[Iterable[bytes]], str]) -> Imported:
    """Read a conversation; `keep` stores a picture, piece by piece, and returns its SHA-256.

    Raises UserError "import-damaged", "import-too-large" or "import-too-many" with the file's `name`; OSError; and
    what `keep` raises.
    """
    try:
        text = _text_of(source, name)
        if _has_many_values(text):
            raise UserError("import-too-many", name=name)
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError("another format")
        read = {1: _branch, 2: _versions}[content["version"]]
        messages = read(_of(list, content["messages"]))
        title = _line(_of(str, content["title"]))
        named = {_hash(sha256) for sha256 in _of(dict, content["pictures"])}
        if not messages or any(content["pictures"].values()):
            raise ValueError("no messages, or pictures that are none")
        source.seek(0)
        pictures = frozenset(_kept(source, keep))
        if pictures != named:
            raise ValueError("pictures in another place")
        return Imported(title, messages, pictures)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError("import-damaged", name=name) from error


def _text_of(source: BinaryIO, name: str) -> bytes:
    """Return the file without the content of its pictures."""
    text = bytearray()
    for sha256, pieces in _parts(source):
        for piece in pieces:
            if not sha256:
                text += piece
            if len(text) > MOST_TEXT_MB << 20:
                raise UserError("import-too-large", name=name, limit=MOST_TEXT_MB)
    return bytes(text)


def _has_many_values(text: bytes) -> bool:
    """Return whether JSON has so many values that parsing it, which Python does in one go, would stop the window."""
    values, place = 0, 0
    while values <= _MOST_VALUES and (sign := _OUTSIDE.search(text, place)):
        place = sign.end()
        if sign[0] != b'"':
            values += 1
            continue
        while (sign := _INSIDE.search(text, place)) and sign[0] != b'"':
            place = sign.end() + 1  # behind what is escaped
        place = sign.end() if sign else len(text)
    return values > _MOST_VALUES


def _kept(source: BinaryIO, keep: Callable[[Iterable[bytes]], str]) -> Iterator[str]:
    for sha256, pieces in _parts(source):
        if sha256:
            if keep(base64.b64decode(piece, validate=True) for piece in _whole_quads(pieces)) != sha256:
                raise ValueError("a picture differs from its name")
            yield sha256
        else:
            for _ in pieces:
                pass


def _parts(source: BinaryIO) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the file's parts in order, each to be read to its end: text ("", pieces), picture (SHA-256, base64)."""
    reader = _Reader(source)
    while not reader.ended:
        yield "", reader.text()
        if reader.picture:
            yield reader.picture, reader.content()


class _Reader:
    """Reads a file up to the beginning of the next picture, and that up to its end."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._buffer = b""
        self.picture = ""
        self.ended = False

    def text(self) -> Iterator[bytes]:
        self.picture = ""
        while True:
            begins = _PICTURE_BEGINS.search(self._buffer)
            if begins:
                text, self._buffer = self._buffer[: begins.end()], self._buffer[begins.end() :]
                self.picture = begins[1].decode()
                yield text
                return
            sure = max(0, len(self._buffer) - _LONGEST_BEGINNING)
            text, self._buffer = self._buffer[:sure], self._buffer[sure:]
            yield text
            if not self._more():
                yield self._buffer
                self.ended = True
                return

    def content(self) -> Iterator[bytes]:
        while (end := self._buffer.find(b'"')) < 0:
            yield self._buffer
            self._buffer = b""
            if not self._more():
                self.ended = True
                return
        content, self._buffer = self._buffer[:end], self._buffer[end:]
        yield content

    def _more(self) -> bool:
        piece = self._source.read(_PIECE)
        self._buffer += piece
        return bool(piece)


def _whole_quads(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut base64 where it can be decoded in parts."""
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % 4
        yield rest[:whole]
        rest = rest[whole:]
    if rest:
        raise ValueError("base64 that was cut off")


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
        _details(_of(dict, record["details"]), len(_of(str, record["text"]))),
    )


def _details(record: dict[str, Any], length: int) -> dict[str, Any]:
    """Return what this program would have written itself: anything else it might read as its own words.

    `length`: of the message, in characters.
    """
    certainty = from_details(record, length)
    kept: dict[str, Any] = {} if certainty is None else {CERTAINTY_KEY: to_details(certainty)}
    if looks := looks_from(record.get(LOOKS_KEY)):
        kept[LOOKS_KEY] = [list(look) for look in looks]
    for key, value in record.items():
        kind = _DETAILS.get(key)
        if kind is float:
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LARGEST_FIGURE:
                kept[key] = value
        elif kind is str and isinstance(value, str) and value in _CHOICES.get(key, (value,)):
            kept[key] = storable(value) if key in _TEXTS else _line(value)
        elif kind is bool and isinstance(value, bool):
            kept[key] = value
    return kept


def _picture(record: Any) -> Picture:
    return Picture(
        _hash(record["sha256"]),
        _line(_of(str, record["name"])),
        round(_between(1, record["width"], _LARGEST_SIDE)),
        round(_between(1, record["height"], _LARGEST_SIDE)),
    )


def _hash(value: Any) -> str:
    if not _SHA256.match(_of(str, value)):
        raise ValueError("no SHA-256")
    return str(value)


def _of(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"not a {kind.__name__}")
    return value


def _line(text: str) -> str:
    """Return a name as one line that is not too long to be shown."""
    return " ".join(text[: 4 * _LONGEST_NAME].split())[:_LONGEST_NAME]


def _between(low: float, value: Any, high: float) -> float:
    if not isinstance(value, int | float) or not low <= value <= high or not math.isfinite(value):
        raise ValueError("out of range")
    return float(value)
