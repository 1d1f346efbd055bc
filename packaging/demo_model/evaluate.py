"""Asks the model questions about held-out scenes and counts exact answers.

    python packaging/demo_model/evaluate.py resources/demo_model [--seeds 120]

Answers are decoded greedily, token by token, and must equal the expected sentence.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dialogues.conversations import Talk, Turn
from held_out import Case, held_out_cases
from pictures.scenes import make_scene
from pictures.variants import VARIANTS, variant_picture
from PIL import Image

ORDER = (
    "describe",
    "colour",
    "several",
    "shape",
    "where",
    "place",
    "count",
    "count of",
    "yes",
    "no",
    "background",
    "character",
    "size",
    "follow-up",
    "second picture",
    "first picture",
    "other picture",
    "no picture",
    "chat",
    "beyond",
)


def table(good: Counter[tuple[str, str]], seen: Counter[tuple[str, str]]) -> str:
    """Markdown table: kinds down, variants across, share of exact answers and their number."""
    lines = ["| question | " + " | ".join(VARIANTS) + " | all | asked |", "|---|" + "---:|" * (len(VARIANTS) + 2)]
    kinds = [k for k in ORDER if any(s[0] == k for s in seen)] + sorted({s[0] for s in seen} - set(ORDER))
    for kind in [*kinds, "**all**"]:
        cells = []
        for variant in (*VARIANTS, ""):
            keys = [s for s in seen if (kind == "**all**" or s[0] == kind) and (not variant or s[1] == variant)]
            n = sum(seen[s] for s in keys)
            cells.append(f"{100 * sum(good[s] for s in keys) / n:.1f} %" if n else "-")
        n = sum(seen[s] for s in seen if kind == "**all**" or s[0] == kind)
        lines.append(f"| {kind} | " + " | ".join(cells) + f" | {n} |")
    return "\n".join(lines)


def answers_of(model: Path, threads: int) -> Callable[[list[Image.Image], list[Turn]], str]:
    """What answers: the program's engine for a folder of GGUF files, PyTorch for a checkpoint."""
    if model.is_dir():
        from dialogues.answering import EngineAnswers

        return EngineAnswers(model, threads).answer
    import torch
    from convert import load, round_to_half
    from generate import answer, features_of
    from tokenizer import Tokenizer

    torch.set_num_threads(threads)
    tokenizer = Tokenizer()
    network = load(model, tokenizer)
    round_to_half(network)
    return lambda pictures, turns: tokenizer.decode(answer(network, tokenizer, features_of(network, pictures), turns))


def typefaces(answer: Callable[[list[Image.Image], list[Turn]], str], number: int) -> str:
    """How many digits and letters in the six DejaVu faces of the training are read rightly."""
    from dataset import training_fonts

    fonts = tuple(f for f in training_fonts() if f)
    right = 0
    for seed in range(number):
        rng = random.Random(250_000 + seed)
        scene = make_scene(rng, "character", fonts=fonts)
        asked = Talk(rng, scene).character()
        assert asked is not None
        picture = variant_picture(scene, rng.choice(VARIANTS[:3]), rng)
        right += answer([picture], [Turn("character", asked.question, asked.answer, 0)]) == asked.answer
    return f"Digits and letters in DejaVu: {100 * right / number:.1f} % of {number}."


def main() -> None:
    """Run the evaluation and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder with the two GGUF files, or a checkpoint of the training")
    parser.add_argument("--seeds", type=int, default=120, help="scenes per variant")
    parser.add_argument("--first", type=int, default=0, help="first held-out seed")
    parser.add_argument("--wrong", type=Path, help="write wrong answers to this JSON file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--typefaces", action="store_true", help="also ask about characters in DejaVu (matplotlib)")
    options = parser.parse_args()
    answer = answers_of(options.model, options.threads)
    good: Counter[tuple[str, str]] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    wrong: list[dict[str, object]] = []
    shown: tuple[object, ...] = ()
    pictures: list[Image.Image] = []
    for case in held_out_cases(options.seeds, options.first):
        if (case.seed, case.scenes) != shown:
            shown, pictures = (case.seed, case.scenes), case.pictures()
        text = answer(pictures, list(case.turns))
        seen[case.kind, case.variant] += 1
        good[case.kind, case.variant] += text == case.turns[-1].answer
        if text != case.turns[-1].answer:
            wrong.append(describe_error(case, text))
    print(table(good, seen))
    if options.typefaces:
        print(typefaces(answer, 300))
    if options.wrong:
        options.wrong.write_text(json.dumps(wrong, indent=1), encoding="utf-8")


def describe_error(case: Case, text: str) -> dict[str, object]:
    """What is worth knowing about a wrong answer."""
    last = case.turns[-1]
    return {
        "seed": case.seed,
        "variant": case.variant,
        "kind": case.kind,
        "question": last.question,
        "expected": last.answer,
        "given": text,
    }


if __name__ == "__main__":
    main()
