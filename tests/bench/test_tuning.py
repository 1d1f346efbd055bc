"""The search for the fastest settings as a measurement of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.job import Job
from bench.measurements.driver import HOME, HOMES
from bench.measurements.tuning import measure
from bench.results import Results, Sheet

from desktop_app import paths
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.tuning import search
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.weights.model_files import check_files
from tests.random_models.llava import Sizes, large_on_disk, write_language_model, write_projector


@pytest.mark.parametrize("large", [True, False])
def test_the_result_lies_where_the_engine_looks(large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_STEADY", 1)  # what takes a millisecond is never steady
    monkeypatch.setenv(HOME, str(tmp_path))  # it is set to others by the measurement, and put back afterwards
    model = write_language_model(tmp_path / "model.gguf", Sizes(layers=1))
    if large:
        large_on_disk(model)
    projector = write_projector(tmp_path / "mmproj.gguf")
    measure(Job(str(model), str(projector), str(tmp_path), 1024, 4, 4, 32, 1), Sheet(tmp_path / "sheet"))
    results = Results()
    results.read(tmp_path / "sheet")
    if not large:
        assert "tiny" in results.why("tuning.seconds")
        return
    assert 0 < results["tuning.seconds"] < 60
    for home in HOMES:
        monkeypatch.setenv(HOME, str(tmp_path / home))
        found = TuningResults(paths.cache_folder()).find(check_files(model, projector), find_memory_budget())
        assert found is not None
        assert found.tuning.n_ubatch == results["tuning.batch"]
