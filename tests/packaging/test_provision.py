"""The set-up does nothing while nothing has changed, and names exactly what is missing."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from provision import llama, paths, pythons, stamp, system

from tests.helpers.paths import REPOSITORY


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a virtual environment."""
    folder = tmp_path / "venv"
    paths.venv_programs(folder).mkdir(parents=True)
    paths.venv_python(folder).touch()
    (folder / "pyvenv.cfg").write_text("version = 3.12.1\n")
    monkeypatch.setattr(paths, "VENV", folder)
    monkeypatch.setattr(paths, "STAMPS", folder / "eyebright")
    monkeypatch.setattr(paths.venv_python, "__defaults__", (folder,))
    return folder


def test_nothing_is_current_at_first(venv: Path) -> None:
    assert not stamp.is_current()


def test_tools_come_on_top_of_the_program(venv: Path) -> None:
    stamp.renew(tools=False)
    assert stamp.is_current()
    assert not stamp.is_current(tools=True)
    stamp.renew(tools=True)
    assert stamp.is_current(tools=True)
    assert not stamp.is_current(window=True)
    stamp.note_window()
    assert stamp.is_current(tools=True, window=True)
    stamp.forget()
    assert not stamp.is_current()


def test_other_options_python_or_processor_need_a_new_set_up(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp.renew(tools=True)
    with monkeypatch.context() as changed:
        changed.setenv("CMAKE_ARGS", "-DGGML_BLAS=ON")
        assert not stamp.is_current()
    with monkeypatch.context() as changed:
        changed.setattr(stamp, "cpu_identity", lambda: "another")
        assert not stamp.is_current()
    assert stamp.is_current()
    (venv / "pyvenv.cfg").write_text("version = 3.13.0\n")
    assert not stamp.is_current()


def test_style_settings_need_no_new_set_up(venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path)
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\n\n[tool.ruff]\nline-length = 80\n")
    stamp.renew(tools=False)
    project.write_text("[project]\n\n[tool.ruff]\nline-length = 120\n")
    assert stamp.is_current()
    project.write_text("[project]\nname = 'x'\n\n[tool.ruff]\nline-length = 120\n")
    assert not stamp.is_current()


def test_wheel_is_kept_per_options_and_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {llama.cache_folder()}
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_BLAS=ON")
    folders.add(llama.cache_folder())
    monkeypatch.setattr(llama, "cpu_identity", lambda: "another")
    folders.add(llama.cache_folder())
    assert len(folders) == 3


def test_wheel_of_another_build_is_not_taken_for_installed(venv: Path, tmp_path: Path) -> None:
    record = "llama_cpp/lib/libllama.so,sha256=one,5\nllama_cpp/__init__.py,sha256=x,1\n"
    wheel = tmp_path / "llama.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llama_cpp_python-0.3.36.dist-info/RECORD", record)
    assert not llama.is_installed(wheel)
    folder = venv / "lib" / "site-packages" / "llama_cpp_python-0.3.36.dist-info"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text(record + "llama_cpp_python-0.3.36.dist-info/INSTALLER,,\n")
    assert llama.is_installed(wheel)
    (folder / "RECORD").write_text(record.replace("one", "two"))
    assert not llama.is_installed(wheel)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the wheels carry everything")
def test_missing_library_is_named_with_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(SystemExit) as end:
        system.install(system.missing_libraries({"libnone-b.so.1": "libb", "libnone-a.so.1": "liba"}))
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "eyebright: Some system packages are missing. "
        "Please run: sudo apt-get install -y --no-install-recommends liba libb\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the wheels carry everything")
def test_missing_program_is_named_where_there_is_no_apt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(SystemExit) as end:
        system.install(system.missing_programs({"Xvfb": "xvfb"}))
    assert end.value.code == 2
    assert "under Debian's names: xvfb" in capsys.readouterr().err


def test_locks_hold_exact_versions_with_hashes_and_no_addresses() -> None:
    locks = sorted(paths.LOCKS.glob("*.txt"))
    assert len(locks) == 8
    for lock in locks:
        text = lock.read_text("utf-8")
        assert "://" not in text
        entries = text.split("\n")[2:]
        names = [line for line in entries if line and not line.startswith(" ")]
        assert all("==" in line and line.endswith("\\") for line in names), lock
        assert text.count("--hash=sha256:") >= len(names)


