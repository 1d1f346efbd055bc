"""What small random models are asked, and which pictures they are shown: by the reference, and by the engine.

`tests/recording/seen.py` records what transformers answers; the tests hold the engine to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Size = tuple[int, int]  # width and height in pixels


class Asked(NamedTuple):
    """A question about pictures, named by their numbers; the last of a talk has no answer."""

    question: str
    pictures: tuple[int, ...] = ()
    answer: str | None = None


_WHAT = "What is in it, and where?"
_ABOUT_ONE = Asked(_WHAT, (0,), "the hat is in the van.")
#: Each ends with a question that is to be answered.
TALKS: dict[str, tuple[Asked, ...]] = {
    "first": (Asked(_WHAT, (0,)),),
    "follow-up": (_ABOUT_ONE, Asked("And what is behind the hat?")),
    "other picture": (_ABOUT_ONE, Asked("What is in this one?", (1,))),
    "together": (Asked("Which is the larger one?", (0, 1)),),
}
WRITTEN = 8  # tokens of each answer
EACH = 5  # lines and columns of which one is compared, of the pixels of a picture


@dataclass(frozen=True)
class SmallModel:
    """A random model of one family, small enough to be made for a test."""

    name: str
    family: str  # in whose words it is asked
    write: Callable[[Path], tuple[Path, Path]]  # the model and its projector, into a folder
    shapes: tuple[Size, ...]  # of the pictures; the first two are asked about
    large: tuple[Size, ...] = ()  # of pictures of which only the pixels are compared
    in_q8_0: float = 0.999  # the least cosine of a row, where the projector is in q8_0
    each_row: int = 1  # of how many rows of a picture one is compared

    @property
    def seen(self) -> str:
        """Return the name of the file with what was recorded, in tests/data/seen."""
        return f"{self.name}.npz"
