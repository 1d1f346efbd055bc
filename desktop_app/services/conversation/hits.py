"""Where in a conversation the words of a search are."""

from __future__ import annotations

from collections.abc import Sequence

from desktop_app.chat.conversation import Message
from desktop_app.chat.searching import fold, places, terms


def first_hit(messages: Sequence[Message], query: str) -> int:
    """Return the index of the first of the messages with most of the words, -1 if no message has any."""
    wanted = terms(query)
    counts = [sum(term in text for term in wanted) for text in (fold(message.text) for message in messages)]
    best = max(counts, default=0)
    return counts.index(best) if best else -1


def has_hit(message: Message, query: str) -> bool:
    """Return whether any of the words is in a message."""
    text = fold(message.text)
    return any(term in text for term in terms(query))


def hits_in(text: str, query: str) -> list[tuple[int, int]]:
    """Return where the words are in a text: first character, and the one after the last."""
    return places(text, terms(query))
