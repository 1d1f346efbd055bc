#!/usr/bin/env python3
"""Set up, run and check Eyebright from a clone: `python3 packaging/manage.py help`.

The way to the program is short on purpose: while nothing has changed, `run` reads a few
small files and becomes the program, without starting pip or importing much.
"""

import os
import sys
from pathlib import Path

# Python may have been told not to look beside the script (PYTHONSAFEPATH).
sys.path.insert(0, str(Path(__file__).resolve().parent))

from provision import pythons

pythons.ensure()  # before anything that old ones cannot read

from provision import paths, stamp  # noqa: E402

HELP = """\
python3 packaging/manage.py VERB [ARGUMENTS]      or: make VERB ARGS="ARGUMENTS"

  setup    install everything into .venv; the first time this compiles llama.cpp
  run      start Eyebright, setting it up before if need be
  test     check layout, style and types, and run the tests; arguments go to pytest
  test-faults  fetch models from a Hub that misbehaves in every way, killed in the middle; 4 minutes.
           Then read 3,000 damaged pictures, and ask 3,000 models with wrong values in them;
           --pictures, --models: these alone
  test-memory  the 7B shapes under a limit of 6.4 GB: root on Linux, 4.7 GB of files, 3 minutes
  test-real  a real language model and real vocabularies against plain llama.cpp: fetches 175 MB once, 2 minutes
  packages  make what people install, for this system, in dist/; --help says more
  tagged   give up unless the tag that follows, the version and the changelog agree
  missing  print which of Debian's packages are missing for making packages and test-here: for whoever is not root
  publish  look whether all packages of a release are in dist/, and add checksums, notes and the Flatpak manifest
  flatpak  print the manifest of a Flatpak of the archive that follows
  test-packages  install, use and remove each of them in systems of their own: root on Debian
  test-here  install, use and remove them on this computer itself, which should be one to throw away; --help says more
  lint     only the checks
  format   lay out the code
  bench    measure waiting, speed and memory beside others; --quick takes 3 minutes, --help says more
  bench-ui measure how quickly the window reacts: 3 minutes; it needs no model
  lock     write packaging/locks/ again from pyproject.toml
  clean    remove .venv and the caches of the tools (compiled llama.cpp is kept)
"""

#: The command line's verbs: they open no window, so they need none of Qt's libraries.
WINDOWLESS = {"ask", "models", "plan", "tune", "doctor", "self-test", "--help", "-h", "--version"}


def run(arguments: list[str]) -> int:
    """Become the program."""
    window = not (arguments and arguments[0] in WINDOWLESS)
    if not stamp.is_current(window=window):
        from provision import environment

        environment.prepare(window=window)
    # The installed command rather than `-m`, which would import from the current folder.
    program = paths.venv_programs() / "eyebright"
    if os.name == "nt":  # exec there gives the prompt back at once
        import subprocess

        return subprocess.run([program.with_suffix(".exe"), *arguments], check=False).returncode
    python = paths.venv_python()
    os.execv(python, [str(python), str(program), *arguments])
    raise AssertionError("not reached")


def test(arguments: list[str]) -> int:
    """Set up everything, then check everything."""
    from provision import checks, environment

    environment.prepare(tools=True, window=True, tests=True)
    return checks.test(arguments)


def test_memory(arguments: list[str]) -> int:
    """Run the test that needs the real shapes; they are made once, where the benchmark has them."""
    from provision import checks, environment

    environment.prepare(tools=True, window=True, tests=True)
    code = "from desktop_app.paths import cache_folder; print(cache_folder() / 'bench')"
    import subprocess

    said = subprocess.run([paths.venv_python(), "-c", code], capture_output=True, text=True, check=True)
    os.environ["EYEBRIGHT_TEST_MEMORY"] = said.stdout.strip()
    return checks.only_tests(["-rs", "tests/bench/test_memory_limit.py", *arguments])


