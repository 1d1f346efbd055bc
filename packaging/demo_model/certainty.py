"""Measures whether the built-in model is less sure of its wrong answers than of its right ones.

    .venv/bin/python packaging/demo_model/certainty.py resources/demo_model [--photographs FOLDER]

It asks about held-out scenes, about the same with noise or an eighth of their rows, about crops of the photographs in a
folder, and about pictures in which nothing is drawn. What it says of how sure it is comes from the program's own code.
A share of 500 crops comes from each photograph. No threshold is fitted here: it was chosen on seeds from 10,000 on.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dialogues.conversations as cv
import numpy as np
from dialogues.answering import LONGEST, EngineAnswers, Picture
from held_out import Case, held_out_cases
from PIL import Image

from desktop_app.chat.certainty import UNSURE, Certainty, Sureness, WordScore
from desktop_app.engine.conversation.certainty import TokenScore, certainty
from desktop_app.engine.conversation.text_stream import TokenDecoder
from desktop_app.engine.vision.row_selection import choose_rows

PICTURES = 500  # photographs, and as many empty pictures
BINS = 10  # of the expected calibration error
DECLINES = "I am a small demonstration model."
DENIES = re.compile(r"\b(no|nothing|empty|background)\b", re.IGNORECASE)
NAMES = re.compile(r"^No, (?!the background)(the|it|there (is|are) (one|two|three|four))\b")


@dataclass
class Said:
    """An answer, and what may tell that it is wrong: the lower, the more."""

    text: str
    certainty: Certainty
    features: dict[str, float]
    right: bool = True


class ScoredAnswers(EngineAnswers):
    """Answers with the probabilities of their tokens, and with what they would be without the pictures."""

    def say(self, pictures: list[Picture], turns: list[cv.Turn]) -> Said:
        """Answer the last of ``turns``."""
        prompt = self._prompt(pictures, turns)
        self._read_prompt(prompt)
        vocabulary = self.model.vocabulary
        text, entropy = TokenDecoder(), 0.0
        logs: list[float] = []
        ending: float | None = None
        while len(logs) < LONGEST:
            logits = self.model.logits().astype(np.float64)
            best = int(logits.argmax())
            shares = np.exp(logits - logits.max())
            shares /= shares.sum()
            entropy = max(entropy, -float((shares * np.log(shares + 1e-30)).sum()))
            log = self.model.log_probability(best)
            if vocabulary.is_end(best):
                ending = log
                break
            logs.append(log)
            text.add(best, vocabulary.piece(best))
            self._read([best])
        words = [token for stretch in prompt if not isinstance(stretch, Picture) for token in stretch]
        without: Sequence[float | None] = [None] * len(logs)
        if any(isinstance(stretch, Picture) for stretch in prompt) and logs:
            with self.model.aside(0) as aside:
                assert aside is not None
                without = aside.score([*words, *text.token_ids], len(logs), lambda: None)
        starts = [0, *text.ends]
        tokens = [TokenScore(*scored) for scored in zip(starts, text.ends, logs, without, strict=False)]
        features = {
            "the least token": min([*logs, ending or 0.0]),
            "all tokens": sum(logs) + (ending or 0.0),
            "the most open choice": -entropy,
            "the least without the picture": min((log for log in without if log is not None), default=0.0),
            "what the picture changed": max((t.log - t.without for t in tokens if t.without is not None), default=0.0),
        }
        return Said(text.text.strip(), certainty(text.text, tokens, ending), features)


def whole(engine: ScoredAnswers, picture: Image.Image) -> Picture:
    """A picture with all its rows."""
    rows = engine.rows_of(picture)
    return Picture(rows, np.arange(len(rows)))


def eighth(engine: ScoredAnswers, picture: Image.Image) -> Picture:
    """A picture of which only an eighth of the rows is read."""
    rows = engine.rows_of(picture)
    places = choose_rows(rows, len(rows) // 8)
    return Picture(rows[places], places)


def noisy(engine: ScoredAnswers, picture: Image.Image) -> Picture:
    """A picture under heavy noise."""
    if max(picture.size) > 400:
        picture = picture.resize((112, 112))
    pixels = np.asarray(picture.convert("RGB"), dtype=float)
    rng = np.random.default_rng(int(pixels.sum()))
    pixels = pixels + rng.normal(0, rng.choice([40, 70, 100]), pixels.shape)
    return whole(engine, Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")))


def about_scenes(engine: ScoredAnswers, cases: Sequence[Case], see: Callable[..., Picture]) -> Iterator[Said]:
    """Ask all questions."""
    for _, group in itertools.groupby(cases, key=lambda case: (case.seed, case.variant)):
        seen: tuple[object, list[Picture]] = ((), [])
        for case in group:
            if case.scenes != seen[0]:
                seen = case.scenes, [see(engine, picture) for picture in case.pictures()]
            said = engine.say(seen[1], list(case.turns))
            said.right = said.text == case.turns[-1].answer
            yield said


def about_nothing(engine: ScoredAnswers, pictures: Iterator[Image.Image]) -> Iterator[Said]:
    """Ask questions about drawn scenes of pictures that show none. An answer that claims one is wrong."""
    asked = [
        case.turns[0]
        for case in held_out_cases(30, 12_000)
        if len(case.turns) == 1 and case.scenes and case.kind not in ("beyond", "chat")
    ]
    random.Random(1).shuffle(asked)
    for picture, turn in zip(pictures, itertools.cycle(asked), strict=False):
        said = engine.say([whole(engine, picture)], [turn])
        said.right = not claims(said.text)
        yield said


def claims(answer: str) -> bool:
    """Whether an answer says that something is drawn: a shape, a digit, a letter."""
    if answer.startswith(DECLINES):
        return False
    return bool(NAMES.search(answer)) or not DENIES.search(answer)


def photographs(folder: Path) -> Iterator[Image.Image]:
    """Crops of the photographs in a folder."""
    rng, files = random.Random(7), sorted(folder.iterdir())
    for number in range(PICTURES):
        with Image.open(files[number % len(files)]) as opened:
            picture = opened.convert("RGB")
        share = rng.uniform(0.25, 1)
        width, height = int(picture.width * share), int(picture.height * share)
        left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
        yield picture.crop((left, top, left + width, top + height))


def empty() -> Iterator[Image.Image]:
    """One colour, noise of all colours, a gradient, one colour with grain, in turn."""
    rng, numbers = random.Random(7), np.random.default_rng(7)
    for number in range(PICTURES):
        size = rng.randint(80, 400), rng.randint(80, 400)
        one, other = (np.array([rng.randint(0, 255) for _ in range(3)]) for _ in range(2))
        along = np.linspace(0, 1, size[0])[None, :, None]
        pixels = (
            np.full((size[1], size[0], 3), one),
            numbers.integers(0, 256, (size[1], size[0], 3)),
            np.broadcast_to(one * (1 - along) + other * along, (size[1], size[0], 3)),
            np.clip(one + numbers.normal(0, 12, (size[1], size[0], 3)), 0, 255),
        )[number % 4]
        yield Image.fromarray(pixels.astype("uint8"))


def auroc(wrong: Sequence[float], right: Sequence[float]) -> float:
    """How often a wrong answer has the lower value of a wrong and a right one."""
    order = sorted(right)
    pairs = len(wrong) * len(right)
    higher = sum(2 * len(order) - bisect_left(order, value) - bisect_right(order, value) for value in wrong)
    return higher / 2 / pairs if pairs else math.nan


def calibration_error(answers: Sequence[Said]) -> float:
    """How far the share of right answers is from the least probability of a token, on average (ten bins)."""
    bins: list[list[Said]] = [[] for _ in range(BINS)]
    for said in answers:
        bins[min(BINS - 1, int(said.certainty.least * BINS))].append(said)
    gaps = (abs(sum(said.certainty.least - said.right for said in group)) for group in bins)
    return sum(gaps) / len(answers)


def flagged(answers: Sequence[Said], *, right: bool) -> str:
    """The share of right or wrong answers of which the model was not sure."""
    found = [said.certainty.sureness is Sureness.NOT_SURE for said in answers if said.right is right]
    return f"{100 * sum(found) / len(found):.1f} %" if found else "-"


def main() -> None:
    """Ask, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="folder with the two GGUF files")
    parser.add_argument("--seeds", type=int, default=110, help="scenes of each variant")
    parser.add_argument("--hard-seeds", type=int, default=60, help="the same, with noise and with fewer rows")
    parser.add_argument("--first", type=int, default=0, help="first held-out seed")
    parser.add_argument("--photographs", type=Path, help="a folder of photographs")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    engine = ScoredAnswers(options.model, options.threads)
    plain = [case for case in held_out_cases(options.seeds, options.first) if case.scenes]
    hard = [case for case in held_out_cases(options.hard_seeds, options.first + 2_000) if case.scenes]
    asked = {
        "held-out questions": list(about_scenes(engine, plain, whole)),
        "under noise": list(about_scenes(engine, hard, noisy)),
        "with an eighth of the rows": list(about_scenes(engine, hard, eighth)),
    }
    print("| | asked | declined | wrong | AUROC | calibration error | wrong flagged | right flagged |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    judged: dict[str, list[Said]] = {}
    for name, answers in asked.items():
        kept = judged[name] = [said for said in answers if said.right or not said.text.startswith(DECLINES)]
        print(
            f"| {name} | {len(answers)} | {len(answers) - len(kept)} | {sum(not said.right for said in kept)} "
            f"| {_auroc(kept, 'the least token'):.3f} | {calibration_error(kept):.3f} "
            f"| {flagged(kept, right=False)} | {flagged(kept, right=True)} |"
        )
    print("\n| AUROC by | " + " | ".join(judged) + " |\n|---|" + "---:|" * len(judged))
    for feature in judged["held-out questions"][0].features:
        print(f"| {feature} | " + " | ".join(f"{_auroc(kept, feature):.3f}" for kept in judged.values()) + " |")
    _print_words(plain, asked["held-out questions"])
    _print_looks(plain, asked["held-out questions"])
    print(
        "\n| of 500 | declined | denied | claimed | of these flagged | nobody is told |\n|---|---:|---:|---:|---:|---:|"
    )
    if options.photographs is not None:
        _print_nothing("photographs", list(about_nothing(engine, photographs(options.photographs))))
    _print_nothing("empty pictures", list(about_nothing(engine, empty())))


def _auroc(answers: Sequence[Said], feature: str) -> float:
    values = [(said.features[feature], said.right) for said in answers]
    return auroc([value for value, right in values if not right], [value for value, right in values if right])


def _print_words(cases: Sequence[Case], answers: Sequence[Said]) -> None:
    """Tell how many of the first wrong words of wrong answers are underlined, and of the right words before them."""
    wrong: list[WordScore] = []
    right: list[WordScore] = []
    for case, said in zip(cases, answers, strict=True):
        expected = re.findall(r"\w+", case.turns[-1].answer)
        words = said.certainty.words
        given = [said.text[word.start : word.end] for word in words]
        pairs = zip(given, expected, strict=False)
        good = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(given), len(expected)))
        right += words[:good]
        wrong += words[good : good + 1]
    print("\n| words | | underlined | without what the picture decided |\n|---|---:|---:|---:|")
    for name, found in (("the first wrong ones", wrong), ("right ones", right)):
        unsure = [word for word in found if word.is_unsure]
        undecided = [word for word in unsure if (word.picture or 0.0) < math.log(2)]
        shares = (f"{100 * len(those) / max(1, len(found)):.1f} %" for those in (unsure, undecided))
        print(f"| {name} | {len(found)} | {' | '.join(shares)} |")


