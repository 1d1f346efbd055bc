"""Records what a model of transformers sees in pictures and answers, for tests/data/seen.

Of each picture ("{width}x{height}"):

    pixels WxH    what reaches the tower, of pieces the whole, uint8: every 5th pixel of every 5th line
    rows WxH      image tokens, with those of taps beside them, float16

and of each talk (tests/random_models/talks.py):

    ids TALK      the prompt, int32
    logits TALK   of the first token of the answer
    written TALK  the greedy answer, as far as each of its tokens stands out
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from fidelity.originals import ORIGINALS, Turn

from tests.helpers.paths import DATA
from tests.images.patterns import patterned
from tests.random_models.talks import EACH, TALKS, WRITTEN, Asked, SmallModel

SEEN = DATA / "seen"
_CLEAR = 0.05  # standard deviations between the best token and the next: it stands out


class Original:
    """A model of transformers, with its processor."""

    def __init__(
        self, model: Any, processor: Any, image: str, word: str | None = None, frame: str = "<picture>"
    ) -> None:
        """`image`: the token that stands for a row; `word`: what the processor replaces by a picture, if not that.

        `frame`: what the processor writes around a picture, and the originals as well: a regular expression.
        """
        self._model, self._processor = model.eval(), processor
        self._image = processor.tokenizer.convert_tokens_to_ids(image)
        self._word, self._frame = word or image, frame
        self._caught: dict[str, Any] = {}
        model.model.language_model.register_forward_pre_hook(self._catch, with_kwargs=True)

    def _catch(self, _module: Any, _args: Any, given: dict[str, Any]) -> None:
        self._caught = given

    def inputs(self, prompt: str, pictures: Sequence[Any]) -> Any:
        """Return what the processor makes of a prompt with <picture> in it."""
        text = re.sub(self._frame, self._word, prompt)
        return self._processor(text=[text], images=pictures or None, return_tensors="pt", add_special_tokens=False)

    def read(self, inputs: Any) -> tuple[Any, Any]:
        """Return the rows of all pictures, and the logits of the next token."""
        logits = self._model(**inputs).logits[0, -1].numpy()
        here = inputs["input_ids"][0].numpy() == self._image
        rows = self._caught["inputs_embeds"][0].numpy()[here]
        taps = self._caught.get("deepstack_visual_embeds")
        if taps is not None:
            rows = np.concatenate([rows, *(tap.numpy() for tap in taps)], 1)
        return rows, logits

    def write(self, inputs: Any) -> list[int]:
        """Return a greedy answer, up to the first token that does not stand out."""
        made = self._model.generate(
            **inputs, max_new_tokens=WRITTEN, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
        written: list[int] = []
        for token, logits in zip(made.sequences[0, inputs["input_ids"].shape[1] :].tolist(), made.logits, strict=True):
            second, best = np.sort(logits[0].numpy())[-2:]
            if best - second < _CLEAR * logits[0].numpy().std():
                break
            written.append(token)
        return written


def record(model: SmallModel, original: Original, pixels: Callable[[Any], Any]) -> None:
    """Record all of one model; `pixels`: what reaches the tower, as bytes, lines first, of what the processor made."""
    arrays: dict[str, Any] = {}
    pictures = [patterned(*size) for size in model.shapes]
    with torch.no_grad():
        for size in (*model.shapes, *model.large):
            inputs = original.inputs(prompt_of(model, TALKS["first"]), [patterned(*size)])
            name, values = "x".join(map(str, size)), pixels(inputs)
            arrays[f"pixels {name}"] = values[::EACH, ::EACH]
            if size in model.shapes:
                arrays[f"rows {name}"] = original.read(inputs)[0][:: model.each_row].astype(np.float16)
        for talk, asked in TALKS.items():
            shown = [pictures[number] for turn in asked for number in turn.pictures]
            inputs = original.inputs(prompt_of(model, asked), shown)
            arrays[f"ids {talk}"] = inputs["input_ids"][0].numpy().astype(np.int32)
            arrays[f"logits {talk}"] = original.read(inputs)[1]
            arrays[f"written {talk}"] = np.array(original.write(inputs), np.int32)
    SEEN.mkdir(exist_ok=True)
    np.savez_compressed(SEEN / model.seen, **arrays)


def prompt_of(model: SmallModel, asked: Sequence[Asked]) -> str:
    """Return a prompt as the originals write it, with <picture> in it."""
    write = ORIGINALS[model.family][3]
    return write(None, [Turn(turn.question, len(turn.pictures), turn.answer) for turn in asked])


def bytes_of(values: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Return normalised values, channels first, as bytes, channels last."""
    middle, spread = (np.asarray(part, np.float64)[:, None, None] for part in (mean, std))
    return np.rint((values * spread + middle) * 255).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def from_patches(inputs: Mapping[str, Any], patch: int) -> Any:
    """Return the pixels of one picture of Qwen's models, normalised: 3 x height x width."""
    ((_, rows, columns),) = inputs["image_grid_thw"].tolist()
    values = inputs["pixel_values"].numpy().reshape(rows // 2, columns // 2, 2, 2, 3, 2, patch, patch)
    ordered = values[:, :, :, :, :, 0].transpose(4, 0, 2, 5, 1, 3, 6)
    return ordered.reshape(3, rows * patch, columns * patch)
