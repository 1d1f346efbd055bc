"""`eyebright doctor`: prints versions, memory and folders to help find a problem, and nothing private."""

from __future__ import annotations

import os
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import desktop_app
from desktop_app import logs, paths
from desktop_app.chat.families.signs import family_for
from desktop_app.cli import texts
from desktop_app.cli.engine_process import started_engine
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.tune import told
from desktop_app.engine.messages import LoadPlan, gb_down, gb_up
from desktop_app.engine.planning.cpu_cores import find_cores, processor_name
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.weights.model_files import PRE_TOKENIZER, ModelFiles, check_files
from desktop_app.errors import UserError
from desktop_app.settings import Settings
from model_store.foreign_files import exists

_PACKAGES = ("llama-cpp-python", "PySide6-Essentials", "pillow", "pillow-heif", "numpy", "huggingface_hub")
_INSTRUCTIONS = (
    *("sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx_vnni"),
    *("avx512f", "avx512vbmi", "avx512_vnni", "avx512_bf16", "amx_int8"),
    *("asimd", "asimdhp", "asimddp", "sve", "i8mm"),
)
_BUILT_WITH = frozenset({"LLAMAFILE", "OPENMP", "REPACK", "ACCELERATE", "KLEIDIAI"})  # no features of a processor
_GB = 10**9


def doctor() -> int:
    """Print what is known of this installation and computer; 1 if the built-in model cannot be loaded."""
    _line(texts.DOCTOR_VERSION, desktop_app.__version__)
    _line(texts.DOCTOR_SYSTEM, f"{platform.platform()}, Python {platform.python_version()}")
    for package in _PACKAGES:
        _line(package, _version(package))
    cores = find_cores()
    told_cores = texts.DOCTOR_CORES.format(logical=cores.logical, physical=cores.physical, fast=cores.fast)
    _line(texts.DOCTOR_PROCESSOR, f"{processor_name() or texts.DOCTOR_UNKNOWN}, {told_cores}")
    _line(texts.DOCTOR_FEATURES, _features())
    _line(texts.DOCTOR_MEMORY, _memory())
    for label, path in (
        (texts.DOCTOR_SETTINGS, paths.settings_file()),
        (texts.DOCTOR_HISTORY, paths.history_file()),
        (texts.DOCTOR_PICTURES, paths.attachments_folder()),
        (texts.DOCTOR_CACHE, paths.cache_folder()),
        (texts.DOCTOR_LOGS, paths.log_folder()),
    ):
        _line(label, logs.without_home(str(path)))
    files = _files_in_use()
    _line(texts.DOCTOR_PRE_TOKENIZER, _pre_tokenizer(files))
    _line(texts.DOCTOR_WORDING, _wording(files))
    _line(texts.DOCTOR_TUNING, _tuning(files))
    return _engine()


def _files_in_use() -> ModelFiles | None:
    """Return the model that the window uses, None if it cannot be read. Nothing told of it may be its name."""
    model = Settings.peek(paths.settings_file()).value("model")
    try:
        return check_files(Path(model) if model else paths.demo_model()[0], None)
    except UserError:
        return None


def _pre_tokenizer(files: ModelFiles | None) -> str:
    """Return whether the file says how text is split, or what is assumed."""
    if files is None:
        return texts.DOCTOR_UNKNOWN
    if files.missing_pre_tokenizer:
        return texts.DOCTOR_PRE_TOKENIZER_ASSUMED.format(name=files.missing_pre_tokenizer)
    stated = files.header.text(PRE_TOKENIZER)
    return texts.DOCTOR_PRE_TOKENIZER_STATED.format(name=stated) if stated else texts.DOCTOR_PRE_TOKENIZER_NONE


def _wording(files: ModelFiles | None) -> str:
    """Return in which words the model in use is spoken to, and what must be said of them."""
    if files is None:
        return texts.DOCTOR_UNKNOWN
    return str(files.wording) if files.wording is not None else family_for(files.header.metadata).title


