"""Compares the engine with the recorded results of transformers.

    PYTHONPATH=packaging:. .venv/bin/python -m fidelity.compare [tests | real | N] [FILE]

prints a table of the worst figures of each shape, and ends with 1 if one is not good enough. The tests use the parts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop_app.engine.llama.kv_cache import PictureRow
from desktop_app.engine.messages import PictureRef, Turn
from desktop_app.engine.weights.projector_copy import prepare_projector
from fidelity.engine import Engine, draw, watched_input, write_files
from fidelity.pictures import NAMES
from fidelity.prompts import FOLLOW_UP, QUESTION, TALKS
from fidelity.records import ANSWER, ASKED, parser, pixels_key
from fidelity.shapes import Shape, shapes_called
from fidelity.vocabularies import IMAGE, vocabulary_for

Records = Mapping[str, npt.NDArray[Any]]

MOST_APART = 1.0  # steps of 255
LEAST_COSINE = {"f16": 0.9999, "q8_0": 0.999}
LEAST_CORRELATION = 0.995
MOMENTS = ("first", "together", "follow_up", "restored", "small")
_CLEAR = 0.1  # standard deviations of the logits between the best token and the next


@dataclass(frozen=True)
class Logits:
    """How the logits of one token compare."""

    correlation: float
    same_best: bool
    clear: bool  # the reference's best token stands out from the next

    @property
    def good(self) -> bool:
        """Return whether they are what the reference computed."""
        return self.correlation >= LEAST_CORRELATION and (self.same_best or not self.clear)


@dataclass
class Comparison:
    """How one shape compares, by picture."""

    tokens: dict[str, bool] = field(default_factory=dict)  # by conversation: whether the prompt is the same
    pixels: dict[str, float] = field(default_factory=dict)  # largest distance, in steps of 255
    cosines: dict[str, dict[str, float]] = field(default_factory=dict)  # by type of the projector; the least of a token
    first: dict[str, Logits] = field(default_factory=dict)
    together: dict[str, Logits] = field(default_factory=dict)  # two pictures in one question
    follow_up: dict[str, Logits] = field(default_factory=dict)  # goes on from what is in the KV cache
    restored: dict[str, Logits] = field(default_factory=dict)  # the same in a new session, with the cache from the disk
    small: dict[str, Logits] = field(default_factory=dict)  # the first question, with projector and KV cache in q8_0
    reused: dict[str, int] = field(default_factory=dict)  # cells that a follow-up did not evaluate
    found: dict[str, int] = field(default_factory=dict)  # cells that the new session did not evaluate
    read: dict[str, int] = field(default_factory=dict)  # cells of the first question and its answer
    encodes: int = 0  # runs of CLIP in the new session

    def faults(self) -> list[str]:
        """Return what is not good enough, in words."""
        found = [f"other tokens: {talk}" for talk, same in self.tokens.items() if not same]
        found += [f"pixels of {name}: {apart:.2f} apart" for name, apart in self.pixels.items() if apart > MOST_APART]
        for kind, cosines in self.cosines.items():
            found += [f"{kind} of {name}: {value:.6f}" for name, value in cosines.items() if value < LEAST_COSINE[kind]]
        for moment in MOMENTS:
            logits: dict[str, Logits] = getattr(self, moment)
            found += [f"{moment} of {name}: {value}" for name, value in logits.items() if not value.good]
        return found


def compare(shape: Shape, records: Records, folder: Path) -> Comparison:
    """Let the engine do what the reference did. `folder` is for the files it needs."""
    files = write_files(shape, folder / "files")
    recorded = [name for name in NAMES if f"{shape.name}/{name}/embedding" in records]
    drawn = {name: draw(name, folder / "pictures") for name in recorded}
    result = Comparison()
    whole = prepare_projector(files, lambda: folder)
    engine = Engine(whole, folder / "kept")
    result.tokens = compare_tokens(engine, shape.family, records)
    result.pixels, result.cosines["f16"] = compare_pictures(engine, shape, drawn, records)
    answers = f"{shape.name}/together" in records
    if answers:
        _compare_answers(engine, shape, drawn, records, result)
    engine.close()
    if answers:
        engine = Engine(whole, folder / "kept")
        _compare_restored(engine, shape, drawn, records, result)
        engine.close()
    small = prepare_projector(files, lambda: folder, small=True)
    if small.projector is not None and small.projector.small:
        engine = Engine(small, small=shape.text.head_size % 32 == 0)  # in blocks of 32 values
        _, result.cosines["q8_0"] = compare_pictures(engine, shape, drawn, records)
        for name in ASKED if answers else ():
            _, logits = engine.ask([Turn(QUESTION, (drawn[name],))], 1)
            result.small[name] = compare_logits(logits, records[f"{shape.name}/{name}/logits"])
        engine.close()
    return result


def compare_tokens(engine: Engine, family: str, records: Records) -> dict[str, bool]:
    """Return for each conversation whether its prompt has the recorded tokens."""
    image = vocabulary_for(family).pieces.index(IMAGE)
    same = {}
    for talk, (system, turns) in TALKS.items():
        asked = [
            Turn(turn.question, tuple(PictureRef(str(n), "", "") for n in range(turn.pictures)), turn.answer)
            for turn in turns
        ]
        tokens = [
            image if isinstance(cell, PictureRow) else cell
            for cell in engine.session.prompts.asking(asked, system)
            if not isinstance(cell, PictureRow) or cell.row == 0
        ]
        same[talk] = tokens == records[f"tokens/{family}/{talk}"].tolist()
    return same


def compare_pictures(
    engine: Engine, shape: Shape, drawn: Mapping[str, PictureRef], records: Records
) -> tuple[dict[str, float], dict[str, float]]:
    """Return, by picture, how far pixels are apart at most, and the least cosine of a token."""
    vision = shape.vision
    mean, std = np.array(vision.mean)[:, None, None], np.array(vision.std)[:, None, None]
    pixels, cosines = {}, {}
    for name, reference in drawn.items():
        with watched_input() as seen:
            embedding = engine.layout(reference)
        expected = records[pixels_key(vision.side, vision.mean, name)].transpose(2, 0, 1).astype(np.float64)
        (tensor,) = seen
        pixels[name] = float(np.abs((tensor * std + mean) * 255 - expected).max())
        cosines[name] = least_cosine(embedding, records[f"{shape.name}/{name}/embedding"])
    return pixels, cosines


def least_cosine(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Return the least cosine between the rows of two matrices."""
    first, second = found.astype(np.float64), expected.astype(np.float64)
    cosines = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    return float(cosines.min())