def test_pyside_is_unpacked_and_compiled() -> None:
    code = "import PySide6, shibokensupport.signature.loader as part; print(part.__cached__)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    compiled = Path(result.stdout.strip())
    assert "files.dir" in compiled.parts, f"it is compiled anew at every start {result.stderr}"
    assert compiled.exists()


def test_unknown_verb_shows_the_help() -> None:
    command = [sys.executable, "-S", "packaging/manage.py", "fly"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "python3 packaging/manage.py VERB" in result.stdout


#: Says that it is an old Python, and begins as `python3 packaging/manage.py help` does.
_AS_OLD = """
import runpy, sys
sys.version_info, sys.version = (3, 6, 8, "final", 0), "3.6.8 (default)"
sys.argv = ["packaging/manage.py", "help"]
runpy.run_path("packaging/manage.py", run_name="__main__")
"""


def run_as_old(folder: Path, programs: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-S", "-c", _AS_OLD]
    environment = {**os.environ, "PATH": str(programs)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in which nothing has been set up."""
    shutil.copytree(paths.REPOSITORY / "packaging" / "provision", tmp_path / "clone" / "packaging" / "provision")
    shutil.copy(paths.REPOSITORY / "packaging" / "manage.py", tmp_path / "clone" / "packaging")
    return tmp_path / "clone"


def test_an_old_python_is_told_what_to_install(clone: Path, tmp_path: Path) -> None:
    """Also one that cannot read the rest of the set-up, as in Debian 11, Ubuntu 20.04 and RHEL 9."""
    parts = [clone / "packaging" / "manage.py"]
    for module in (clone / "packaging" / "provision").glob("*.py"):
        if module.stem in {"__init__", "paths", "pythons"}:
            parts.append(module)
        else:
            module.write_text("this is not for old Pythons")
    for part in parts:
        ast.parse(part.read_text("utf-8"), feature_version=(3, 6))
    result = run_as_old(clone, tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    begin = "eyebright: Python 3.10 to 3.14 is needed; this is 3.6.8. "
    assert result.stderr.startswith(begin), result.stderr
    assert re.search(r"Please run: (brew|winget) install|uv python install 3\.14\n$", result.stderr)


@pytest.mark.skipif(os.name == "nt", reason="there other Pythons have other names")
def test_another_python_that_suits_goes_on(clone: Path, tmp_path: Path) -> None:
    for name, does in (("python3.13", "exit 127"), ("python3.12", f'exec {sys.executable} "$@"')):
        program = tmp_path / name  # pyenv puts such names there for Pythons that are not in use
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    result = run_as_old(clone, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "python3 packaging/manage.py VERB" in result.stdout


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"apt-cache"}, "Please run: sudo apt-get install python3.13-venv"),
        ({"dnf"}, "Please run: sudo dnf install python3.12"),
        (set(), "uv brings one (https://docs.astral.sh/uv): uv python install 3.14"),
    ],
)
def test_what_to_install_is_what_this_system_has(
    tools: set[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = b"python3.9-venv - part of it\npython3.13-venv - part\npython3.11-venv - part\npython3.15-venv - part\n"
    monkeypatch.setattr(
        pythons, "sys", SimpleNamespace(**vars(sys) | {"version_info": (3, 15, 0), "platform": "linux"})
    )
    monkeypatch.setattr(pythons, "venv_python", lambda: Path("/nowhere"))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name in tools else None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=known))
    with pytest.raises(SystemExit) as end:
        pythons.ensure()
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_one_range_of_pythons_is_promised_everywhere() -> None:
    minors = range(pythons.OLDEST[1], pythons.TOO_NEW[1])
    project = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert f'requires-python = ">=3.{minors[0]},<3.{minors[-1] + 1}"' in project
    assert re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', project) == [str(minor) for minor in minors]
    assert f'target-version = "py3{minors[0]}"' in project
    for document in ("README.md", "CONTRIBUTING.md"):
        assert f"Python 3.{minors[0]} to 3.{minors[-1]}" in (REPOSITORY / document).read_text("utf-8"), document
