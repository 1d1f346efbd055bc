"""Records what transformers answers with the same weights, for the engine's tests.

    python packaging/demo_model/record_reference.py CHECKPOINT tests/data

Writes transformers_reference.json, a list of conversations about 100 held-out scenes,
    {"seed", "variant", "picture": base64 PNG as dropped, "turns": [{"question", "answer", "token_ids"}]}
where token_ids are the answer's without the end token, and earlier answers stay in the
prompt as they were generated; and transformers_embeddings.npz with the picture
embeddings (64 x width, float16, under the seed) of the first ten.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
from pathlib import Path
from typing import Any

import dialogues.conversations as cv
import numpy as np
import torch
from convert import load, round_to_half, transformers_model
from held_out import Case, cases_of
from network import MEAN, STD
from pictures.drawing import draw
from pictures.variants import VARIANTS, as_jpeg, fitted
from PIL import Image
from sequences import Sequence, add_turn
from tokenizer import EOS, Tokenizer

FIRST_SEED = 300_000
NUMBER = 100
EMBEDDINGS = 10


def small_picture(case: Case, index: int) -> Image.Image:
    """The scene at 64 to 300 pixels; every eighth has been a JPEG."""
    rng = random.Random(case.seed)
    picture = draw(case.scenes[0], rng.randint(64, 300))
    return as_jpeg(resize_down(picture, 128), 80) if index % 8 == 7 else picture


def resize_down(picture: Image.Image, longest: int) -> Image.Image:
    """At most ``longest`` pixels wide and high, to keep the file small."""
    picture = picture.copy()
    picture.thumbnail((longest, longest))
    return picture


def conversation(index: int) -> tuple[Case, list[cv.Turn]]:
    """The case of one seed: one question, for every third a conversation with a follow-up."""
    variant = ("clean", "odd aspect")[index % 4 == 3]
    cases = [c for c in cases_of(FIRST_SEED + index, variant) if len(c.scenes) == 1]
    if cases[0].scenes[0].kind == "other" and index % 10:
        return conversation(index + NUMBER)
    follow = [c for c in cases if c.kind == "follow-up"]
    case = follow[0] if follow and index % 3 == 0 else cases[index % len(cases)]
    return case, list(case.turns)


@torch.no_grad()
def generate(
    theirs: Any, tokenizer: Tokenizer, pixels: torch.Tensor, turns: list[cv.Turn], given: list[list[int]]
) -> list[int]:
    """Greedy answer of transformers to the turn after those with ``given`` answers."""
    sequence = Sequence()
    for turn, ids in zip(turns, [*given, []], strict=False):
        add_turn(sequence, tokenizer, turn, ids)
    ids = torch.tensor([sequence.ids[: sequence.spans[-1][1]]])
    out = theirs.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, do_sample=False,
        max_new_tokens=100, eos_token_id=EOS, pad_token_id=tokenizer.pad,
    )  # fmt: skip
    answer: list[int] = out[0, ids.shape[1] :].tolist()
    return answer[:-1] if answer and answer[-1] == EOS else answer


@torch.no_grad()
def embeddings(theirs: Any, pixels: torch.Tensor) -> np.ndarray:
    """Projected picture features, (64, width)."""
    found = theirs.get_image_features(pixel_values=pixels)
    found = getattr(found, "pooler_output", found)
    return np.concatenate([np.asarray(part) for part in found]).reshape(-1, theirs.config.text_config.hidden_size)


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description="Records what transformers answers with the same weights.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("into", type=Path)
    options = parser.parse_args()
    tokenizer = Tokenizer()
    model = load(options.checkpoint, tokenizer)
    round_to_half(model)
    theirs = transformers_model(model, tokenizer)
    entries = []
    features: dict[str, np.ndarray] = {}
    right = 0
    for index in range(NUMBER):
        case, turns = conversation(index)
        picture = small_picture(case, index)
        square = torch.from_numpy(np.array(fitted(picture))).float()
        pixels = ((square / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)[None]
        given: list[list[int]] = []
        for _ in turns:
            given.append(generate(theirs, tokenizer, pixels, turns, given))
        store = io.BytesIO()
        picture.save(store, "PNG", optimize=True)
        answers = [tokenizer.decode(ids) for ids in given]
        right += answers[-1] == turns[-1].answer
        entries.append(
            {
                "seed": case.seed,
                "variant": case.variant,
                "picture": base64.b64encode(store.getvalue()).decode(),
                "turns": [
                    {"question": t.question, "answer": a, "token_ids": ids}
                    for t, a, ids in zip(turns, answers, given, strict=True)
                ],
            }
        )
        if index < EMBEDDINGS:
            features[str(case.seed)] = embeddings(theirs, pixels).astype(np.float16)
    options.into.mkdir(parents=True, exist_ok=True)
    text = "[\n" + ",\n".join(json.dumps(e) for e in entries) + "\n]\n"
    (options.into / "transformers_reference.json").write_text(text, encoding="utf-8")
    np.savez_compressed(options.into / "transformers_embeddings.npz", **features)
    print(f"{right} of {NUMBER} last answers are right; variants {VARIANTS}")


if __name__ == "__main__":
    main()