def compare_logits(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> Logits:
    """Compare the logits of one token."""
    second, best = np.sort(expected.astype(np.float64))[-2:]
    return Logits(
        correlation=float(np.corrcoef(found.astype(np.float64), expected.astype(np.float64))[0, 1]),
        same_best=int(found.argmax()) == int(expected.argmax()),
        clear=bool(best - second > _CLEAR * expected.astype(np.float64).std()),
    )


def _compare_answers(
    engine: Engine, shape: Shape, drawn: Mapping[str, PictureRef], records: Records, result: Comparison
) -> None:
    for name in ASKED:
        question = [Turn(QUESTION, (drawn[name],))]
        finished, logits = engine.ask(question, 1)
        result.first[name] = compare_logits(logits, records[f"{shape.name}/{name}/logits"])
        engine.ask(question, ANSWER)  # writes the answer into the cache, token by token, all but the last
        result.read[name] = finished.stats.prompt_tokens + ANSWER - 1
        finished, logits = engine.ask(_going_on(engine, drawn[name], records[f"{shape.name}/{name}/answer"]), 1)
        result.reused[name] = finished.stats.reused_tokens
        result.follow_up[name] = compare_logits(logits, records[f"{shape.name}/{name}/follow_up"])
        engine.session.settle()
    _, logits = engine.ask([Turn(QUESTION, tuple(drawn[name] for name in ASKED))], 1)
    result.together["both"] = compare_logits(logits, records[f"{shape.name}/together"])


def _compare_restored(
    engine: Engine, shape: Shape, drawn: Mapping[str, PictureRef], records: Records, result: Comparison
) -> None:
    for name in ASKED:
        finished, logits = engine.ask(_going_on(engine, drawn[name], records[f"{shape.name}/{name}/answer"]), 1)
        result.found[name] = finished.stats.reused_tokens
        result.encodes += finished.stats.image_encodes
        result.restored[name] = compare_logits(logits, records[f"{shape.name}/{name}/follow_up"])


def _going_on(engine: Engine, drawn: PictureRef, answer: npt.NDArray[Any]) -> list[Turn]:
    return [Turn(QUESTION, (drawn,), engine.remember(answer.tolist())), Turn(FOLLOW_UP)]


def main() -> int:
    """Print the table."""
    options = parser("Holds the engine against what was recorded of the reference.").parse_args()
    print("| shape | family | 1/255 | f16 | q8_0 | first | together | follow-up | restored | all in q8_0 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    faults: list[str] = []
    with np.load(options.file) as records:
        for shape in shapes_called(options.shapes):
            with tempfile.TemporaryDirectory() as folder:
                result = compare(shape, records, Path(folder))
            print(row(shape, result), flush=True)
            faults += [f"{shape.name}: {fault}" for fault in result.faults()]
    print("\n".join(["", *faults]))
    return 1 if faults else 0


def row(shape: Shape, result: Comparison) -> str:
    """Return the worst figures of one shape, as a row of a table."""
    least = [min(result.cosines.get(kind, {}).values(), default=None) for kind in LEAST_COSINE]
    for moment in MOMENTS:
        logits: dict[str, Logits] = getattr(result, moment)
        least.append(min((value.correlation for value in logits.values()), default=None))
    figures = [f"{max(result.pixels.values()):.3f}", *(f"{value:.6f}" if value is not None else "-" for value in least)]
    return f"| {shape.name} | {shape.family} | {' | '.join(figures)} |"


if __name__ == "__main__":
    sys.exit(main())
