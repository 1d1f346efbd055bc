"""Asks the built-in model about held-out scenes of which it reads only some rows, chosen in several ways.

    .venv/bin/python packaging/demo_model/quick_look.py resources/demo_model build/quick_look.jsonl

Every question is asked with all rows and with a share of them, which keep their places unless they stand side by side.
Answers are greedy and must equal the expected sentence. Each is written into the file at once, and an interrupted run
goes on where it stopped: 3,003 questions in one way take some three minutes on one core. Then the tables are printed;
``--ways`` asks in some ways only, ``--tables`` in none.
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from dialogues.answering import EngineAnswers, Picture
from held_out import Case, held_out_cases
from pictures.scenes import Scene

from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.vision.row_selection import choose_rows

Indices = npt.NDArray[np.intp]
Choice = Callable[[Embedding, int], Indices]

WHOLE = "whole"
SEEDS = 110
"""Scenes of each variant, as in the table of the model card."""


def coverage(rows: Embedding, keep: int) -> Indices:
    """Rows to one of which every row is as similar as possible (facility location, greedily), and the last."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    similar = unit @ unit.T
    chosen = [len(rows) - 1]
    covered = similar[:, -1]
    while len(chosen) < keep:
        gains = np.maximum(similar - covered[:, None], 0).sum(0)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        covered = np.maximum(covered, similar[:, chosen[-1]])
    return np.sort(chosen)


def evenly(rows: Embedding, keep: int) -> Indices:
    """Rows at equal distances, the first and the last among them."""
    return np.linspace(0, len(rows) - 1, keep).round().astype(np.intp)


def randomly(rows: Embedding, keep: int) -> Indices:
    """Any rows, other ones for each picture, and the last."""
    rng = np.random.default_rng(zlib.crc32(rows.tobytes()))
    return np.sort([*rng.choice(len(rows) - 1, keep - 1, replace=False), len(rows) - 1])


def farthest_from_any(rows: Embedding, keep: int) -> Indices:
    """Farthest points without the rule of the last row: from the row that is least like any other."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -1)
    alone = int(similar.max(1).argmin())
    order = np.roll(np.arange(len(rows)), -1 - alone)  # that one is the last of the others' order
    return np.sort(order[choose_rows(rows[order], keep)])


def farthest_in_sums(rows: Embedding, keep: int, sums: int) -> Indices:
    """Farthest points among random sums of the values of each row, as with models of wide rows."""
    signs = np.random.default_rng(1).choice(np.array([-1, 1], np.float32), (rows.shape[1], sums))
    return choose_rows(rows @ signs, keep)


CHOICES: Mapping[str, Choice] = {
    "farthest": choose_rows,
    "coverage": coverage,
    "even": evenly,
    "random": randomly,
    "farthest, last row free": farthest_from_any,
    "farthest of 256 sums": partial(farthest_in_sums, sums=256),
    "farthest of 64 sums": partial(farthest_in_sums, sums=64),
}
SHARES = (Fraction(1, 2), Fraction(1, 3), Fraction(1, 4))


def _share(rows: Embedding, choice: Choice, share: Fraction, *, closed_up: bool = False) -> Picture:
    """Return the chosen rows at their places, or side by side."""
    chosen = choice(rows, math.floor(len(rows) * share))
    return Picture(rows[chosen], np.arange(len(chosen)) if closed_up else chosen)


#: The name of each way -> what it reads of all rows; the most telling first.
WAYS: Mapping[str, Callable[[Embedding], Picture]] = {
    WHOLE: lambda rows: Picture(rows, np.arange(len(rows))),
    **{
        f"{name} {share}": partial(_share, choice=CHOICES[name], share=share)
        for name, share in (
            *(("farthest", share) for share in SHARES),
            *((name, Fraction(1, 3)) for name in CHOICES if name != "farthest"),
            *((name, share) for name in ("coverage", "even", "random") for share in SHARES if share != Fraction(1, 3)),
        )
    },
    **{
        f"farthest, side by side {share}": partial(_share, choice=choose_rows, share=share, closed_up=True)
        for share in SHARES
    },
}


def ask(engine: EngineAnswers, cases: Sequence[Case], ways: Iterable[str], results: Path) -> None:
    """Ask in each way what ``results`` does not have yet, and write it there."""
    answered = {(way, number) for way, numbers in read(results).items() for number in numbers}
    rows: dict[tuple[int, str, int, Scene], Embedding] = {}
    with results.open("a", encoding="utf-8") as file:
        file.write("\n" if answered else "")  # ends a line that was cut short
        for way in ways:
            seen: dict[tuple[int, str, int, Scene], Picture] = {}
            for number, case in enumerate(cases):
                if (way, number) in answered:
                    continue
                names = [(case.seed, case.variant, *place) for place in enumerate(case.scenes)]
                if any(name not in rows for name in names):
                    rows.update(zip(names, map(engine.rows_of, case.pictures()), strict=True))
                for name in names:
                    if name not in seen:
                        seen[name] = WAYS[way](rows[name])
                said = engine.answer_about([seen[name] for name in names], list(case.turns))
                right = said == case.turns[-1].answer
                file.write(json.dumps({"way": way, "case": number, "right": right, "said": said}) + "\n")
                file.flush()


def read(results: Path) -> dict[str, dict[int, bool]]:
    """Return for each way which questions were answered rightly; lines that an interruption cut short are left out."""
    found: dict[str, dict[int, bool]] = defaultdict(dict)
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found[entry["way"]][entry["case"]] = entry["right"]
    return found


def table(right: Mapping[str, Mapping[int, bool]], cases: Sequence[int]) -> str:
    """Return the share of right answers in each way, and how they differ from those with all rows."""
    lines = [
        "| rows | asked | right | against all rows | became wrong | became right |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for way in (way for way in WAYS if way in right):
        both = [n for n in cases if n in right[way] and n in right[WHOLE]]
        if not both:
            continue
        lost = sum(right[WHOLE][n] and not right[way][n] for n in both)
        won = sum(right[way][n] and not right[WHOLE][n] for n in both)
        good = sum(right[way][n] for n in both)
        error = 1.96 * math.sqrt(lost + won - (won - lost) ** 2 / len(both))  # 95 % of a difference of pairs
        against = f"{100 * (won - lost) / len(both):+.2f} ± {100 * error / len(both):.2f}" if way != WHOLE else ""
        lines.append(f"| {way} | {len(both)} | {100 * good / len(both):.1f} % | {against} | {lost} | {won} |")
    return "\n".join(lines)


def main() -> None:
    """Ask, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder with the two GGUF files")
    parser.add_argument("results", type=Path, help="file that gets the answers")
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--tables", action="store_true", help="ask nothing")
    options = parser.parse_args()
    cases = held_out_cases(SEEDS)
    if not options.tables:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        ask(EngineAnswers(options.model, threads=1), cases, options.ways, options.results)
    right = read(options.results)
    text = [n for n, case in enumerate(cases) if any(scene.kind == "character" for scene in case.scenes)]
    drawn = [n for n, case in enumerate(cases) if case.scenes and n not in set(text)]
    parts = {"All questions": range(len(cases)), "Pictures of a digit or letter": text, "Other pictures": drawn}
    for title, numbers in parts.items():
        print(f"{title}\n\n{table(right, list(numbers))}\n")


if __name__ == "__main__":
    main()
