"""Questions about scenes and their answers, as conversations.

`Talk` keeps what has been said so far, so that it can ask "and the other one?" and
know the right answer. Standard library only.
"""

from __future__ import annotations

import random
from typing import Final

from pictures.scenes import make_scene

import dialogues.phrases as ph
from dialogues import small_talk
from dialogues.asking import NUMBERS, Asked, Turn, article, describe, plural
from dialogues.following_up import FollowUp

__all__ = [
    "CHARACTER_WEIGHTS", "NUMBERS", "WEIGHTS", "Asked", "Talk", "Turn", "about_earlier", "article", "ask", "describe",
    "next_turn", "plural", "surface",
]  # fmt: skip


class Talk(FollowUp):
    """Asks questions of every kind about one scene, or about none."""

    def chat(self) -> Asked:
        """A greeting, thanks, or a question about the assistant."""
        questions, answer = self.rng.choices(small_talk.TALK, (3, 2, 4, 3, 1.5, 1 if self.scene else 0))[0]
        return Asked("chat", self.rng.choice(questions), answer)

    def strange(self) -> Asked:
        """A question that is beyond the model."""
        rng = self.rng
        question = rng.choice(small_talk.STRANGE).format(
            x=rng.choice(small_talk.STRANGE_WORDS),
            y=rng.choice(small_talk.STRANGE_WORDS),
            d=rng.randrange(10),
            e=rng.randrange(10),
        )
        return Asked("beyond", question, ph.OUT_OF_REACH)


WEIGHTS: Final[dict[str, float]] = {
    "describe": 2.0,
    "colour": 3.5,
    "shape": 2.0,
    "where": 2.2,
    "at_place": 1.8,
    "count": 0.9,
    "count_of": 1.8,
    "yes_no": 4.5,
    "background": 0.8,
    "character": 0.5,
    "size": 2.2,
    "follow_up": 4.5,
    "chat": 0.25,
    "strange": 0.3,
}
CHARACTER_WEIGHTS: Final[dict[str, float]] = {
    "describe": 1.5,
    "colour": 1.5,
    "yes_no": 2.5,
    "character": 4.0,
    "background": 1.0,
    "follow_up": 1.0,
    "chat": 0.2,
    "strange": 0.3,
    "where": 0.5,
    "count": 0.4,
    "count_of": 0.4,
}


def surface(rng: random.Random, question: str) -> str:
    """Now and then write carelessly: small first letter, no question mark."""
    chance = rng.random()
    if chance < 0.1:
        question = question[0].lower() + question[1:]
    elif chance < 0.17:
        question = question.rstrip("?.!")
    elif chance < 0.24:
        question = (question[0].lower() + question[1:]).rstrip("?.!")
    return question


def ask(talk: Talk, kind: str) -> Asked | None:
    """One question of a kind in `WEIGHTS`, with the answers for strange and missing pictures."""
    scene = talk.scene
    if kind in ("chat", "strange"):
        asked: Asked | None = talk.chat() if kind == "chat" else talk.strange()
    elif scene is None or scene.kind == "other":
        stand_in = Talk(talk.rng, make_scene(talk.rng, "character" if talk.rng.random() < 0.15 else "shapes"))
        asked = ask(stand_in, kind if kind != "follow_up" else "describe")
        if asked is None:
            return None
        asked = (
            Asked("no picture", asked.question, ph.NO_PICTURE)
            if scene is None
            else Asked("other picture", asked.question, ph.OUT_OF_REACH)
        )
    else:
        asked = getattr(talk, kind)()
    again = "" if asked is None or kind in ("describe", "background", "count") else asked.question
    if asked is None or (again, asked.answer) in talk.said:
        return None
    talk.said.add((again, asked.answer))
    talk.last = asked
    return asked


def next_turn(talk: Talk, picture: int | None, weights: dict[str, float] | None = None) -> Turn:
    """The next turn of a conversation; ``picture`` is the number of the one just added."""
    character = talk.scene is not None and talk.scene.kind == "character"
    chosen = CHARACTER_WEIGHTS if character else weights or WEIGHTS
    while True:
        asked = ask(talk, talk.rng.choices(list(chosen), list(chosen.values()))[0])
        if asked is not None:
            return Turn(asked.kind, surface(talk.rng, asked.question), asked.answer, picture)


def about_earlier(rng: random.Random, first: Talk, number: str = "first") -> Turn | None:
    """A question about the first of two pictures, said so."""
    asked = ask(first, rng.choice(("describe", "colour", "where", "count", "background", "yes_no")))
    if asked is None or asked.kind in ("follow-up", "chat", "other picture") or " it" in asked.question:
        return None
    if asked.kind == "describe":
        question = rng.choice(
            (
                "What is in the {n} picture?",
                "Describe the {n} picture.",
                "What do you see in the {n} picture?",
                "What does the {n} picture show?",
            )
        ).format(n=number)
    else:
        body = asked.question.rstrip("?.")
        for tail in (" in the picture", " in the image", " of the picture"):
            body = body.removesuffix(tail)
        question = f"{body} in the {number} picture{asked.question[-1] if asked.question[-1] in '?.' else '?'}"
    return Turn("two pictures", question, asked.answer)
