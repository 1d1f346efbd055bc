"""Other settings than ours, with plain llama.cpp: is there anything faster on this computer?

Ours are measured with each of them, in turns: so a computer that gets slower or faster meanwhile favours nobody.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.job import Job
from bench.load_settings import Settings
from bench.plain_calls import Plain, loaded, plain_context, prepare
from bench.results import Sheet
from desktop_app.engine.cores import physical_cores

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
    with loaded(job.model, job.settings) as model:
        _try_threads(job, sheet, model)
        if job.settings.mapped and not job.settings.repacked:
            try_others(job, sheet, model, model, _OTHERS)
            return
        with loaded(job.model, Settings()) as other:
            try_others(job, sheet, model, other, _OTHERS)


def try_others(job: Job, sheet: Sheet, model: Any, other_model: Any, several: Sequence[Settings]) -> None:
    """Compare ours, in a context of `model`, with each of `several`, in one of `other_model`."""
    for setting in several:
        other = replace(setting, threads=job.settings.threads, reading_threads=job.settings.reading_threads)
        if other.name == job.settings.name:
            continue
        name = f"sweep.{other.name}"
        with (
            sheet.row(f"{name}.reading_tok_s", f"{name}.writing_tok_s"),
            plain_context(model, _room(job), job.settings) as ours,
            plain_context(other_model, _room(job), other) as theirs,
        ):
            _compare(job, sheet, name, ours, theirs)


def _compare(job: Job, sheet: Sheet, name: str, ours: Plain, theirs: Plain) -> None:
    """Note what `theirs` reaches, in tokens per second and as a multiple of ours."""
    for context in (ours, theirs):  # the first use of its memory costs
        context.read(job.reading_tokens // 8)
    reading = [job.reading_tokens / context.read(job.reading_tokens) for context in (ours, theirs, ours)]
    _note(sheet, f"{name}.reading", reading[1], (reading[0] + reading[2]) / 2)
    for context in (ours, theirs):
        context.fill(job.depth)
    count = max(2, job.writing_tokens // 4)
    rounds = [(theirs.write(count), ours.write(count)) for _ in range(job.repeats)]
    _note_rounds(sheet, f"{name}.writing", rounds)


def _note_rounds(sheet: Sheet, name: str, rounds: Sequence[tuple[float, float]]) -> None:
    """Note the medians of (theirs, ours)."""
    theirs, ours = (statistics.median(speeds) for speeds in zip(*rounds, strict=True))
    _note(sheet, name, theirs, ours)


def _note(sheet: Sheet, name: str, theirs: float, ours: float) -> None:
    sheet.put(f"{name}_tok_s", theirs)
    sheet.put(f"{name}_ratio", theirs / ours)


def _try_threads(job: Job, sheet: Sheet, model: Any) -> None:
    """Write with other numbers of threads."""
    for threads in sorted({1, physical_cores(), os.cpu_count() or 1} - {job.settings.threads}):
        name = f"sweep.{job.settings.name}, threads {threads}"
        with (
            sheet.row(f"{name}.writing_tok_s"),
            plain_context(model, _room(job), job.settings) as ours,
        ):
            ours.fill(job.depth)
            count = max(2, job.writing_tokens // 4)
            rounds = []
            for _ in range(job.repeats):
                before = ours.write(count)
                ours.use_threads(threads)
                rounds.append((ours.write(count), before))
                ours.use_threads(job.settings.threads)
            _note_rounds(sheet, f"{name}.writing", rounds)


def _room(job: Job) -> int:
    """Return how many tokens a context must hold."""
    return (max(job.reading_tokens, job.depth + job.writing_tokens) // _PADDING + 1) * _PADDING
