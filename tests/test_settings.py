"""Settings are declared once, are kept, and no damaged file prevents the program from starting."""

import os
import string
from pathlib import Path

import pytest

from desktop_app.errors import UserError
from desktop_app.settings import SETTINGS, Settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Einstellungen 設定" / "settings.toml"


def loaded(path: Path) -> Settings:
    settings, damage = Settings.load(path)
    assert damage is None
    assert settings.problems == []
    return settings


def written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_without_a_file_the_usual_values_hold_and_nothing_is_written(path: Path) -> None:
    settings = loaded(path)
    assert settings.value("temperature") == 0.2
    assert settings.value("theme") == "system"
    assert settings.value("reading_ahead") is True
    assert not path.parent.exists()


def test_every_default_is_within_its_own_limits_and_explained() -> None:
    for setting in SETTINGS.values():
        assert setting.checked(setting.default) == setting.default
        assert setting.help.endswith(".")
        assert set(setting.name) <= set(string.ascii_lowercase + "_")


def test_changed_values_survive(path: Path) -> None:
    changes = {
        "theme": "dark",
        "temperature": 1,
        "seed": 2**32 - 1,
        "system_prompt": 'Sag "ja"\n\\ und\tnein \0 — 猫 🐈 \x7f \'\'\' """',
        "model": "C:\\Modelle\\llava é.gguf",
        "reading_ahead": False,
    }
    settings = loaded(path)
    for name, value in changes.items():
        settings.set(name, value)
    settings.save()
    again = loaded(path)
    assert {name: again.value(name) for name in changes} == changes
    assert type(again.value("temperature")) is float
    assert again.value("top_k") == 40


def test_the_file_holds_only_what_differs(path: Path) -> None:
    settings = loaded(path)
    settings.set("top_k", 7)
    settings.set("theme", "dark")
    settings.set("theme", "system")
    settings.save()
    assert path.read_text() == "top_k = 7\n"
    settings.reset("top_k")
    settings.save()
    assert settings.value("top_k") == 40
    assert path.read_text() == ""


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("theme", "pink", "theme must be one of: system, light, dark."),
        ("theme", 1, "theme must be a text."),
        ("temperature", 2.1, "temperature must be between 0 and 2."),
        ("temperature", float("nan"), "temperature must be between 0 and 2."),
        ("temperature", float("inf"), "temperature must be between 0 and 2."),
        ("temperature", "warm", "temperature must be a number."),
        ("temperature", True, "temperature must be a number."),
        ("temperature", None, "temperature must be a number."),
        ("n_ctx", 511, "n_ctx must be between 512 and 131072."),
        ("n_ctx", 4096.0, "n_ctx must be a whole number."),
        ("n_ctx", 10**400, "n_ctx must be between 512 and 131072."),
        ("temperature", 10**400, "temperature must be between 0 and 2."),
        ("seed", -1, "seed must be between 0 and 4294967295."),
        ("reading_ahead", 1, "reading_ahead must be true or false."),
        ("system_prompt", "half \ud83d", "system_prompt must be Unicode text."),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(path: Path, name: str, value: object, sentence: str) -> None:
    settings = loaded(path)
    before = settings.value(name)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        settings.set(name, value)
    assert settings.value(name) == before
    settings.save()
    assert path.read_text() == ""


def test_an_unknown_name_is_a_bug(path: Path) -> None:
    settings = loaded(path)
    for use in (settings.value, settings.reset, lambda name: settings.set(name, 1)):
        with pytest.raises(KeyError):
            use("temprature")


def test_wrong_values_in_the_file_fall_back_and_are_told_and_kept(path: Path) -> None:
    written(path, 'temperature = "0,5"\ntop_k = -3\ntheme = "dark"\nmax_tokens = []\n')
    settings, damage = Settings.load(path)
    assert damage is None
    assert settings.problems == [
        "temperature must be a number.",
        "top_k must be between 0 and 1000.",
        "max_tokens must be a whole number.",
    ]
    assert (settings.value("temperature"), settings.value("top_k"), settings.value("theme")) == (0.2, 40, "dark")
    settings.set("top_k", 5)
    settings.save()
    assert 'temperature = "0,5"' in path.read_text()
    assert "top_k = 5" in path.read_text()


