"""Test questions about scenes that the training never used: seeds below 400,000. Standard library and Pillow."""

from __future__ import annotations

import random
from dataclasses import dataclass

import dialogues.conversations as cv
from pictures.scenes import Scene, make_scene
from pictures.variants import VARIANTS, make_variant_scene, variant_picture
from PIL import Image

FIRST_TRAINING_SEED = 400_000
"""Every seed from here on may be used in training and for watching it."""


@dataclass(frozen=True)
class Case:
    """A conversation whose last answer is to be judged; the earlier ones are given."""

    seed: int
    variant: str
    scenes: tuple[Scene, ...]
    turns: tuple[cv.Turn, ...]

    @property
    def kind(self) -> str:
        """Kind of the last question."""
        return self.turns[-1].kind

    def pictures(self) -> list[Image.Image]:
        """The pictures as a person would have them."""
        return [variant_picture(s, self.variant, random.Random(self.seed * 31 + i)) for i, s in enumerate(self.scenes)]


def cases_of(seed: int, variant: str) -> list[Case]:
    """A handful of conversations about the scene of one seed."""
    rng = random.Random(seed * 5 + VARIANTS.index(variant))
    kind = rng.choices(("shapes", "character", "other"), (80, 14, 6))[0]
    scene = make_variant_scene(rng, variant, kind)
    weights = (
        cv.CHARACTER_WEIGHTS if kind == "character" else {**cv.WEIGHTS, "yes_no": 3.5, "count": 1.5, "background": 1.3}
    )
    cases: list[Case] = []
    names = [n for n in weights if n != "follow_up"]
    for name in sorted(set(rng.choices(names, [weights[n] for n in names], k=6))):
        asked = cv.ask(cv.Talk(rng, scene), name)
        if asked is not None:
            question = cv.surface(rng, asked.question)
            cases.append(Case(seed, variant, (scene,), (cv.Turn(asked.kind, question, asked.answer, 0),)))
    talk = cv.Talk(rng, scene)
    turns: list[cv.Turn] = []
    for _ in range(12):
        turn = cv.next_turn(talk, None if turns else 0, {**cv.WEIGHTS, "follow_up": 8.0})
        turns.append(turn)
        if turn.kind == "follow-up":
            cases.append(Case(seed, variant, (scene,), tuple(turns)))
            break
    if seed % 4 == 0:
        cases += two_pictures(rng, seed, variant, scene)
    if seed % 10 == 0:
        asked = cv.ask(cv.Talk(rng, None), rng.choice(("describe", "colour", "where", "count", "yes_no")))
        if asked is not None:
            cases.append(Case(seed, variant, (), (cv.Turn(asked.kind, asked.question, asked.answer),)))
    return cases


def two_pictures(rng: random.Random, seed: int, variant: str, scene: Scene) -> list[Case]:
    """Conversations with a second picture: a question about it, and one about the first."""
    second = make_scene(rng, "shapes")
    talk = cv.Talk(rng, scene)
    turns = [cv.next_turn(talk, 0)]
    later = cv.next_turn(cv.Talk(rng, second), 1, {"describe": 1, "colour": 2, "where": 2, "yes_no": 2, "count": 1})
    turns.append(cv.Turn("second picture", later.question, later.answer, 1))
    cases = [Case(seed, variant, (scene, second), tuple(turns))]
    if scene.kind != "other":
        back = cv.about_earlier(rng, talk)
        if back is not None:
            cases.append(
                Case(seed, variant, (scene, second), (*turns, cv.Turn("first picture", back.question, back.answer)))
            )
    return cases


def held_out_cases(per_variant: int, first_seed: int = 0) -> list[Case]:
    """Cases of ``per_variant`` seeds for each of `VARIANTS`."""
    found: list[Case] = []
    for number, variant in enumerate(VARIANTS):
        for i in range(per_variant):
            seed = first_seed + number * 20_000 + i
            if seed >= FIRST_TRAINING_SEED:
                raise ValueError("out of held-out seeds")
            found += cases_of(seed, variant)
    return found
