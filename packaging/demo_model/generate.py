"""Greedy answers of the network in plain PyTorch, with a KV cache."""

from __future__ import annotations

import dialogues.conversations as cv
import numpy as np
import torch
from network import Llava, normalise
from pictures.variants import fitted
from PIL import Image
from sequences import Sequence, add_turn
from tokenizer import EOS, Tokenizer
from torch import Tensor


@torch.no_grad()
def features_of(model: Llava, pictures: list[Image.Image]) -> Tensor:
    """Projected features of pictures of any size, (pictures * 64, width)."""
    if not pictures:
        return torch.zeros(1, model.shape.width)
    squares = [np.array(fitted(p)) for p in pictures]
    patches = normalise(torch.from_numpy(np.stack(squares)))
    return model.projector(model.tower(patches)).reshape(-1, model.shape.width)


@torch.no_grad()
def answer(model: Llava, tokenizer: Tokenizer, features: Tensor, turns: list[cv.Turn], longest: int = 100) -> list[int]:
    """Token ids of the answer to the last of ``turns``; the earlier ones keep their own answers."""
    sequence = Sequence()
    for turn in turns:
        add_turn(sequence, tokenizer, turn)
    end = sequence.spans[-1][1]
    ids, slots = torch.tensor(sequence.ids[:end]), torch.tensor(sequence.slots[:end])
    x = torch.where((slots > 0)[:, None], features[(slots - 1).clamp(min=0)], model.decoder.embed(ids))[None]
    caches: list[list[Tensor]] = [[] for _ in model.decoder.blocks]
    out: list[int] = []
    done = 0
    while len(out) < longest:
        h = model.decoder.hidden(x, done, caches)
        done += x.shape[1]
        best = int(model.decoder.head(h[0, -1]).argmax())
        if best == EOS:
            break
        out.append(best)
        x = model.decoder.embed(torch.tensor([[best]]))
    return out
