"""Second and third stage of the training: the decoder, first with a frozen image tower, then with both together."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import dialogues.conversations as cv
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from dataset import Dataset
from dialogues.labels import CHARACTERS, HEADS
from network import Llava, normalise
from optimise import Optimisers, schedule
from pictures.scenes import COLOURS, SHAPES
from sequences import IGNORE, Batch, build, collate
from tokenizer import Tokenizer
from torch import Tensor
from train_vision import patch_loss

LENGTH = 288
KIND_OF = {
    "yes": "yes_no",
    "no": "yes_no",
    "place": "at_place",
    "count of": "count_of",
    "follow-up": "follow_up",
    "beyond": "strange",
    "several": "colour",
}


@torch.no_grad()
def prepare(model: Llava, tokenizer: Tokenizer, data: Dataset) -> None:
    """Give words the directions in which the tower writes what they mean, at one common scale."""
    features = model.projector(model.tower(normalise(torch.from_numpy(np.array(data.pictures[:200])))))
    scale = 1.0 / features.pow(2).mean().sqrt()
    model.projector.second.weight.mul_(scale)
    model.projector.second.bias.mul_(scale)
    rows = dict(zip(HEADS, model.patch_head.read.weight.split(list(HEADS.values())), strict=True))
    words: dict[str, Tensor] = {}
    for i, shape in enumerate(SHAPES):
        words[shape] = words[cv.plural(shape)] = rows["shape"][1 + i]
    for i, colour in enumerate(COLOURS):
        words[colour] = rows["colour"][1 + i]
    words["grey"] = words["gray"]
    for i, character in enumerate(CHARACTERS):
        words[character] = rows["character"][1 + i]
    words["digit"] = rows["character"][1:11].mean(0)
    words["letter"] = rows["character"][11:].mean(0)
    place = rows["place"][1:].view(3, 3, -1)
    words["left"], words["right"] = place[:, 0].mean(0), place[:, 2].mean(0)
    words["top"], words["bottom"], words["middle"] = place[0].mean(0), place[2].mean(0), place[1, 1]
    words["center"] = words["centre"] = words["middle"]
    words["small"], words["big"] = rows["size"][1], rows["size"][2]
    for i, number in enumerate(cv.NUMBERS):
        words[number] = rows["number"][i]
    for word, row in words.items():
        token = tokenizer.word(word)
        if token is None and len(word) == 1:
            token = tokenizer.pieces.index(word)
        if token is not None:
            own = row - model.patch_head.read.weight.mean(0)
            model.decoder.embed.weight[token] = 0.7 * own / own.pow(2).mean().sqrt()


class Feeder:
    """Makes batches of conversations about the pictures of a dataset."""

    def __init__(self, data: Dataset, tokenizer: Tokenizer, seed: int, batch: int) -> None:
        """The same ``seed`` gives the same batches."""
        self.data, self.tokenizer, self.batch = data, tokenizer, batch
        self.rng = random.Random(seed)
        self.weights = dict(cv.WEIGHTS)

    def next(self, two: float, length: int = LENGTH) -> tuple[Batch, np.ndarray]:
        """A batch, and the numbers of its pictures; a share ``two`` has two pictures."""
        sequences, chosen = [], []
        pairs = round(self.batch * two)
        for row in range(self.batch):
            numbers = [self.rng.randrange(len(self.data.scenes)) for _ in range(2 if row < pairs else 1)]
            sequence = build(
                self.rng, [self.data.scenes[i] for i in numbers], self.tokenizer, length, self.weights, row < pairs
            )
            sequences.append(sequence)
            # A conversation that ended before its (second) picture came leaves that one out.
            chosen += numbers[: sequence.pictures]
        room = self.batch + pairs
        return collate(sequences, length, self.tokenizer.pad), np.array(chosen + [0] * (room - len(chosen)))


@torch.no_grad()
def measure(model: Llava, feeder: Feeder, batches: int, two: float) -> tuple[Counter[str], Counter[str]]:
    """Right answers and all answers per kind; right means that greedy decoding gives them exactly."""
    good: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for _ in range(batches):
        batch, numbers = feeder.next(two)
        with torch.autocast("cpu", torch.bfloat16):
            features = model.tower(normalise(torch.from_numpy(feeder.data.pictures[numbers])))
            best = model(features, batch.ids, batch.slots, batch.chosen).argmax(-1)
        right = (best == batch.targets).tolist()
        place = 0
        for s in batch.rows:
            for kind, start, end in s.spans:
                n = min(end, LENGTH) - start
                if n <= 0:
                    continue
                if end <= LENGTH and place + n <= len(right):
                    seen[kind] += 1
                    good[kind] += all(right[place : place + n])
                place += n
    return good, seen


def train_decoder(
    model: Llava,
    tokenizer: Tokenizer,
    data: Dataset,
    held_out: Dataset,
    steps: int,
    log: Path,
    name: str,
    seed: int,
    lr: float,
    tower: bool,
    batch: int = 32,
    warm: int = 150,
    cool: float = 0.4,
    start: int = 0,
) -> None:
    """Train projector and decoder, and with ``tower`` everything, for ``steps`` batches.

    With ``tower`` the patch head stays as a side loss, so that the features keep their meaning.
    Every 500 steps the kinds of question that go wrong more often get more weight.
    """
    parts = [(model.decoder, 1.0), (model.projector, 1.0 if not tower else 0.5)]
    if tower:
        parts += [(model.tower, 0.5), (model.patch_head, 0.5)]
    model.tower.requires_grad_(tower)
    optimisers = Optimisers(parts, lr)
    feeder = Feeder(data, tokenizer, seed + start, batch)

    def loss_of(
        patches: Tensor, b_ids: Tensor, b_slots: Tensor, chosen: Tensor, targets: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            features = model.tower(patches)
            logits = model(features, b_ids, b_slots, chosen)
            side = patch_loss(model.patch_head(model.projector(features)), labels) if tower else logits.new_zeros(())
        main = F.cross_entropy(logits.float(), targets, ignore_index=IGNORE)
        return main + 0.1 * side, main

    compiled = torch.compile(loss_of)
    started = time.monotonic()
    mean = 0.0
    for step in range(start, steps):
        progress = step / steps if not tower else 1.0
        two = 0.1875 if tower else 0.125 if progress > 0.3 else 0.0
        weights = dict(feeder.weights)
        if progress < 0.1:
            weights["follow_up"] = 0.0
        feeder_weights, feeder.weights = feeder.weights, weights
        b, numbers = feeder.next(two)
        feeder.weights = feeder_weights
        patches = normalise(torch.from_numpy(data.pictures[numbers]))
        labels = torch.from_numpy(data.labels[numbers]).long()
        loss, main = compiled(patches, b.ids, b.slots, b.chosen, b.targets, labels)
        loss.backward()
        optimisers.step(schedule(step, steps, warm, cool) * min(1.0, (step - start + 1) / 50))
        mean = 0.98 * mean + 0.02 * main.item() if step > start else main.item()
        if (step + 1) % 50 == 0:
            print(f"{name} step {step + 1} {time.monotonic() - started:.0f} s loss {mean:.4f}", flush=True)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            good, seen = measure(model, Feeder(held_out, tokenizer, 5, 32), 12, 0.125)
            share = sum(good.values()) / sum(seen.values())
            kinds = " ".join(f"{k} {good[k] / seen[k]:.3f}" for k in sorted(seen))
            line = (
                f"{name} step {step + 1} {time.monotonic() - started:.0f} s loss {mean:.4f} all {share:.4f} | {kinds}"
            )
            print(line, flush=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            wrong: dict[str, float] = {}
            for kind in seen:
                known = KIND_OF.get(kind, kind)
                wrong[known] = max(wrong.get(known, 0.0), 1 - good[kind] / seen[kind])
            feeder.weights = {k: w * min(2.5, max(0.6, wrong.get(k, 0.0) * 12)) for k, w in cv.WEIGHTS.items()}
            torch.save(model.state_dict(), log.parent / f"{name}-latest.pt")
