"""The whole benchmark at a size that takes seconds, and how it ends the processes that it starts."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench.measured_process import REPOSITORY, run_bounded
from bench.memory import PeakWatch, descendants, pss_mib, read_bandwidth
from PIL import Image

from tests.bench.test_figures import KEYS

_SLEEPER = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"


@pytest.mark.timeout(300)  # five seconds of computing; more beside other work
def test_a_tiny_run_fills_the_table(tiny_pair: tuple[Path, Path], tmp_path: Path) -> None:
    cache = tiny_pair[0].parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "packaging"),
        "XDG_CACHE_HOME": str(cache),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "bench", "--tiny", "--only", "ours,sweep", "--output", str(tmp_path)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "latest.json").read_text())
    measured = KEYS - {"ttft_turn5_stock_over_ours", "peak_pss_mib", "window_start_vs_bare", "stop_ms_max"}
    assert {key for key in measured if found[key] is None} == set(), found["reasons"]
    assert "stock.first_token_s.5: not measured in this run" in found["reasons"]["ttft_turn5_stock_over_ours"]
    assert not found["real_shapes"]
    assert "only a hint" in done.stdout
    assert done.stdout.count("\n") > 30
    with Image.open(tmp_path / "latest.png") as drawn:
        assert drawn.format == "PNG"
    assert not (tmp_path / "work").exists()
    new = found["measurements"]
    assert new["ours.new_tokens.2"] < new["ours.new_tokens.1"], "the second question read everything again"


@pytest.mark.timeout(300)  # fifteen seconds of computing
def test_models_are_compared_with_the_first(tiny_pair: tuple[Path, Path], tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "packaging"),
        "XDG_CACHE_HOME": str(tiny_pair[0].parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    models = "qwen3-vl-2b,qwen3.5-2b"
    command = [sys.executable, "-m", "bench", "--tiny", "--only", "models", "--models", models]
    command += ["--output", str(tmp_path)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "latest.json").read_text())
    new = found["measurements"]
    for model in models.split(","):
        assert new[f"models.{model}.new_tokens.2"] < new[f"models.{model}.new_tokens.1"] / 2
        assert new[f"models.{model}.regenerate_new_tokens"] <= new[f"models.{model}.new_tokens.4"]
        assert new[f"models.{model}.restart_encodes"] == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["qwen3-vl-2b", "qwen3.5-2b"] in rows
    assert [row for row in rows if row[:2] == ["writing", "(tokens/s)"] and row[-1] == "x)"]
    assert "picture encode" in done.stdout
    assert "stock handler" not in done.stdout.partition("Aims")[0]


@pytest.mark.parametrize("option", ["--only", "--models"])
def test_an_unknown_party_is_refused(tmp_path: Path, option: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "packaging")}
    command = [sys.executable, "-m", "bench", option, "ours,theirs", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "theirs" in done.stderr


def test_what_takes_too_long_is_ended_with_all_its_children(tmp_path: Path) -> None:
    started = time.monotonic()
    why, _ = run_bounded([sys.executable, "-c", _SLEEPER], dict(os.environ), tmp_path / "log", 1.0, watched=True)
    assert why == "not ready after 1 s"
    assert time.monotonic() - started < 30
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants(os.getpid())]
    assert not [command for command in commands if "sleep(600)" in command]


def test_how_a_process_ended_is_told(tmp_path: Path) -> None:
    def why(code: str) -> str:
        return run_bounded([sys.executable, "-c", code], dict(os.environ), tmp_path / "log", 30, watched=False)[0]

    assert why("pass") == ""
    assert why("raise SystemExit('no such file')") == "ended with status 1: no such file"
    assert why("import os; os.abort()") == "died of SIGABRT"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's share of memory")
def test_the_memory_of_children_counts_with_or_without_their_parent() -> None:
    code = "import sys; held = bytearray(b'x') * (64 << 20); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert child.pid in descendants(os.getpid())
        alone = pss_mib(child.pid)
        assert alone is not None
        assert 64 < alone < 128
        whole, below = PeakWatch(child.pid, whole=True), PeakWatch(child.pid, whole=False)
        assert whole.end() > 64
        assert below.end() == 0
        child.stdin.close()


def test_memory_is_read_at_a_credible_speed() -> None:
    assert 1e7 < read_bandwidth(1, 0.1, 64) < 2e12
