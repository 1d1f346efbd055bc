"""Fixtures for tests of the benchmark: model files of the smallest shapes."""

from pathlib import Path

import pytest
from bench.real_shapes import TINY, make_pair


@pytest.fixture(scope="session")
def tiny_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of the tiny shapes, made once."""
    return make_pair(TINY, tmp_path_factory.mktemp("cache") / "eyebright" / "bench")
