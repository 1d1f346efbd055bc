"""Helpers for tests of the history's file."""

from pathlib import Path

from desktop_app.chat.conversation import Message, Picture, Role, new_id
from desktop_app.chat.history import History


def fill(path: Path, messages: int = 1, text: str = "hello") -> None:
    """Add messages one below the other, in conversations of ten."""
    history, damage = History.open(path)
    assert damage is None
    parent = None
    for number in range(messages):
        if number % 10 == 0:
            name, parent = f"conversation {number // 10}", None
        picture = Picture(f"{number:064x}", f"{number}.png", number + 1, 7)
        message = Message(new_id(), Role.USER, f"{number}: {text}", (picture,), parent, details={"number": number})
        history.add_message(name, message)
        parent = message.id
    history.close()


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.glob("conversations*")}
