"""Reads the texts and presses the buttons of cards and dialogs, as a person would."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QWidget


def button(card: QWidget, text: str) -> QPushButton:
    """Return the button of a card with these words."""
    found = [one for one in card.findChildren(QPushButton) if one.text() == text]
    assert len(found) == 1, [one.text() for one in card.findChildren(QPushButton)]
    return found[0]


def words_of(card: QWidget) -> str:
    """Return all words of a card."""
    return "\n".join(str(one.property("text")) for one in card.findChildren(QWidget) if one.property("text"))