def _print_looks(cases: Sequence[Case], answers: Sequence[Said]) -> None:
    """Tell whether it is found out that a question needs no picture."""
    shown = [
        (case.kind in ("beyond", "chat"), said)
        for case, said in zip(cases, answers, strict=True)
        if any(turn.picture is not None for turn in case.turns)
    ]
    print("\n| questions | asked | did not look |\n|---|---:|---:|")
    for beyond, name in ((True, "that have nothing to do with the picture"), (False, "all others")):
        found = [said.certainty.sureness is Sureness.DID_NOT_LOOK for other, said in shown if other is beyond]
        print(f"| {name} | {len(found)} | {100 * sum(found) / max(1, len(found)):.1f} % |")
    for feature in ("what the picture changed", "the least token"):
        values = [(said.features[feature], other) for other, said in shown]
        area = auroc([value for value, other in values if other], [value for value, other in values if not other])
        print(f"\nAUROC of that by {feature}: {area:.4f}.")


def _print_nothing(name: str, answers: Sequence[Said]) -> None:
    declined = sum(said.text.startswith(DECLINES) for said in answers)
    claimed = [said for said in answers if not said.right]
    told = sum(said.certainty.least < UNSURE for said in claimed)
    denied = len(answers) - declined - len(claimed)
    untold = f"{100 * (len(claimed) - told) / len(answers):.1f} %"
    print(f"| {name} | {declined} | {denied} | {len(claimed)} | {told} | {untold} |", flush=True)


if __name__ == "__main__":
    main()