def _tuning(files: ModelFiles | None) -> str:
    """Return what was measured for the model that the window uses."""
    if not Settings.peek(paths.settings_file()).value("model"):
        return texts.DOCTOR_TUNING_BUILT_IN
    if files is None:
        return texts.DOCTOR_TUNING_NONE
    found = TuningResults(paths.cache_folder()).find(files, find_memory_budget())
    return told(found.tuning) if found is not None else texts.DOCTOR_TUNING_NONE


def _engine() -> int:
    started = time.monotonic()
    try:
        with started_engine() as client:
            info = client.load(*paths.demo_model())
    except UserError as error:
        _line(texts.DOCTOR_MODEL, texts.DOCTOR_FAILED.format(sentence=error))
        return ExitCode.FAILED
    seconds = time.monotonic() - started
    loaded = texts.DOCTOR_MODEL_LOADED.format(seconds=seconds, threads=info.threads, n_ctx=info.n_ctx)
    _line(texts.DOCTOR_MODEL, f"{info.name}, {loaded}")
    _line(texts.DOCTOR_USED_FEATURES, _used(info.cpu_features))
    if info.plan is not None:
        _line(texts.DOCTOR_PLAN, _plan(info.plan))
    _line(texts.DOCTOR_CLASS_TOKEN, texts.DOCTOR_CLASS_TOKENS.get(info.class_token, info.class_token))
    _line(texts.DOCTOR_LAST_LAYER, texts.DOCTOR_LAST_LAYERS.get(info.last_layer, info.last_layer))
    _line(texts.DOCTOR_ACTIVATION, texts.DOCTOR_ACTIVATIONS.get(info.activation, info.activation))
    _line(texts.DOCTOR_WARNINGS, "; ".join(info.warnings) or texts.DOCTOR_WARNINGS_NONE)
    return ExitCode.DONE


def _plan(plan: LoadPlan) -> str:
    said = texts.DOCTOR_PLAN_IS.format(
        n_ctx=plan.n_ctx,
        kv_type=plan.kv_type,
        n_ubatch=plan.n_ubatch,
        needed=gb_up(plan.needed),
        usable=gb_down(plan.usable),
    )
    further = {
        texts.DOCTOR_REDUCED.format(requested=plan.requested_n_ctx): plan.reduced,
        texts.DOCTOR_SMALL_PROJECTOR: plan.small_projector,
        texts.DOCTOR_IN_TURN: not plan.keeps_projector,
    }
    return "; ".join([said, *(words for words, true in further.items() if true)])


def _line(label: str, value: str) -> None:
    print(texts.DOCTOR_LINE.format(label=label, value=value), flush=True)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a frozen program may not carry it
        return texts.DOCTOR_UNKNOWN


def _features() -> str:
    """Return which of the instructions that llama.cpp makes use of this processor has, as Linux tells."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return " ".join(name for name in _INSTRUCTIONS if name in flags) or texts.DOCTOR_UNKNOWN


def _used(told: str) -> str:
    """Return in words what llama.cpp tells as "CPU : AVX = 1 | AVX2 = 1 | OPENMP = 1 | "."""
    names = [name for name, value in re.findall(r"(\w+) = (\d+)", told) if value != "0"]
    features = " ".join(name for name in names if name not in _BUILT_WITH) or texts.DOCTOR_NONE
    used = texts.DOCTOR_USED.format(features=features)
    parts = " ".join(name for name in names if name in _BUILT_WITH)
    return texts.DOCTOR_BUILT_WITH.format(used=used, parts=parts) if parts else used


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    if exists(path):
        for line in path.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def _memory() -> str:
    """Return the memory of the computer: all of it, and on Linux also what is available."""
    meminfo = Path("/proc/meminfo")
    if exists(meminfo):
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in meminfo.read_text().splitlines()}
        return texts.DOCTOR_MEMORY_OF.format(
            available=sizes.get("MemAvailable", 0) / _GB, total=sizes.get("MemTotal", 0) / _GB
        )
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return texts.DOCTOR_MEMORY_TOTAL.format(total=total / _GB)
    return texts.DOCTOR_UNKNOWN
