"""Chooses which turns of a conversation fit in the model's context.

The rule, in order:

1. The newest question always stays. If it alone does not fit, that is an error to show.
2. Room for the answer is kept free: as many tokens as it may have, a quarter of the context at most.
   What was written of it already counts, but a quarter of that room is kept for what is to follow.
3. When the rest is too long, whole turns leave. Turns without pictures go first, oldest first;
   turns with pictures leave only when that was not enough, oldest first too.
4. Once turns without pictures have to leave, a whole quarter of the context is freed (or the
   next multiple of it), so that not every further question makes the engine process everything again.

Where pictures can be seen in fewer parts, that comes before rule 3 takes a picture away.

The rule looks at nothing but the conversation, so the same conversation keeps the same turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desktop_app.errors import UserError


@dataclass(frozen=True)
class TurnSize:
    """What a turn costs: all its tokens, those of its pictures included."""

    tokens: int
    pictures: int


def room_for_answer(max_tokens: int, n_ctx: int, written: int = 0) -> int:
    """Return how many tokens are kept free for the answer, or for the rest of one of which so many are written."""
    whole = max(1, min(max_tokens, n_ctx // 4))
    return max(whole - written, whole // 4, 1)


def kept_turns(sizes: Sequence[TurnSize], opening: int, n_ctx: int, max_tokens: int, written: int = 0) -> list[int]:
    """Return the indices of the turns that stay, in order; the last is always among them.

    `opening` is the size of what stands before the first turn, in tokens; `written` that of the newest answer, as far
    as it goes, which is part of the last turn.
    Raises `UserError("context-too-small")` when the newest turn does not fit on its own.
    """
    room = room_for_answer(max_tokens, n_ctx, written)
    available = n_ctx - room - opening
    newest = sizes[-1].tokens
    if newest > available:
        raise UserError("context-too-small", needed=opening + newest + room, available=n_ctx)
    total = sum(size.tokens for size in sizes)
    if total <= available:
        return list(range(len(sizes)))
    step = max(1, n_ctx // 4)
    to_free = -(-(total - available) // step) * step
    earlier = range(len(sizes) - 1)
    left: set[int] = set()
    freed = 0
    for index in earlier:
        if freed < to_free and not sizes[index].pictures:
            left.add(index)
            freed += sizes[index].tokens
    for index in earlier:
        if total - freed > available and sizes[index].pictures:
            left.add(index)
            freed += sizes[index].tokens
    return [index for index in range(len(sizes)) if index not in left]


def finest_way(ways: Iterable[Sequence[TurnSize]], opening: int, n_ctx: int, max_tokens: int, written: int = 0) -> int:
    """Return which of `ways` to see the pictures of the same turns is the finest that costs no picture its place.

    The ways are given from the finest to the coarsest, each by what the turns cost in it.
    """
    best, most_pictures = 0, -1
    for index, sizes in enumerate(ways):
        try:
            kept = kept_turns(sizes, opening, n_ctx, max_tokens, written)
        except UserError:
            pictures = -1
        else:
            pictures = sum(sizes[turn].pictures for turn in kept)
        if pictures > most_pictures or most_pictures < 0:
            best, most_pictures = index, pictures
        if pictures == sum(size.pictures for size in sizes):
            break
    return best
