"""Fixtures for all tests: a neutral environment, and the guards in tests/helpers/."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["pytester", "tests.helpers.guards", "tests.helpers.qt"]

_session_home = Path(tempfile.mkdtemp(prefix="eyebright-tests-"))


def _calm_environment() -> None:
    """Before Qt and the Hub's client are imported, which read some of this only then."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["QT_SCALE_FACTOR"] = "1"
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ["LANGUAGE"] = "en"
    os.environ["HF_HOME"] = str(_session_home)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost,::1"
    for kind in ("CONFIG", "DATA", "CACHE", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = str(_session_home / kind.lower())
    for personal in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "EYEBRIGHT_HOME"):
        os.environ.pop(personal, None)


_calm_environment()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Remove the folder that stood in for the person's own."""
    shutil.rmtree(_session_home, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> Iterator[None]:
    """Repeat which checks failed before the tests, where nobody overlooks it."""
    yield
    failed = os.environ.get("EYEBRIGHT_FAILED_CHECKS")
    if failed:
        terminalreporter.section("checks that failed before the tests", red=True)
        terminalreporter.line(f"{failed}: see the top of the output, or `make lint`")
