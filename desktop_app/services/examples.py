"""Pictures of our own to try, each with a question that the built-in model can read and answer.

packaging/demo_model/make_examples.py draws them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from desktop_app import paths


class Example(NamedTuple):
    """`name` of the files in resources/examples, and what to ask."""

    name: str
    question: str

    @property
    def picture(self) -> Path:
        """Return the file of the picture."""
        return paths.resources_folder() / "examples" / f"{self.name}.png"

    @property
    def thumbnail(self) -> Path:
        """Return the file of a small one, 144 pixels at its longer edge."""
        return paths.resources_folder() / "examples" / f"{self.name}-small.png"


EXAMPLES = (
    Example("circle-and-star", "What is in this picture?"),
    Example("digit", "Which number is this?"),
    Example("shapes", "Where is the heart?"),
)