def test_what_another_version_wrote_stays(path: Path) -> None:
    written(path, 'future = 2031-01-02T03:04:05Z\ntop_k = 3\n\n[window]\nwings = [1, 2, { a = "ä" }]\n')
    settings = loaded(path)
    settings.set("top_k", 4)
    settings.save()
    text = path.read_text("utf-8")
    for kept in ("future = 2031-01-02 03:04:05+00:00", "[window]", 'a = "ä"', "top_k = 4"):
        assert kept in text


@pytest.mark.parametrize(
    "content",
    [b"theme = ", b"\xff\xfe\x00garbage", b"\x00" * 100, b"a = 1\na = 2", b"x = " + b"[" * 100_000, b"=" * 10],
)
def test_a_damaged_file_is_set_aside(path: Path, content: bytes) -> None:
    written(path, content)
    settings, damage = Settings.load(path)
    assert damage is not None
    assert damage.code == "settings-damaged"
    aside = path.with_name(str(damage.parameters["name"]))
    assert aside.read_bytes() == content
    assert not path.exists()
    settings.set("top_k", 5)
    settings.save()
    assert loaded(path).value("top_k") == 5


@pytest.mark.parametrize("content", ["top_k = 3", "top_k = [", None])
def test_a_peek_leaves_the_file_as_it_is(path: Path, content: str | None) -> None:
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert Settings.peek(path).value("top_k") == (3 if content == "top_k = 3" else 40)
    assert (path.read_text() if path.exists() else None) == content
    assert len(list(path.parent.glob("*"))) == (content is not None)


def test_a_file_from_an_editor_of_windows_is_read(path: Path) -> None:
    written(path, b'\xef\xbb\xbftheme = "dark"\r\ntop_k = 3\r\n')
    assert loaded(path).value("top_k") == 3


def test_what_cannot_be_read_is_not_written_over(path: Path) -> None:
    path.mkdir(parents=True)
    settings, damage = Settings.load(path)
    assert damage is not None
    assert damage.code == "file-unreadable"
    with pytest.raises(UserError) as caught:
        settings.save()
    assert caught.value.code == "not-saved"
    assert path.is_dir()


def test_what_may_not_be_read_is_not_written_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    written(path, "top_k = 3\n")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refused)
        settings, damage = Settings.load(path)
    assert damage is not None
    settings.set("top_k", 4)
    with pytest.raises(UserError, match=r"settings\.toml could not be saved"):
        settings.save()
    assert path.read_text() == "top_k = 3\n"


def test_a_failed_save_leaves_the_old_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(written(path, "top_k = 3\n"))
    settings.set("top_k", 4)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"The disk is full, so settings\.toml could not be saved"):
            settings.save()
    assert path.read_text() == "top_k = 3\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]
    settings.save()
    assert path.read_text() == "top_k = 4\n"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = written(tmp_path / "dotfiles" / "eyebright.toml", "top_k = 3\n")
    path.parent.mkdir()
    path.symlink_to(real)
    settings = loaded(path)
    settings.set("top_k", 4)
    settings.save()
    assert path.is_symlink()
    assert real.read_text() == "top_k = 4\n"


def test_the_earlier_choice_of_a_quick_look_is_taken_over(tmp_path: Path) -> None:
    for written, look in (
        ({"picture_glance": True}, "quick"),
        ({"picture_glance": False}, "automatic"),
        ({}, "automatic"),
    ):
        settings = Settings(tmp_path / "settings.toml", written)
        assert (settings.value("picture_look"), settings.problems) == (look, [])
    settings.set("picture_look", "whole")
    settings.save()
    assert Settings.peek(tmp_path / "settings.toml").value("picture_look") == "whole"
