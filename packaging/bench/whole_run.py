"""Runs a benchmark: creates the model files, measures each party in turn, and writes the results."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import plot, report
from bench.job import Job
from bench.measured_process import busy_share, run_party
from bench.measurements import packaged
from bench.measurements.load_settings import Settings
from bench.memory import read_bandwidth
from bench.parties import PARTIES
from bench.qwen_shapes import QWENS, Qwen
from bench.real_shapes import REAL, SMALL, TINY, Scale, make_pair
from bench.results import Results
from desktop_app import paths
from desktop_app.engine.planning.cpu_cores import physical_cores, processor_name

#: Parties whose peak memory is measured from outside.
_WATCHED = ("low_memory", "stock")
_SCALES = {scale.name: scale for scale in (REAL, SMALL, TINY)}
#: Models that are compared -> scale -> shapes.
MODELS: dict[str, dict[str, Scale] | dict[str, Qwen]] = {"llava-1.5-7b": _SCALES, **QWENS}


def measure_all(scale_name: str, wanted: Sequence[str], models: Sequence[str], programs: str, output: Path) -> int:
    """Measure the parties `wanted`, one of them with `models`, and write table, plot and figures to `output`.

    Returns the exit status.
    """
    started = time.monotonic()
    scale = _SCALES[scale_name]
    work = output / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    results = Results()
    busy = busy_share()
    _say(f"Creating model files with the {scale.name} shapes.")
    model, projector = make_pair(scale, paths.cache_folder() / "bench")
    _say("Measuring memory bandwidth.")
    results.values["computer.read_bytes_s"] = (
        read_bandwidth(physical_cores(), 0.2, 64) if scale is TINY else read_bandwidth(physical_cores())
    )
    job = Job(str(model), str(projector), str(work), scale.context, 32, 48, 512, 3, programs=programs)
    if scale is TINY:
        job = replace(job, answer_tokens=6, writing_tokens=8, reading_tokens=64, repeats=1)
    notes: dict[str, str] = {}
    for name, party in PARTIES.items():
        if name == "models" and name in wanted:
            for title in models:
                _say(f"Measuring {title}; {time.monotonic() - started:.0f} s so far.")
                files = make_pair(MODELS[title][scale_name], paths.cache_folder() / "bench")
                run_party(
                    name,
                    replace(job, model=str(files[0]), projector=str(files[1]), title=title),
                    results,
                    party.limit_s,
                )
        elif name in wanted and _can_measure(name, programs):
            _say(f"Measuring {name}; {time.monotonic() - started:.0f} s so far.")
            if name in ("sweep", "repacked", "programs", "packaged"):
                job = _after_ours(job, results)
            run_party(name, job, results, party.limit_s, watched=name in _WATCHED)
            if name == "stock" and "stock.first_token_s.1" not in results.values:
                _say(f"It failed ({results.reasons['stock']}). Trying again without repacking.")
                run_party(name, replace(job, repacked=False), results, party.limit_s, watched=name in _WATCHED)
                notes["stock handler"] = "without repacking, because this build of llama.cpp fails with it"
    job = _after_ours(job, results)
    results.values["computer.bytes_per_token"] = scale.weights_per_token + job.depth * scale.cells_per_token()
    context = {
        "date": datetime.datetime.now().astimezone().date().isoformat(),
        "computer": _computer(),
        "shapes": "LLaVA-1.5-7B" if scale is REAL else f"{scale.name}, not the real ones, so ratios are only a hint",
        "other programs": f"used {busy:.0%} of the processor cores at the start",
        **notes,
        "Eyebright's settings": f"{job.settings.name}, {job.settings.threads} threads"
        + ", and weights repacked for writing" * ("ours.layout_s" in results.values),
        "took": f"{time.monotonic() - started:.0f} s",
    }
    report.write_json(output / "latest.json", results, context, real_shapes=scale is REAL)
    plot.draw(output / "latest.png", results, context)
    text = report.table(results, context)
    (output / "latest.txt").write_text(text, encoding="utf-8")
    print(text, flush=True)
    _say(f"The table, the plot and the figures are in {output}.")
    shutil.rmtree(work, ignore_errors=True)
    return 0


def _can_measure(name: str, programs: str) -> bool:
    """Return whether a party can be measured: some need programs or packages that may not exist."""
    return {"programs": bool(programs), "packaged": packaged.PROGRAM.exists()}.get(name, True)


def _after_ours(job: Job, results: Results) -> Job:
    """Return the job with the settings that Eyebright loaded with, and the depth at which it wrote, if known."""
    chosen = results.named("ours.setting.")
    usual = vars(Settings())
    settings = Settings(**{name: type(usual[name])(value) for name, value in chosen.items()})
    depth = int(results.values.get("ours.writing_depth", job.n_ctx // 6))
    return replace(job, settings=settings if chosen else Settings(threads=physical_cores()), depth=depth)


def _computer() -> str:
    name = processor_name() or platform.machine()
    parts = [f"{os.cpu_count()} cores", name]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB")
    return ", ".join([*parts, platform.system()])


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
