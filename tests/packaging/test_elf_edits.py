"""Libraries lose the paths of the computer that compiled them, and still work."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from release.linux import elf, elf_edits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's libraries")


def compiled(folder: Path, name: str, code: str, *options: str) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make libraries with")
    source = folder / f"{name}.c"
    source.write_text(code)
    library = folder / f"lib{name}.so"
    command = [compiler, "-shared", "-fPIC", "-fno-builtin", str(source), "-o", str(library), *options]
    subprocess.run(command, check=True)
    return library


def test_a_function_that_an_older_glibc_has_as_well_is_asked_for_without_a_version(tmp_path: Path) -> None:
    code = "double hypot(double, double); double length(double a, double b) { return hypot(a, b); }"
    library = compiled(tmp_path, "length", code, "-lm")
    if not elf.too_new(tmp_path):
        pytest.skip("this glibc has one version of hypot only")
    assert elf_edits.relax_glibc(tmp_path) == [library]
    assert elf.too_new(tmp_path) == []
    said = subprocess.run(["readelf", "-V", str(library)], capture_output=True, text=True, check=True).stdout
    assert "GLIBC_2.35  Flags: WEAK" in said
    length = ctypes.CDLL(str(library)).length
    length.argtypes, length.restype = [ctypes.c_double] * 2, ctypes.c_double
    assert length(3, 4) == 5
    assert elf_edits.relax_glibc(tmp_path) == []


def test_other_new_functions_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "double hypot(double, double); double length(double a, double b) { return hypot(a, b); }"
    library = compiled(tmp_path, "length", code, "-lm")
    before = library.read_bytes()
    monkeypatch.setattr(elf_edits, "ALIKE", {})
    assert elf_edits.relax_glibc(tmp_path) == []
    assert library.read_bytes() == before


def test_search_paths_of_another_computer_are_forgotten(tmp_path: Path) -> None:
    code = "int answer(void) { return 42; }"
    strange = compiled(tmp_path, "strange", code, "-Wl,-rpath,/somewhere/else", "-lm", "-Wl,-soname,libstrange.so.1")
    beside = compiled(tmp_path, "beside", code, "-Wl,-rpath,$ORIGIN")
    before = {one.path: one for one in elf.libraries(tmp_path)}
    assert elf_edits.forget_search_paths(tmp_path) == [strange]
    said = [
        subprocess.run(["readelf", "-d", str(one)], capture_output=True, text=True, check=True).stdout
        for one in (strange, beside)
    ]
    assert "PATH" not in said[0]
    assert "$ORIGIN" in said[1]
    after = {one.path: one for one in elf.libraries(tmp_path)}
    assert after == before, "what it is called and what it needs is the same"
    assert ctypes.CDLL(str(strange)).answer() == 42


def test_what_the_system_must_bring_is_known(tmp_path: Path) -> None:
    compiled(tmp_path, "inner", "int one(void) { return 1; }")
    code = "int one(void); int two(void) { return one() + 1; }"
    compiled(tmp_path, "outer", code, f"-L{tmp_path}", "-Wl,--no-as-needed", "-linner", "-lgcc_s", "-lm")
    assert elf.from_outside(tmp_path) == {"libgcc_s.so.1": ["libouter.so"]}
    assert elf.debian_packages(tmp_path) == {"libgcc-s1"}


def test_only_what_the_program_itself_needs_is_carried(tmp_path: Path) -> None:
    """What a desktop's theme plugin has brought, which is left out, stays behind with all that it needs itself."""
    part = tmp_path / "PySide6"
    part.mkdir()
    link = (f"-L{tmp_path}", "-Wl,--no-as-needed")
    kept = [compiled(tmp_path, name, "") for name in ("xkbcommon", "python3")]
    kept.append(compiled(tmp_path, "cursor", "", *link, "-lxkbcommon"))
    compiled(part, "qxcb", "", *link, "-lcursor")
    stray = [compiled(tmp_path, "Xfixes", "")]
    stray.append(compiled(tmp_path, "Xi", "", *link, "-lXfixes"))
    stray.append(compiled(tmp_path, "gtk-3", "", *link, "-lXi", "-lcursor"))
    (tmp_path / "libQt6Core.so.6").symlink_to("PySide6/libqxcb.so")
    assert elf.unused(tmp_path) == sorted([*stray, tmp_path / "libQt6Core.so.6"])
    for path in elf.unused(tmp_path):
        path.unlink()
    assert sorted(tmp_path.glob("lib*.so*")) == sorted(kept)
    assert elf.unused(tmp_path) == []


def test_versions_are_compared_by_number() -> None:
    assert elf.ordered("2.9") < elf.ordered("2.34") < elf.ordered("2.35")
    assert elf.ordered("") < elf.ordered("2.2.5")
