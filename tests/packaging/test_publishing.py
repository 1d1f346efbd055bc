"""A release is complete only if its tag, version and changelog agree and every file is there."""

import argparse
import subprocess
from pathlib import Path

import pytest
from release import checksums, outputs, publishing
from release.linux import flatpak

from desktop_app import __home__, __version__

_CHANGES = """\
# Changelog

## Unreleased

- Not yet.

## {version} (2026-12-24)

- What is new.

  More of it.

## 0.0.9

- Old.
"""


@pytest.fixture
def changelog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "CHANGELOG.md"
    path.write_text(_CHANGES.format(version=__version__))
    monkeypatch.setattr(publishing, "_CHANGELOG", path)
    return path


@pytest.fixture
def about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the file in which the program says what it is."""
    path = tmp_path / "about.py"
    path.write_text(f'__version__ = "{__version__}"\n__home__ = "{__home__}"\n')
    monkeypatch.setattr(outputs, "_ABOUT", path)
    return path


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for module in (outputs, publishing):
        monkeypatch.setattr(module, "DIST", folder)
    return folder


def test_what_is_new_is_found_in_the_changelog(changelog: Path) -> None:
    assert publishing.changes() == "- What is new.\n\n  More of it."
    changelog.write_text(changelog.read_text().partition(f"## {__version__}")[0])
    assert publishing.changes() == ""
    changelog.write_text(f"## [{__version__}]\n- All.\n")
    assert publishing.changes() == "- All."
    changelog.write_text(f"## {__version__}1\n- Another.\n")
    assert publishing.changes() == ""


def test_only_the_tag_of_the_version_is_released(changelog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publishing.must_agree(f"v{__version__}")
    for tag in (__version__, f"v{__version__}-rc1", "v9.9.9", ""):
        with pytest.raises(SystemExit):
            publishing.must_agree(tag)
        assert f"The tag is {tag}, but the program says it is {__version__}" in capsys.readouterr().err
    changelog.write_text("# Changelog\n")
    with pytest.raises(SystemExit):
        publishing.tagged([f"v{__version__}"])
    assert f'nothing below a heading "## {__version__}"' in capsys.readouterr().err


def test_no_version_is_released_of_which_no_data_are_kept(
    changelog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publishing.tagged([f"v{__version__}"]) == 0
    monkeypatch.setattr(publishing, "_HOMES", tmp_path)
    with pytest.raises(SystemExit):
        publishing.tagged([f"v{__version__}"])
    assert "run tests/recording/home.py" in capsys.readouterr().err


def test_versions_are_three_numbers(changelog: Path, about: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about.write_text('__version__ = "1.2.3rc1"\n')
    with pytest.raises(SystemExit):
        publishing.tagged(["v1.2.3rc1"])
    assert "no version of three numbers" in capsys.readouterr().err


def test_the_address_is_written_into_the_program(about: Path) -> None:
    publishing.settle(argparse.Namespace(tag=None, home="https://github.com/some-one/eyebright"))
    assert outputs.home() == "https://github.com/some-one/eyebright"
    assert outputs.version() == __version__


@pytest.mark.parametrize("address", ["http://github.com/a/b", "github.com/a/b", 'https://a"b', "https://a/b?c", ""])
def test_what_is_no_address_is_refused(about: Path, address: str) -> None:
    with pytest.raises(SystemExit):
        publishing.settle(argparse.Namespace(tag=None, home=address))
    assert outputs.home() == __home__


def test_a_release_is_whole_or_none(
    changelog: Path, about: Path, dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in publishing.files():
        (dist / name).write_text(name)
    gone = dist / f"eyebright-{__version__}-macos-arm64.dmg"
    gone.unlink()
    words = ["--tag", f"v{__version__}", "--home", "https://github.com/some/eyebright", "--notes", str(tmp_path / "n")]
    with pytest.raises(SystemExit):
        publishing.main(words)
    assert gone.name in capsys.readouterr().err
    assert not (dist / "SHA256SUMS").exists()
    gone.write_text(gone.name)
    assert publishing.main(words) == 0
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=dist, check=True)
    listed = {line.partition("  ")[2] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    assert listed == {*publishing.files(), flatpak.NAME}
    said = (tmp_path / "n").read_text()
    assert said.startswith("- What is new.")
    assert "gh attestation verify FILE --repo some/eyebright`" in said


def test_the_manifest_names_both_archives_where_the_release_has_them(about: Path, dist: Path) -> None:
    outputs.set_home("https://github.com/some/eyebright")
    for machine in flatpak.MACHINES:
        (dist / flatpak.archive_name(machine)).write_text(machine)
    text = flatpak.published(dist)
    assert "@" not in text
    for machine in flatpak.MACHINES:
        name = flatpak.archive_name(machine)
        assert f'url: "https://github.com/some/eyebright/releases/download/v{__version__}/{name}"' in text
        assert f'sha256: "{checksums.sha256(dist / name)}"' in text


def test_a_manifest_for_a_try_takes_the_archive_from_here(about: Path, dist: Path) -> None:
    archive = dist / flatpak.archive_name("x86_64")
    archive.write_text("archive")
    text = flatpak.local(archive)
    assert text.count(f'path: "{archive}"') == 2
    assert "url:" not in text
