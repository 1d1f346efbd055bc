"""The prompt of vicuna_v1, as stretches of plain text between pictures and end tokens."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)


def without_picture(question: str, first: bool) -> str:
    """The text of a turn up to its answer."""
    return f"{_start(first)}{question} ASSISTANT:"


def around_picture(question: str, first: bool) -> tuple[str, str]:
    """The text before and after the picture of a turn."""
    return _start(first), f"\n{question} ASSISTANT:"


def _start(first: bool) -> str:
    return f"{SYSTEM} USER: " if first else "USER: "
