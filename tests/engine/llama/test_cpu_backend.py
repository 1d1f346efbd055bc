"""Which CPU part of llama.cpp is loaded where there is one for each kind of processor."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from desktop_app.engine.llama.cpu_backend import load_processor
from desktop_app.errors import UserError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the libraries are made with cc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with parts for two kinds of processors; each says how good it would be."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make libraries with")
    for name, score in (("haswell", 5), ("sse42", 1)):
        source = tmp_path / f"{name}.c"
        source.write_text(f"int ggml_backend_score(void) {{ return {score}; }}\n")
        library = tmp_path / f"libggml-cpu-{name}.so"
        subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    return tmp_path


class LlamaCpp:
    """Loads what a test wants to be loaded, as llama.cpp would."""

    def __init__(self, *names: str, linked: int = 0) -> None:
        self.asked: list[Path] = []
        self.kept: list[ctypes.CDLL] = []

        def load(folder: bytes) -> None:
            self.asked.append(Path(os.fsdecode(folder)))
            self.kept += [ctypes.CDLL(str(self.asked[-1] / f"libggml-cpu-{name}.so")) for name in names]

        self.library = SimpleNamespace(
            ggml_backend_load_all_from_path=load, ggml_backend_reg_count=lambda: linked + len(self.kept)
        )


def test_where_there_is_one_part_nothing_is_chosen(tmp_path: Path) -> None:
    llama = LlamaCpp(linked=1)
    assert load_processor(llama.library, None, tmp_path) == ""
    assert llama.asked == []


def test_parts_that_are_missing_are_no_fault_of_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_processor(LlamaCpp().library, None, tmp_path)
    assert raised.value.code == "program-incomplete"


def test_on_windows_libllama_is_asked_for_nothing_of_libggml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.dll exports nothing of ggml.dll."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert load_processor(SimpleNamespace(), LlamaCpp(linked=1).library, tmp_path) == ""
    with pytest.raises(UserError) as raised:
        load_processor(SimpleNamespace(), LlamaCpp().library, tmp_path)
    assert raised.value.code == "program-incomplete"


def test_the_part_that_was_loaded_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GGML_BACKEND_PATH", "/somewhere/else.so")
    llama = LlamaCpp("sse42")
    assert load_processor(llama.library, None, folder) == "sse42"
    assert llama.asked == [folder], "it must never look in the current folder"
    assert "GGML_BACKEND_PATH" not in os.environ


def test_of_those_that_stay_in_memory_the_best_counts(folder: Path) -> None:
    assert load_processor(LlamaCpp("sse42", "haswell").library, None, folder) == "haswell"


def test_a_processor_that_no_part_is_for(folder: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_processor(LlamaCpp().library, None, folder)
    assert raised.value.code == "program-incomplete"
