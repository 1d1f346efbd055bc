"""The AppImage: a runtime with a file system appended."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from release import outputs
from release.linux import appimage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has AppImages")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program = tmp_path / "program"
    (program / "_internal").mkdir(parents=True)
    (program / "_internal" / "libsomething.so").write_bytes(b"library")
    (program / "eyebright").write_text('#!/bin/sh\necho "$(cd "$(dirname "$(readlink -f "$0")")" && ls)" "$@"\n')
    (program / "eyebright").chmod(0o700)
    folder = tmp_path / "AppDir"
    appimage.lay_out(program, folder)
    return folder


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A program that bears the mark of a runtime."""
    file = tmp_path / "runtime"
    content = bytearray(Path(shutil.which("true") or sys.executable).read_bytes())
    content[8:11] = b"AI\x02"
    file.write_bytes(content)
    return file


def test_the_folder_has_what_a_desktop_reads_and_starts(folder: Path) -> None:
    for name in ("AppRun", "eyebright.desktop", "eyebright.png", ".DirIcon"):
        assert (folder / name).is_file(), name
    entry = (folder / "eyebright.desktop").read_text("utf-8")
    assert "\nIcon=eyebright\n" in entry
    assert (folder / "usr/share/metainfo/org.eyebright.Eyebright.metainfo.xml").is_file()
    assert "Eyebright" in (folder / "usr/share/licenses/eyebright/copyright").read_text("utf-8")
    said = subprocess.run([folder / "AppRun", "self-test"], capture_output=True, text=True, check=True).stdout
    assert said == "_internal\neyebright self-test\n"


def test_the_file_system_lies_right_behind_the_runtime(folder: Path, runtime: Path, tmp_path: Path) -> None:
    if not shutil.which("mksquashfs"):
        pytest.skip("squashfs-tools are not here")
    package = tmp_path / "eyebright.AppImage"
    appimage.join(runtime, folder, package)
    assert package.stat().st_mode & 0o111
    assert package.read_bytes().startswith(runtime.read_bytes())
    out = tmp_path / "out"
    offset = str(runtime.stat().st_size)
    subprocess.run(["unsquashfs", "-q", "-n", "-o", offset, "-d", out, package], check=True)
    assert (out / "AppRun").is_file()
    assert {p.relative_to(out) for p in out.rglob("*")} == {p.relative_to(folder) for p in folder.rglob("*")}
    again = tmp_path / "again.AppImage"
    appimage.join(runtime, folder, again)
    assert again.read_bytes() == package.read_bytes()


def test_what_is_no_runtime_is_refused(
    folder: Path, runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "eyebright.AppImage"
    content = bytearray(runtime.read_bytes())
    other = 183 if outputs.processor() == "amd64" else 62
    for change, said in (
        ((8, b"\0\0\0"), "is no AppImage runtime of type 2"),
        ((0, b"#!/b"), "is no AppImage runtime of type 2"),
        ((18, struct.pack("<H", other)), "is for another processor"),
    ):
        place, bytes_there = change
        changed = bytearray(content)
        changed[place : place + len(bytes_there)] = bytes_there
        runtime.write_bytes(changed)
        with pytest.raises(SystemExit):
            appimage.join(runtime, folder, package)
        assert said in capsys.readouterr().err
        assert not package.exists()
