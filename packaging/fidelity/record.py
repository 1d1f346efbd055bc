"""Records what transformers computes, for the tests and for comparisons.

    PYTHONPATH=packaging:. torch-venv/bin/python -m fidelity.record [--random N] [FILE]

in an environment with torch, transformers, gguf and pillow. Without --random: the shapes of the tests, into
tests/data/fidelity.npz. The keys of the file are
    tokens/FAMILY/TALK                prompt, one token for each picture
    pixels/SIDE/FILL/PICTURE          side x side x 3 bytes before normalisation
    SHAPE/PICTURE/{embedding,logits}  tokens of the picture after the projector; logits after the first question
    SHAPE/PICTURE/{answer,follow_up}  the best tokens that follow; logits after one more question
    SHAPE/together                    logits after a question about all these pictures
Numbers are rounded to float16.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from record_prompts import Turn

from fidelity.pictures import LARGE, NAMES, picture
from fidelity.prompts import QUESTION, TALKS, Prompts
from fidelity.records import ANSWER, ASKED, RECORDS, pixels_key
from fidelity.reference import Reference, look
from fidelity.shapes import RECORDED, Shape, random_shape


def record(shapes: Iterable[Shape], *, large: bool) -> dict[str, np.ndarray]:
    """Return everything that is recorded of `shapes`."""
    found: dict[str, np.ndarray] = {}
    for shape in shapes:
        print(shape.name, flush=True)
        reference = Reference(shape)
        prompts = Prompts(shape.family, reference.vocabulary)
        for talk, (system, turns) in TALKS.items():
            found[f"tokens/{shape.family}/{talk}"] = np.array(prompts.tokens(system, turns), np.int16)
        for name in NAMES:
            seen = look(picture(name), shape.vision)
            found[pixels_key(shape.vision.side, shape.vision.mean, name)] = seen.rgb
            found[f"{shape.name}/{name}/embedding"] = reference.embedding(seen).astype(np.float16)
            if name in ASKED:
                asked = prompts.tokens(None, (Turn(QUESTION, 1),))
                answer = reference.answer(asked, seen, ANSWER)
                found[f"{shape.name}/{name}/logits"] = reference.logits(asked, seen).astype(np.float16)
                found[f"{shape.name}/{name}/answer"] = np.array(answer, np.int16)
                follow_up = reference.logits(prompts.going_on(answer), seen)
                found[f"{shape.name}/{name}/follow_up"] = follow_up.astype(np.float16)
        asked = prompts.tokens(None, (Turn(QUESTION, len(ASKED)),))
        together = reference.logits(asked, *(look(picture(name), shape.vision) for name in ASKED))
        found[f"{shape.name}/together"] = together.astype(np.float16)
    if large:
        vision = next(shape.vision for shape in RECORDED if shape.vision.side == 84)
        for name in LARGE:
            found[pixels_key(vision.side, vision.mean, name)] = look(picture(name), vision).rgb
    return found


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Records what transformers computes with random weights.")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="record N random shapes instead")
    parser.add_argument("file", type=Path, nargs="?", default=RECORDS)
    options = parser.parse_args()
    if options.random and options.file == RECORDS:
        parser.error("name a file for random shapes")
    shapes = [random_shape(seed) for seed in range(options.random)] if options.random else RECORDED
    options.file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.file, **record(shapes, large=not options.random))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
