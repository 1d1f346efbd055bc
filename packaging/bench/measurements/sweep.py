"""Other settings than ours, with plain llama.cpp: is there anything faster on this computer?

Ours are measured with each of them, in turns: so a computer that gets slower or faster meanwhile favours nobody.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self

from bench.job import Job
from bench.measurements.load_settings import Settings
from bench.measurements.plain_calls import Plain, loaded, plain_context, prepare
from bench.results import Sheet
from desktop_app.engine.planning.cpu_cores import physical_cores

_OTHERS = (
    Settings(batch=128),
    Settings(batch=512),
    Settings(batch=512, flash=True),
    Settings(batch=512, flash=True, short_cells=True),
)
_PADDING = 256  # the context is made a multiple of it


def measure(job: Job, sheet: Sheet) -> None:
    """Measure ours against others that load the file itself, as it is."""
    prepare()
    with ExitStack() as stack:
        model = stack.enter_context(loaded(job.model, job.settings))
        plain = job.settings.mapped and not job.settings.repacked
        other_model = model if plain else stack.enter_context(loaded(job.model, Settings()))
        ours = stack.enter_context(_Ours(job, model))
        ours.try_threads(sheet)
        ours.try_others(sheet, other_model, _OTHERS)


def measure_others(job: Job, sheet: Sheet, several: Sequence[Settings]) -> None:
    """Measure ours against `several`, which load the file all in the same way."""
    prepare()
    with (
        loaded(job.model, job.settings) as model,
        loaded(job.model, several[0]) as other_model,
        _Ours(job, model) as ours,
    ):
        ours.try_others(sheet, other_model, several)


class _Ours:
    """Contexts with our settings: an empty one to read with, and one that is filled, to write with."""

    def __init__(self, job: Job, model: Any) -> None:
        self._job = job
        self._room = (max(job.reading_tokens, job.depth + job.writing_tokens) // _PADDING + 1) * _PADDING
        self._count = max(2, job.writing_tokens // 4)
        self._reading_rounds = min(2, job.repeats)  # each takes as long as writing ten times
        self._contexts = ExitStack()
        self._empty, self._deep = (
            self._contexts.enter_context(plain_context(model, self._room, job.settings)) for _ in range(2)
        )

    def __enter__(self) -> Self:
        self._deep.fill(self._job.depth)
        self._empty.read(self._job.reading_tokens)  # the first use of its memory costs
        return self

    def __exit__(self, *_exception: object) -> None:
        self._contexts.close()

    def try_threads(self, sheet: Sheet) -> None:
        """Write with other numbers of threads."""
        own = self._job.settings.threads
        for threads in sorted({1, physical_cores(), os.cpu_count() or 1} - {own}):
            name = f"sweep.{self._job.settings.name}, threads {threads}"
            with sheet.row(f"{name}.writing_tok_s"):
                rounds = []
                for _ in range(self._job.repeats):
                    before = self._deep.write(self._count)
                    self._deep.use_threads(threads)
                    rounds.append((self._deep.write(self._count), before))
                    self._deep.use_threads(own)
                _note_rounds(sheet, f"{name}.writing", rounds)

    def try_others(self, sheet: Sheet, model: Any, several: Sequence[Settings]) -> None:
        """Compare each of `several`, in a context of `model`, with ours."""
        settings = self._job.settings
        for one in several:
            other = replace(one, threads=settings.threads, reading_threads=settings.reading_threads)
            if other.name == settings.name:
                continue
            name = f"sweep.{other.name}"
            with (
                sheet.row(f"{name}.reading_tok_s", f"{name}.writing_tok_s"),
                plain_context(model, self._room, other) as theirs,
            ):
                self._compare(sheet, name, theirs)

    def _compare(self, sheet: Sheet, name: str, theirs: Plain) -> None:
        tokens = self._job.reading_tokens
        theirs.read(tokens // 16)
        rounds = [
            (tokens / theirs.read(tokens), tokens / self._empty.read(tokens)) for _ in range(self._reading_rounds)
        ]
        _note_rounds(sheet, f"{name}.reading", rounds)
        theirs.fill(self._job.depth)
        rounds = [(theirs.write(self._count), self._deep.write(self._count)) for _ in range(self._job.repeats)]
        _note_rounds(sheet, f"{name}.writing", rounds)


def _note_rounds(sheet: Sheet, name: str, rounds: Sequence[tuple[float, float]]) -> None:
    """Note the medians of (theirs, ours)."""
    theirs, ours = (statistics.median(speeds) for speeds in zip(*rounds, strict=True))
    _note(sheet, name, theirs, ours)


def _note(sheet: Sheet, name: str, theirs: float, ours: float) -> None:
    """Note what others reach, in tokens per second and as a multiple of ours."""
    sheet.put(f"{name}_tok_s", theirs)
    sheet.put(f"{name}_ratio", theirs / ours)
