"""The Windows installer and its uninstaller: exactly the installed files are removed."""

import re
import zipfile
from pathlib import Path

import pytest
from release import outputs, windows

from desktop_app.services.conversation.picture_files import PICTURE_SUFFIXES
from tests.helpers.paths import REPOSITORY

_SCRIPT = (REPOSITORY / "packaging" / "windows" / "eyebright.nsi").read_text("utf-8")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "the program"
    (folder / "_internal" / "deep" / "deeper").mkdir(parents=True)
    (folder / "eyebright.exe").write_bytes(b"MZ program")
    (folder / "_internal" / "a $dollar.dll").write_bytes(b"MZ library")
    (folder / "_internal" / "deep" / "deeper" / "Größe.txt").write_text("10 cm")
    return folder


def test_every_file_is_laid_out_where_it_belongs(program: Path) -> None:
    assert list(windows.installing(program)) == [
        'SetOutPath "$INSTDIR"',
        f'File "{program / "eyebright.exe"}"',
        r'SetOutPath "$INSTDIR\_internal"',
        f'File "{program / "_internal" / "a $dollar.dll"}"',
        r'SetOutPath "$INSTDIR\_internal\deep\deeper"',
        f'File "{program / "_internal" / "deep" / "deeper" / "Größe.txt"}"',
    ]


def test_exactly_these_are_removed_and_what_is_deeper_first(program: Path) -> None:
    assert list(windows.removing(program)) == [
        r'Delete "$INSTDIR\_internal\a $$dollar.dll"',
        r'Delete "$INSTDIR\_internal\deep\deeper\Größe.txt"',
        r'Delete "$INSTDIR\eyebright.exe"',
        r'RMDir "$INSTDIR\_internal\deep\deeper"',
        r'RMDir "$INSTDIR\_internal\deep"',
        r'RMDir "$INSTDIR\_internal"',
    ]


def test_no_folder_is_removed_with_whatever_is_in_it(program: Path) -> None:
    commands = "\n".join([_SCRIPT, *windows.removing(program)])
    assert not re.search(r"^\s*RMDir\s+/r", commands, re.IGNORECASE | re.MULTILINE)
    assert not re.search(r"^\s*Delete\s.*[*?]", commands, re.IGNORECASE | re.MULTILINE)


def test_open_with_knows_the_pictures_that_the_program_knows() -> None:
    types = re.findall(r'insertmacro \$\{ACTION\} "(\.\w+)"', _SCRIPT)
    assert types == sorted(PICTURE_SUFFIXES)


def test_nothing_needs_an_administrator() -> None:
    assert "RequestExecutionLevel user" in _SCRIPT
    assert "HKLM" not in _SCRIPT
    assert "SetShellVarContext all" not in _SCRIPT


def test_the_archive_holds_one_folder_and_has_always_the_same_bytes(program: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    for archive in (first, second):
        windows.write_zip(program, archive, {"README.txt": "Hello\nthere\n"})
        (program / "eyebright.exe").touch()
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as opened:
        names = opened.namelist()
        assert {name.partition("/")[0] for name in names} == {f"Eyebright-{outputs.version()}"}
        assert [name.rpartition("/")[2] for name in names] == [
            "a $dollar.dll",
            "Größe.txt",
            "eyebright.exe",
            "README.txt",
        ]
        assert opened.read(names[-1]) == b"Hello\r\nthere\r\n"


def test_without_a_certificate_it_is_said_that_nothing_is_signed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv(windows.SIGN, raising=False)
    windows.sign(tmp_path / "eyebright.exe")
    assert capsys.readouterr().err == "eyebright: eyebright.exe is not signed: EYEBRIGHT_SIGN_WINDOWS is not set.\n"


def test_the_command_that_signs_is_told_which_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "a program.exe"
    file.write_bytes(b"MZ")
    monkeypatch.setenv(windows.SIGN, 'printf signed >> "%1"')
    windows.sign(file)
    assert file.read_bytes() == b"MZsigned"


def test_what_could_not_be_signed_is_not_released(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv(windows.SIGN, "false")
    with pytest.raises(SystemExit) as end:
        windows.sign(tmp_path / "eyebright.exe")
    assert end.value.code == 1
    assert "could not be signed" in capsys.readouterr().err
