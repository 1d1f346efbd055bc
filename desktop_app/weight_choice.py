"""How fast each quantisation of a model is on this computer, and what it loses: for the window and the command line.

What is told of a model is scaled from the measured layer by the bytes of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop_app.engine.messages import WeightSpeed
from desktop_app.engine.tuning.search import READ, WRITTEN
from model_store.catalogue import ModelEntry, Variant

#: Where the losses stand.
SOURCE = "https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/quantize.cpp"
#: By how much the perplexity of Llama 3 8B grows. IQ4_NL is not listed there.
_LOSSES = {
    "Q2_K": 3.5199,
    "Q3_K_S": 1.6321,
    "Q3_K_M": 0.6569,
    "Q3_K_L": 0.5562,
    "Q4_0": 0.4685,
    "Q4_1": 0.4511,
    "Q4_K_S": 0.2689,
    "Q4_K_M": 0.1754,
    "Q5_0": 0.1316,
    "Q5_1": 0.1062,
    "Q5_K_S": 0.1049,
    "Q5_K_M": 0.0569,
    "Q6_K": 0.0217,
    "Q8_0": 0.0026,
}
_ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
# Their tokens read only a part of the weights, so that speed does not follow from the size.
_READ_IN_PART = {"gemma4"}


@dataclass(frozen=True)
class WeightFacts:
    """What is known of a variant. 0 tokens per second: not measured; loss None: not published."""

    reading: float = 0.0
    writing: float = 0.0
    loss: float | None = None  # by how much the perplexity of Llama 3 8B grows
    is_fastest: bool = False  # of the variants of its model
    is_best: bool = False  # it loses least of them


def weight_facts(entry: ModelEntry, speeds: Sequence[WeightSpeed]) -> tuple[WeightFacts, ...]:
    """Return what is known of each variant of a model, in their order.

    One is the fastest or the best only if this is known of all variants, and there are several.
    """
    known = speeds if entry.family not in _READ_IN_PART else ()
    rates = [_rates(variant, known) for variant in entry.variants]
    losses = [_LOSSES.get(_usual_name(variant.quantisation)) for variant in entry.variants]
    times = [_seconds(*rate) if rate is not None else None for rate in rates]
    fastest, best = _least(times), _least(losses)
    return tuple(
        WeightFacts(*(rate or (0.0, 0.0)), loss, index == fastest, index == best)
        for index, (rate, loss) in enumerate(zip(rates, losses, strict=True))
    )


def _rates(variant: Variant, speeds: Sequence[WeightSpeed]) -> tuple[float, float] | None:
    """Return (reading, writing) of the way of loading in which a typical conversation takes least time."""
    size = sum(file.size for file in variant.model_files)
    if not all(file.size for file in variant.model_files):
        return None
    name = _usual_name(variant.quantisation)
    found = [
        (speed.reading * speed.size / size, speed.writing * speed.size / size)
        for speed in speeds
        if speed.quantisation == name
    ]
    return min(found, key=lambda rates: _seconds(*rates), default=None)


def _seconds(reading: float, writing: float) -> float:
    return READ / reading + WRITTEN / writing


def _least(values: Sequence[float | None]) -> int | None:
    """Return the place of the least value; None if one is unknown, or there is nothing to choose from."""
    known = [value for value in values if value is not None]
    if len(known) < max(2, len(values)):
        return None
    return values.index(min(known))


def _usual_name(quantisation: str) -> str:
    name = quantisation.upper()
    return _ALIASES.get(name, name)
