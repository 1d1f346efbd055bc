"""Records what transformers computes, for the tests and for comparisons.

    PYTHONPATH=packaging:. torch-venv/bin/python -m fidelity.record [tests | real | N] [FILE]

in an environment with torch, transformers, gguf and pillow. "tests" goes into tests/data/fidelity.npz, "real" is
LLaVA-1.5's tower in its own size, N a number of random shapes. The keys of the file are
    tokens/FAMILY/TALK                prompt, one token for each picture
    pixels/SIDE/FILL/PICTURE          side x side x 3 bytes before normalisation
    SHAPE/PICTURE/{embedding,logits}  tokens of the picture after the projector; logits after the first question
    SHAPE/PICTURE/{answer,follow_up}  the best tokens that follow; logits after one more question
    SHAPE/together                    logits after a question about all these pictures
Numbers are rounded to float16.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fidelity.originals import Turn
from fidelity.pictures import LARGE, NAMES, picture
from fidelity.prompts import QUESTION, TALKS, Prompts
from fidelity.records import ANSWER, ASKED, RECORDS, parser, pixels_key
from fidelity.reference import Reference, look
from fidelity.shapes import REAL_EYES, RECORDED, Shape, shapes_called

Found = dict[str, np.ndarray]


def record_tokens(shape: Shape, prompts: Prompts) -> Found:
    """Return the prompts of some conversations."""
    talks = TALKS.items()
    return {f"tokens/{shape.family}/{name}": np.array(prompts.tokens(*talk), np.int16) for name, talk in talks}


def record_pictures(reference: Reference, names: Iterable[str]) -> Found:
    """Return what the tower gets of some pictures, and what becomes of them."""
    shape, found = reference.shape, {}
    for name in names:
        seen = look(picture(name), shape.vision)
        found[pixels_key(shape.vision.side, shape.vision.mean, name)] = seen.rgb
        found[f"{shape.name}/{name}/embedding"] = reference.embedding(seen).astype(np.float16)
    return found


def record_answers(reference: Reference, prompts: Prompts) -> Found:
    """Return how answers begin."""
    shape, found = reference.shape, {}
    seen = {name: look(picture(name), shape.vision) for name in ASKED}
    asked = prompts.tokens(None, (Turn(QUESTION, 1),))
    for name, one in seen.items():
        answer = reference.answer(asked, one, ANSWER)
        found[f"{shape.name}/{name}/answer"] = np.array(answer, np.int16)
        found[f"{shape.name}/{name}/logits"] = reference.logits(asked, one).astype(np.float16)
        follow_up = reference.logits(prompts.going_on(answer), one)
        found[f"{shape.name}/{name}/follow_up"] = follow_up.astype(np.float16)
    together = reference.logits(prompts.tokens(None, (Turn(QUESTION, len(ASKED)),)), *seen.values())
    found[f"{shape.name}/together"] = together.astype(np.float16)
    return found


def record_large() -> Found:
    """Return large pictures as a tower of the tests gets them."""
    vision = next(shape.vision for shape in RECORDED if shape.vision.side == 84)
    return {pixels_key(vision.side, vision.mean, name): look(picture(name), vision).rgb for name in LARGE}


def main() -> None:
    """Write the file."""
    reading = parser("Records what transformers computes with random weights.")
    options = reading.parse_args()
    tests = options.shapes == "tests"
    if not tests and options.file == RECORDS:
        reading.error("name a file for other shapes than those of the tests")
    found = record_large() if tests else {}
    for shape in shapes_called(options.shapes):
        print(shape.name, flush=True)
        reference = Reference(shape)
        prompts = Prompts(shape.family, reference.vocabulary)
        found |= record_tokens(shape, prompts)
        if shape is REAL_EYES:  # two are enough to wait for
            found |= record_pictures(reference, ASKED)
        else:
            found |= record_pictures(reference, NAMES) | record_answers(reference, prompts)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.file, **found)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
