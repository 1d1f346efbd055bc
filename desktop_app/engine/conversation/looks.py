"""Chooses which pictures are read whole, of those that it is enough to look at quickly.

Those are the ones that cost no more so: what the KV cache has of them, or what is saved, need not be evaluated. Since
that is the start of a prompt, the first pictures are read whole and those after them quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.messages import Look, Turn


def cheapest(turns: Sequence[Turn], build: Callable[[Sequence[Turn]], Prompt], cost: Callable[[Prompt], int]) -> Prompt:
    """Return the prompt that costs least; of two that cost the same, that with more whole pictures.

    `cost`: how many cells are to be evaluated. No turn is dropped, and no picture reduced, only because more pictures
    are whole. Raises as `build` does for `turns` as they are.
    """
    quick = sum(picture.look is not Look.WHOLE for turn in turns for picture in turn.pictures)
    best = asked = build(turns)
    least: int | None = None
    for whole in range(quick if asked.pictures else 0, 0, -1):
        prompt = build(_with_whole(turns, whole))
        if (prompt.dropped_turns, prompt.reduced) != (asked.dropped_turns, asked.reduced):
            continue
        needed = cost(prompt)
        if least is not None and needed > least:
            return best
        if least is None or needed < least:
            best, least = prompt, needed
    return asked if least is not None and cost(asked) < least else best


def _with_whole(turns: Sequence[Turn], count: int) -> list[Turn]:
    """Return the turns with the first `count` of the pictures whole that are not."""
    left = count
    found = []
    for turn in turns:
        pictures = []
        for picture in turn.pictures:
            if picture.look is not Look.WHOLE and left:
                left -= 1
                pictures.append(picture._replace(look=Look.WHOLE))
            else:
                pictures.append(picture)
        found.append(turn._replace(pictures=tuple(pictures)))
    return found
