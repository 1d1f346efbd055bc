"""First stage of the training: image tower and projector learn what each patch shows."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from dataset import Dataset
from dialogues.labels import HEADS
from network import Llava, normalise
from optimise import Optimisers, schedule
from torch import Tensor

WEIGHTS = {
    "shape": 2.0,
    "character": 2.0,
    "colour": 1.5,
    "place": 1.0,
    "anchor": 0.5,
    "size": 0.4,
    "background": 0.5,
    "own": 0.3,
    "number": 0.7,
}
ON_ITEMS = ("shape", "character", "colour", "place", "size")


def patch_loss(outputs: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    """Weighted sum of the cross-entropies of all heads; labels are (n, heads, 64)."""
    total = outputs[0].new_zeros((), dtype=torch.float32)
    item = labels[:, 0] > 0
    weight = torch.where(item, 1.0, 0.15).flatten()
    weight = weight / weight.sum()
    for i, (name, logits) in enumerate(zip(HEADS, outputs, strict=True)):
        loss = F.cross_entropy(logits.float().flatten(0, 1), labels[:, i].flatten(), reduction="none")
        total = total + WEIGHTS[name] * ((loss * weight).sum() if name in ON_ITEMS else loss.mean())
    return total


@torch.no_grad()
def measure(model: Llava, data: Dataset, number: int = 1000) -> dict[str, float]:
    """Share of right labels per head, on the patches of items where that is what counts."""
    good = np.zeros(len(HEADS))
    seen = np.zeros(len(HEADS))
    for first in range(0, number, 100):
        patches = normalise(torch.from_numpy(np.array(data.pictures[first : first + 100])))
        labels = torch.from_numpy(np.array(data.labels[first : first + 100])).long()
        for i, (name, logits) in enumerate(
            zip(HEADS, model.patch_head(model.projector(model.tower(patches))), strict=True)
        ):
            wanted = labels[:, i]
            right = logits.argmax(-1) == wanted
            mask = wanted > 0 if name in ON_ITEMS else torch.ones_like(right)
            good[i] += right[mask].sum()
            seen[i] += mask.sum()
    return {name: good[i] / max(1, seen[i]) for i, name in enumerate(HEADS)}


def train_vision(
    model: Llava,
    data: Dataset,
    held_out: Dataset,
    steps: int,
    log: Path,
    seed: int = 1,
    batch: int = 64,
    lr: float = 2e-3,
) -> None:
    """Train tower, projector and patch head for ``steps`` batches of pictures."""
    optimisers = Optimisers([(model.tower, 1.0), (model.projector, 1.0), (model.patch_head, 1.0)], lr)
    rng = np.random.default_rng(seed)

    def loss_of(patches: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model.patch_head(model.projector(model.tower(patches)))
        return patch_loss(outputs, labels)

    compiled = torch.compile(loss_of)
    started = time.monotonic()
    order: np.ndarray = np.zeros(0, np.int64)
    for step in range(steps):
        if len(order) < batch:
            order = rng.permutation(len(data.scenes))
        chosen, order = np.sort(order[:batch]), order[batch:]
        patches = normalise(torch.from_numpy(data.pictures[chosen]))
        labels = torch.from_numpy(data.labels[chosen]).long()
        loss = compiled(patches, labels)
        loss.backward()
        optimisers.step(schedule(step, steps))
        if (step + 1) % 250 == 0 or step + 1 == steps:
            report = " ".join(f"{k} {v:.3f}" for k, v in measure(model, held_out).items())
            line = f"vision step {step + 1} {time.monotonic() - started:.0f} s loss {loss.item():.3f} {report}"
            print(line, flush=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            torch.save(model.state_dict(), log.parent / "vision-latest.pt")
