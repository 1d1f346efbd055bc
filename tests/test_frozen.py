"""What a packaged (frozen) program does before anything else."""

from __future__ import annotations

import multiprocessing
import os
import sys

import pytest

from desktop_app import frozen


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    monkeypatch.setattr(multiprocessing, "freeze_support", lambda: made.append("freeze_support"))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/eyebright/_internal")
    monkeypatch.setenv("PYINSTALLER_RESET_ENVIRONMENT", "")
    return made


def test_from_the_source_nothing_is_touched(calls: list[str]) -> None:
    frozen.settle()
    assert calls == []
    assert os.environ["PYINSTALLER_RESET_ENVIRONMENT"] == ""
    assert os.environ["LD_LIBRARY_PATH"] == "/opt/eyebright/_internal"


@pytest.mark.parametrize("before", [None, "", "/usr/lib/own"])
def test_other_programs_find_the_system_s_libraries(
    calls: list[str], monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    if before is not None:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", before)
    frozen.settle()
    assert calls == ["freeze_support"]
    assert os.environ.get("LD_LIBRARY_PATH") == before
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ
    assert os.environ["PYINSTALLER_RESET_ENVIRONMENT"] == "1", "our own processes would not find our libraries"
