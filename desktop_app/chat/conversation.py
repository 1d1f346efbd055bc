"""A conversation as data: a tree of messages, of which one branch is shown.

Editing a question or asking for another answer adds a sibling; nothing is overwritten.
All types are immutable: a changed message is a new value with the same id.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Any

# From file names that are not UTF-8, or half an emoji: no text for a file or for SQLite.
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
# Of Markdown: words in bold letters, code, and the beginning of a heading.
_MARKS = re.compile(r"\*\*(?=\S)(.+?)\*\*|`([^`]+)`|\A#{1,6} ")
_NUMBERED = re.compile(r" \(\d{1,4}\)\Z")
LOOKS_KEY = "looks"  # in the details of an answer; stored in every history, so it stays
_MOST_ROWS = 1_000_000  # tokens of a picture: there are never so many


class Role(str, Enum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"
    NOTE = "note"  # shown in the transcript, never given to a model ("model changed to ...")


class State(str, Enum):
    """How a message ended."""

    COMPLETE = "complete"
    STREAMING = "streaming"  # found in the database at start-up it means: the program was killed
    STOPPED = "stopped"  # by the person
    INTERRUPTED = "interrupted"  # the engine died, or the program
    FAILED = "failed"  # an expected error; `Message.error` has its sentence parts


@dataclass(frozen=True)
class Picture:
    """A picture of a message. The bytes lie in the attachments folder under `sha256`."""

    sha256: str  # 64 lower-case hex digits, of the original file's bytes
    name: str  # the file name the person knows, for display only
    width: int  # pixels, upright
    height: int


@dataclass(frozen=True)
class Message:
    """One message. `parent` is the id of the message it follows, None for the first."""

    id: str
    role: Role
    text: str
    pictures: tuple[Picture, ...] = ()
    parent: str | None = None
    state: State = State.COMPLETE
    created: float = field(default_factory=time.time)  # seconds since 1970
    # For answers: model name, tokens per second and so on (JSON types only), for the small line below.
    details: dict[str, Any] = field(default_factory=dict)
    # Position among the siblings of the same parent, filled in by the history: (index from 0, count).
    sibling: tuple[int, int] = (0, 1)

    @property
    def thought(self) -> str:
        """Return what the model thought before it answered; of later turns and of copies it is no part."""
        found = self.details.get("thought")  # a history may hold anything
        return found if isinstance(found, str) else ""

    @property
    def is_inside_thought(self) -> bool:
        """Return whether it was still thinking: no word of the answer could come."""
        return bool(self.thought.strip()) and not self.text and self.details.get("thought_ended") is not True

    @property
    def can_go_on(self) -> bool:
        """Return whether it is an answer that has not ended by itself."""
        ended_early = self.state in (State.STOPPED, State.INTERRUPTED, State.FAILED)
        was_cut = self.state is State.COMPLETE and self.details.get("finish_reason") == "length"
        has_begun = bool(self.text.strip() or self.thought.strip())
        return self.role is Role.ASSISTANT and has_begun and (ended_early or was_cut)

    @property
    def looks(self) -> tuple[tuple[int, int], ...]:
        """Of an answer with quick looks: how many tokens of each picture the model read, and of how many."""
        return looks_from(self.details.get(LOOKS_KEY))


@dataclass(frozen=True)
class ConversationSummary:
    """A row of the sidebar."""

    id: str
    title: str  # empty until the first question gives it one
    updated: float  # seconds since 1970
    picture: str | None = None  # SHA-256 of its first picture, for a small thumbnail
    snippet: str = ""  # when found by a search: the words around the hit, plain text


@dataclass(frozen=True)
class DeletedConversation:
    """A conversation that can be brought back for some days."""

    summary: ConversationSummary
    deleted: float  # when, in seconds since 1970


# What is asked when pictures are sent without a text. English, for it is for the model, not for the person.
_DESCRIBE, _DESCRIBE_SEVERAL = "Describe this picture.", "Describe these pictures."


def describing(pictures: int) -> str:
    """Return the question that is asked when so many pictures are sent without a text."""
    return _DESCRIBE if pictures == 1 else _DESCRIBE_SEVERAL


def words_of(question: Message) -> str:
    """Return what the person wrote of a question: nothing if its pictures were sent without a text."""
    described = bool(question.pictures) and question.text == describing(len(question.pictures))
    return "" if described else question.text


def title_of_question(text: str, pictures: Iterable[str]) -> str:
    """Return the title of a conversation that begins with this question about pictures of these names."""
    names = ", ".join(pictures)
    return title_from(names if is_wordless(text, bool(names)) else text)


def is_wordless(text: str, has_pictures: bool) -> bool:
    """Return whether only pictures were sent."""
    return has_pictures and text in (_DESCRIBE, _DESCRIBE_SEVERAL)


def looks_from(found: Any) -> tuple[tuple[int, int], ...]:
    """Return what the details of an answer say of its looks, nothing if they cannot be understood.

    A history or a file may hold anything.
    """
    try:
        looks = tuple((rows, of_rows) for rows, of_rows in found)
    except (TypeError, ValueError):
        return ()
    numbers = all(type(number) is int for look in looks for number in look)
    return looks if numbers and all(0 < rows <= of_rows < _MOST_ROWS for rows, of_rows in looks) else ()


def storable(text: str) -> str:
    """Return text that can be written: what is no Unicode text becomes a replacement character."""
    return _LONE_SURROGATES.sub("\ufffd", text)


def new_id() -> str:
    """Return a new id for a message or a conversation."""
    return os.urandom(16).hex()


def title_from(text: str, longest: int = 48) -> str:
    """Return a title made of the first words of a question (one line, `longest` characters at most)."""
    line = _MARKS.sub(lambda found: found[1] or found[2] or "", " ".join(text.split()))
    if len(line) <= longest:
        return line
    cut = line[:longest].rsplit(" ", 1)[0]
    return (cut if len(cut) > longest // 2 else line[:longest]).rstrip(" ,.;:") + "…"


def next_title(title: str, taken: Iterable[str]) -> str:
    """Return a title that tells a copy from the conversation that it was made of: "TITLE (2)", or a higher number."""
    known = {*taken}
    first = _NUMBERED.sub("", title)
    plain = (first if first in known else title)[:180]
    return next(name for number in count(2) if (name := f"{plain} ({number})".strip()) not in known)
