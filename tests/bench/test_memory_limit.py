"""A model that was planned to fit under a memory limit runs to the end, and nothing is read from the disk twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.control_group import ControlGroup, forget_pages, why_not
from bench.job import Job, picture
from bench.measured_process import run_party
from bench.memory import read_mib
from bench.real_shapes import REAL, Scale, make_pair
from bench.results import Results

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import EngineSettings, PictureRef, Turn
from desktop_app.engine.planning.memory_budget import MemoryBudget
from desktop_app.engine.planning.memory_estimate import PICTURES_BASE, WINDOW_BASE, Shape
from desktop_app.engine.planning.memory_plan import plan_shape
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.errors import UserError
from tests.engine.questions import ask

GIB, MIB = 1 << 30, 1 << 20
#: Set by `make test-memory`: a folder for 4.7 GB of files.
FOLDER = os.environ.get("EYEBRIGHT_TEST_MEMORY", "")
#: 220 MB of weights, 2048 tokens of 48 KiB, 64 tokens a picture.
MIDDLE = Scale("middle", 1536, 8, 12, 4096, 32000, 2048, 256, 4, 4, 1024, 112)
SETTINGS = EngineSettings(n_ctx=2048, threads=2)

limited = pytest.mark.skipif(bool(why_not()), reason=why_not() or "groups can be made")


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return check_files(*make_pair(MIDDLE, tmp_path_factory.mktemp("middle")))


@pytest.fixture
def group() -> Iterator[ControlGroup]:
    made = ControlGroup("eyebright-test", 1 << 40)
    yield made
    made.close()


@pytest.fixture
def engine(group: ControlGroup) -> Iterator[EngineClient]:
    """An engine process that counts against the limit of the group, and has gone before the group goes."""
    with EngineClient() as client:
        group.processes.write_text(str(client.pid))
        yield client


def limit_for(usable: int) -> int:
    """Return the limit of a group in which so much may be used: see `memory_budget.py`."""
    return usable * 24 // 23 + MIB  # it is rounded to whole pages


def converse(engine: EngineClient, group: ControlGroup, files: ModelFiles, folder: Path) -> int:
    """Ask about three pictures; return the most that the engine held, in bytes.

    With what the plan counts for the window and the process for pictures, which do not run here.
    """
    assert engine.pid is not None
    weights = files.header.file_size
    turns: list[Turn] = []
    read = peak = 0.0
    for number, question in enumerate(("What is this?", "And this?", "Which is larger?")):
        path, sha256 = picture(folder, number, (4000, 3000) if number else (300, 200))
        asked = Turn(question, (PictureRef(sha256, str(path), path.name),))
        end = ask(engine, *turns, asked)
        turns.append(Turn(question, asked.pictures, end.text))
        peak = end.stats.peak_memory_bytes
        if number == 0:  # all weights were used once
            assert group.of_files() > 0.9 * weights
            read = read_mib(engine.pid)
    assert read_mib(engine.pid) - read < 0.02 * weights / MIB
    return int(peak) + WINDOW_BASE + PICTURES_BASE


@limited
@pytest.mark.timeout(120)
def test_what_is_planned_to_fit_runs_to_the_end(
    middle: ModelFiles, group: ControlGroup, engine: EngineClient, tmp_path: Path
) -> None:
    assert middle.projector is not None
    wished = plan_shape(Shape.of_files(middle), SETTINGS, MemoryBudget(GIB, GIB)).plan
    group.limit(limit_for(wished.needed))
    forget_pages(middle.model, middle.projector.path)
    info = engine.load(middle.model, middle.projector.path, SETTINGS)
    assert info.plan is not None
    assert (info.plan.n_ctx, info.plan.kv_type, info.plan.needed) == (2048, "f16", wished.needed)
    assert converse(engine, group, middle, tmp_path) == pytest.approx(info.plan.needed, rel=0.1)


@limited
@pytest.mark.timeout(120)
def test_with_less_memory_less_is_planned(
    middle: ModelFiles, group: ControlGroup, engine: EngineClient, tmp_path: Path
) -> None:
    assert middle.projector is not None
    wished, least = (plan_shape(Shape.of_files(middle), SETTINGS, MemoryBudget(room, room)).plan for room in (GIB, MIB))
    group.limit(limit_for(least.needed))
    forget_pages(middle.model, middle.projector.path)
    plan = engine.load(middle.model, middle.projector.path, SETTINGS).plan
    assert plan is not None
    assert (plan.n_ctx, plan.kv_type, plan.keeps_projector) == (least.n_ctx, "q8_0", False)
    assert converse(engine, group, middle, tmp_path) == pytest.approx(plan.needed, rel=0.1)
    group.limit(limit_for(wished.needed // 2))
    with pytest.raises(UserError, match="needs at least"):
        engine.load(middle.model, middle.projector.path, SETTINGS)


@limited
@pytest.mark.skipif(not FOLDER, reason="`make test-memory` runs it: it makes 4.7 GB of files")
@pytest.mark.timeout(1200)
def test_the_real_shape_runs_with_6_gib(group: ControlGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Window and engine, a photograph, five questions; planned for a computer with 8 GB."""
    model, projector = make_pair(REAL, Path(FOLDER))
    group.limit(6 * GIB)
    forget_pages(model, projector)
    monkeypatch.setenv("EYEBRIGHT_MEMORY_LIMIT", "8G")
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    job = Job(str(model), str(projector), str(tmp_path), 4096, 16, 16, 64, 1)
    results = Results()
    run_party("low_memory", job, results, 1100, watched=True, group=group.processes)
    assert not results.reasons
    weights = model.stat().st_size
    assert results["low_memory.n_ctx"] == 4096
    assert results["low_memory.read_at_load_mib"] > 0.9 * weights / MIB, "the file lay in memory outside the group"
    assert results["low_memory.read_mib"] < 0.02 * weights / MIB
    assert results["low_memory.peak_mib"] <= 5888
    assert results["low_memory.peak_mib"] == pytest.approx(results["low_memory.planned_mib"], rel=0.1)
    print(f"\npeak {results['low_memory.peak_mib']:.0f} MiB, planned {results['low_memory.planned_mib']:.0f}")
