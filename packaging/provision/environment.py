"""The virtual environment: created once, filled from the lock files, and left alone while it is up to date."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from provision import llama, paths, pythons, stamp, system, unpack_pyside
from provision.console import give_up, say, succeeds


def prepare(*, tools: bool = False, window: bool = False, tests: bool = False) -> None:
    """Set up the program, and on top: the developers' tools, what windows need, what tests start.

    Quick if everything is there.
    """
    if stamp.is_current(tools=tools, window=window) and not tests:
        return
    with _alone():
        # First, and in one go: nobody should wait for minutes to learn what is missing.
        system.install(_missing_packages(window, tests))
        if not stamp.is_current(tools=tools):
            _fill(tools)
        if window:
            stamp.note_window()


def _missing_packages(window: bool, tests: bool) -> set[str]:
    missing = system.missing_libraries(system.ENGINE_LIBRARIES)
    if not _works():
        missing |= system.missing_venv_module()
    if llama.kept_wheel() is None:
        missing |= system.missing_compiler()
    if window:
        missing |= system.missing_libraries(system.WINDOW_LIBRARIES)
    if tests:
        missing |= system.missing_programs(system.TEST_PROGRAMS)
    return missing


def _fill(tools: bool) -> None:
    fresh = not _works()
    if fresh:
        _create()
    stamp.forget()
    _pip_install("--require-hashes", "-r", paths.BASE_LOCK)
    wheel = llama.kept_wheel() or llama.compiled_wheel()
    if fresh:
        say("Installing the libraries; this downloads about 200 MB.")
    else:
        say("Bringing the libraries up to date.")
    locks = [paths.RUNTIME_LOCK, paths.DEV_LOCK] if tools else [paths.RUNTIME_LOCK]
    # The locks are complete: nothing is resolved again.
    _pip_install("--no-deps", "--require-hashes", *(a for lock in locks for a in ("-r", lock)))
    unpack_pyside.unpack(paths.venv_python())
    if not llama.is_installed(wheel):
        _pip_install("--no-deps", "--no-index", "--force-reinstall", wheel)
    _pip_install("--no-deps", "--no-build-isolation", "--editable", paths.REPOSITORY)
    stamp.renew(tools=tools)
    say("Everything is set up.")


def _works() -> bool:
    """True if there is an environment with a Python that runs and suits us."""
    return pythons.suits(str(paths.venv_python()), also="pip")


def _create() -> None:
    say(f"Making a virtual environment in {paths.VENV.name}.")
    command = [sys.executable, "-m", "venv", "--clear", str(paths.VENV)]
    if subprocess.run(command, check=False).returncode:
        give_up("The virtual environment could not be made; see above.")


def _pip_install(*arguments: str | Path) -> None:
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-warn-script-location"]
    if not succeeds([paths.venv_python(), "-m", "pip", "install", *options, *arguments]):
        give_up("pip could not install everything; see above. Running this again continues.")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one set-up run at a time; where files cannot be locked, hope."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    paths.cache().mkdir(parents=True, exist_ok=True)
    with (paths.cache() / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is running; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