def test_real(arguments: list[str]) -> int:
    """Run the tests that need real weights and vocabularies, which are fetched once."""
    from provision import checks, environment, real_models

    environment.prepare(tools=True)
    os.environ["EYEBRIGHT_TEST_REAL"] = str(real_models.fetched())
    return checks.only_tests(["-m", "real", *arguments])


def bench(arguments: list[str], module: str = "bench") -> int:
    """Set up everything, then measure; `module` says what."""
    import subprocess

    from provision import environment

    environment.prepare(tools=True, window=True)
    variables = {**os.environ, "PYTHONPATH": str(paths.REPOSITORY / "packaging")}
    command = [str(paths.venv_python()), "-m", module, *arguments]
    return subprocess.run(command, cwd=paths.REPOSITORY, env=variables, check=False).returncode


def packages(arguments: list[str], module: str = "release") -> int:
    """Make what people install, in an environment that has nothing else; or do there what another module does."""
    import subprocess

    from provision import freezer

    variables = {**os.environ, "PYTHONPATH": str(paths.REPOSITORY / "packaging")}
    command = [str(freezer.prepare()), "-m", module, *arguments]
    return subprocess.run(command, cwd=paths.REPOSITORY, env=variables, check=False).returncode


def missing() -> int:
    """Print what `packages`, with an AppImage, and `test-here` need and do not find."""
    from provision import freezer, system

    names = freezer.missing_packages() | system.missing_programs(system.TEST_PROGRAMS | system.APPIMAGE_PROGRAMS)
    print("\n".join(sorted(names)))
    return 0


def test_packages(arguments: list[str]) -> int:
    """Try the packages, from the environment that they were made in."""
    from provision import system

    programs = system.TRIAL_PROGRAMS | system.TEST_PROGRAMS | system.APPIMAGE_PROGRAMS
    system.install(system.missing_programs(programs))
    return packages(arguments, "trials")


def test_faults(arguments: list[str]) -> int:
    """Set up everything, then try the downloads, damaged pictures and models with wrong values, or one of these."""
    import subprocess

    from provision import environment

    environment.prepare(tools=True)
    named = {
        "--pictures": "tests.images.mutations",
        "--models": "tests.engine.weights.mutations",
    }
    chosen = [module for word, module in named.items() if word in arguments]
    modules = chosen or ["tests.model_store.downloads.fault_matrix", *(named.values() if not arguments else ())]
    commands = ([str(paths.venv_python()), "-m", module, *arguments] for module in modules)
    return max(subprocess.run(command, cwd=paths.REPOSITORY, check=False).returncode for command in commands)


def clean() -> int:
    """Remove what was made here; what was compiled is in the person's cache and stays."""
    import shutil

    for name in (".venv", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache"):
        shutil.rmtree(paths.REPOSITORY / name, ignore_errors=True)
    return 0


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if verb == "run":
        return run(rest)
    if verb == "test":
        return test(rest)
    if verb == "test-memory":
        return test_memory(rest)
    if verb == "test-real":
        return test_real(rest)
    if verb == "bench":
        return bench(rest)
    if verb == "bench-ui":
        return bench(rest, "bench.ui")
    if verb == "test-faults":
        return test_faults(rest)
    if verb == "packages":
        return packages(rest)
    if verb in {"publish", "tagged"}:
        from release import publishing

        return publishing.main(rest) if verb == "publish" else publishing.tagged(rest)
    if verb == "flatpak":
        from release.linux import flatpak

        return flatpak.main(rest)
    if verb == "missing":
        return missing()
    if verb == "test-here":
        return packages(rest, "trials.local_trials")
    if verb == "test-packages":
        return test_packages(rest)
    if verb == "clean":
        return clean()
    if verb in {"setup", "lint", "format"}:
        from provision import checks, environment

        if verb == "setup":
            environment.prepare(window=True)
            return 0
        environment.prepare(tools=True)
        return checks.reformat() if verb == "format" else bool(checks.lint())
    if verb == "lock":
        from provision import locking

        locking.write_all()
        return 0
    print(HELP, end="")
    return 0 if verb in {"help", "-h", "--help"} else 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
