"""What is said of several models with which the same conversation was had: side by side, against the first."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from bench.results import NotMeasuredError, Results

_PARTY = "models."
_PHASES = ("looking", "reading", "writing")

Figure = Callable[[Results, str], float]


def models_of(results: Results) -> list[str]:
    """Return the models that were measured, in that order."""
    found = list(dict.fromkeys(name.rpartition(".load_s")[0] for name in results.named(_PARTY) if "load_s" in name))
    if not found:
        raise NotMeasuredError(results.why("models"))
    return found


def follow_up(results: Results, model: str) -> float:
    """Return the wait for the first token of a follow-up, against the bare cost of its tokens: the median."""
    floors = results.named(f"{_PARTY}{model}.floor_s.")
    if not floors:
        raise NotMeasuredError(results.why(f"{_PARTY}{model}"))
    first = f"{_PARTY}{model}.first_token_s."
    return statistics.median(results[f"{first}{turn}"] / floor for turn, floor in floors.items())


def longest_stop(results: Results, model: str) -> float:
    """Return the milliseconds of the longest stop."""
    return max(_stop(phase)(results, model) for phase in _PHASES)


def model_rows(results: Results) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a table; in brackets how many times better than the first model, where that can be said."""
    models = models_of(results)
    yield ("", *models)
    for title, figure, sooner in _ROWS:
        values = [_value(figure, results, model) for model in models]
        yield (title, *(_cell(value, values[0] if index else None, sooner) for index, value in enumerate(values)))


def _named(what: str) -> Figure:
    return lambda results, model: results[f"{_PARTY}{model}.{what}"]


def _later(results: Results, model: str) -> float:
    return statistics.median(results[f"{_PARTY}{model}.first_token_s.{turn}"] for turn in (2, 3, 4))


def _stop(phase: str) -> Figure:
    def longest(results: Results, model: str) -> float:
        found = results.named(f"{_PARTY}{model}.stop_{phase}_ms.")
        if not found:
            raise NotMeasuredError(results.why(f"{_PARTY}{model}.stop_{phase}_ms.0"))
        return max(found.values())

    return longest


#: Title, figure, and whether less is better; None: it is not compared.
_ROWS: tuple[tuple[str, Figure, bool | None], ...] = (
    ("picture encode (s)", _named("encode_s"), True),
    ("first token after a picture (s)", _named("first_token_s.1"), True),
    ("first token of a follow-up (s)", _later, True),
    ("the same, against its bare cost", follow_up, None),
    ("first token of another answer (s)", _named("regenerate_s"), True),
    ("first token after a restart (s)", _named("restart_s"), True),
    ("reading (tokens/s)", _named("reading_tok_s"), False),
    ("writing (tokens/s)", _named("writing_tok_s"), False),
    *((f"stop while {phase}, longest (ms)", _stop(phase), None) for phase in _PHASES),
    ("peak memory, engine (MiB)", _named("peak_mib"), True),
    ("planned for the engine (MiB)", _named("planned_mib"), None),
)


def _value(figure: Figure, results: Results, model: str) -> float | None:
    try:
        return figure(results, model)
    except (NotMeasuredError, KeyError):
        return None


def _cell(value: float | None, first: float | None, less: bool | None) -> str:
    if value is None:
        return "-"
    shown = f"{value:.0f}" if value >= 100 else f"{value:.2f}"
    if first is None or less is None or not value or not first:
        return shown
    return f"{shown} ({first / value if less else value / first:.1f} x)"
