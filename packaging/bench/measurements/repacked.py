"""Plain llama.cpp with weights that it repacks for the processor: in a process of its own.

Repacked weights are a second copy, unless the file is not mapped. On some processors, as some compilers
build llama.cpp, the process crashes with them (ggml-org/llama.cpp#20824).
"""

from __future__ import annotations

from bench.job import Job
from bench.measurements.load_settings import Settings
from bench.measurements.sweep import measure_others
from bench.results import Sheet

_SETTINGS = (
    Settings(mapped=False, repacked=True, batch=256),
    Settings(mapped=False, repacked=True, batch=512, flash=True),
)


def measure(job: Job, sheet: Sheet) -> None:
    """Measure ours against them."""
    measure_others(job, sheet, _SETTINGS)
