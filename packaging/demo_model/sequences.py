"""Conversations as token sequences for the decoder, exactly in the prompt of vicuna_v1."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import dialogues.conversations as cv
import dialogues.prompt_text as pt
import torch
from network import PATCHES
from pictures.scenes import Scene
from tokenizer import BOS, EOS, Tokenizer
from torch import Tensor

IGNORE = -100


@dataclass
class Sequence:
    """Token ids with the places of pictures and of answers."""

    ids: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    """0 for a word, else 1 + patch number, counted over all pictures of the sequence."""
    spans: list[tuple[str, int, int]] = field(default_factory=list)
    """Kind, first and end place of every answer, its end token included."""
    pictures: int = 0

    def words(self, ids: list[int]) -> None:
        """Append text."""
        self.ids += ids
        self.slots += [0] * len(ids)

    def picture(self, image_id: int) -> None:
        """Append a picture."""
        self.ids += [image_id] * PATCHES
        self.slots += range(1 + self.pictures * PATCHES, 1 + (self.pictures + 1) * PATCHES)
        self.pictures += 1


def add_turn(sequence: Sequence, tokenizer: Tokenizer, turn: cv.Turn, answer: list[int] | None = None) -> None:
    """Append one turn; ``answer`` replaces the ids of the turn's own answer, without end token."""
    first = not sequence.ids
    if first:
        sequence.words([BOS])
    if turn.picture is None:
        sequence.words(tokenizer.text(pt.without_picture(turn.question, first)))
    else:
        before, after = pt.around_picture(turn.question, first)
        sequence.words(tokenizer.text(before))
        sequence.picture(tokenizer.image)
        sequence.words(tokenizer.text(after))
    ids = tokenizer.text(turn.answer) if answer is None else answer
    place = len(sequence.ids)
    sequence.words([*ids, EOS])
    sequence.spans.append((turn.kind, place, place + len(ids) + 1))


def build(
    rng: random.Random,
    scenes: list[Scene],
    tokenizer: Tokenizer,
    length: int,
    weights: dict[str, float],
    two: bool = False,
) -> Sequence:
    """A conversation of at least ``length`` tokens about the first, or the first two, of ``scenes``."""
    sequence = Sequence()
    chance = rng.random()
    waits = 99 if chance < 0.05 else rng.randint(1, 2) if chance < 0.13 else 0
    shown = 0
    talk = cv.Talk(rng, None)
    first = talk
    turns_with_first = rng.randint(1, 4)
    turns = 0
    while len(sequence.ids) < length:
        picture = None
        if shown == 0 and turns >= waits:
            talk, picture, shown = cv.Talk(rng, scenes[0]), 0, 1
            first, turns = talk, 0
        elif two and shown == 1 and turns >= turns_with_first:
            talk, picture, shown = cv.Talk(rng, scenes[1]), 1, 2
        if shown == 2 and picture is None and rng.random() < 0.35:
            turn = cv.about_earlier(rng, first)
            if turn is None:
                continue
            talk.last = None
        else:
            if shown == 0:
                kinds = {"chat": 3.0, "strange": 1.0, "describe": 1.0, "colour": 1.0, "yes_no": 1.0, "count": 0.5}
                turn = cv.next_turn(talk, None, kinds)
            else:
                turn = cv.next_turn(talk, picture, weights)
        add_turn(sequence, tokenizer, turn)
        turns += 1
    return sequence


@dataclass
class Batch:
    """What `network.Llava.forward` wants, with the answers."""

    ids: Tensor
    slots: Tensor
    chosen: Tensor
    targets: Tensor
    rows: list[Sequence]


def collate(sequences: list[Sequence], length: int, pad: int, answers: float = 0.6) -> Batch:
    """Cut or fill to ``length``; places beyond the answers are filled with `IGNORE`.

    ``answers`` is the largest share of places that can belong to answers, fixed so that
    all batches have one shape.
    """
    n = len(sequences)
    ids = torch.full((n, length), pad, dtype=torch.long)
    slots = torch.zeros((n, length), dtype=torch.long)
    chosen: list[int] = []
    targets: list[int] = []
    before = 0
    for row, s in enumerate(sequences):
        take = min(length, len(s.ids))
        ids[row, :take] = torch.tensor(s.ids[:take])
        own = torch.tensor(s.slots[:take])
        slots[row, :take] = torch.where(own > 0, own + before * PATCHES, 0)
        before += s.pictures
        for _, start, end in s.spans:
            for place in range(start, min(end, take)):
                chosen.append(row * length + place - 1)
                targets.append(s.ids[place])
    room = int(n * length * answers)
    chosen, targets = chosen[:room], targets[:room]
    fill = room - len(chosen)
    return Batch(ids, slots, torch.tensor(chosen + [0] * fill), torch.tensor(targets + [IGNORE] * fill), sequences)
