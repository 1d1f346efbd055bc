"""The settings. Each is declared once, here, and stored in a TOML file.

The file holds only values that differ from the defaults. Entries that this version does not know are kept.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from desktop_app.atomic_files import not_saved, set_aside, write_whole
from desktop_app.errors import QT_TRANSLATE_NOOP, UserError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Value = bool | int | float | str


class Setting(NamedTuple):
    """A setting; its type is that of `default`. Limits are inclusive."""

    name: str
    default: Value
    help: str  # an English sentence, translated by the window in the context "settings"
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def checked(self, value: object) -> Value:
        """Return `value` in the setting's type; raises ValueError with a sentence."""
        kind = type(self.default)
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ValueError(f"{self.name} must be {_KINDS[kind]}.")
        if isinstance(value, str) and _LONE_SURROGATE.search(value):
            raise ValueError(f"{self.name} must be Unicode text.")
        if self.low is not None and self.high is not None and isinstance(value, int | float):
            within = self.low <= value <= self.high  # which NaN is not
            if not within:
                raise ValueError(f"{self.name} must be between {self.low} and {self.high}.")
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} must be one of: {', '.join(self.choices)}.")
        return kind(value)


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _read(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8-sig")
    if sys.version_info >= (3, 11):  # imported only where a setting was changed
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "theme",
            "system",
            QT_TRANSLATE_NOOP("settings", "Light, dark, or the same as the system."),
            choices=("system", "light", "dark"),
        ),
        Setting(
            "typeface",
            "inter",
            QT_TRANSLATE_NOOP("settings", "Inter, which comes with Eyebright, or the typeface of the system."),
            choices=("inter", "system"),
        ),
        Setting(
            "model_wish",
            "",
            QT_TRANSLATE_NOOP("settings", "What the list of models to download is sorted for; empty: nothing special."),
            choices=("", "photos", "documents", "languages", "speed"),
        ),
        Setting(
            "temperature",
            0.2,
            QT_TRANSLATE_NOOP(
                "settings", "Higher values make answers more varied. 0 always takes the most likely word."
            ),
            0,
            2,
        ),
        Setting(
            "top_p",
            0.95,
            QT_TRANSLATE_NOOP(
                "settings", "Choose only among the most likely words whose probabilities add up to this value."
            ),
            0,
            1,
        ),
        Setting(
            "top_k",
            40,
            QT_TRANSLATE_NOOP("settings", "Choose only among this many of the most likely words. 0 sets no limit."),
            0,
            1000,
        ),
        Setting(
            "min_p",
            0.05,
            QT_TRANSLATE_NOOP(
                "settings", "Leave out words whose probability is below this fraction of the most likely word's."
            ),
            0,
            1,
        ),
        Setting(
            "repeat_penalty",
            1.0,
            QT_TRANSLATE_NOOP(
                "settings", "Values above 1 make words that were already used less likely. 1 changes nothing."
            ),
            0.5,
            2,
        ),
        Setting(
            "seed",
            0,
            QT_TRANSLATE_NOOP(
                "settings", "The same number gives the same answer again. 0 uses a new number for each answer."
            ),
            0,
            2**32 - 1,
        ),
        Setting(
            "max_tokens",
            1024,
            QT_TRANSLATE_NOOP("settings", "The longest answer, in tokens. 100 tokens are about 75 English words."),
            16,
            8192,
        ),
        Setting(
            "n_ctx",
            4096,
            QT_TRANSLATE_NOOP(
                "settings",
                "How many tokens of a conversation the model sees at once. More tokens need more memory, and every "
                "model has a limit of its own.",
            ),
            512,
            131072,
        ),
        Setting(
            "threads",
            0,
            QT_TRANSLATE_NOOP(
                "settings", "How many processor cores the model uses. 0 chooses the fastest number automatically."
            ),
            0,
            256,
        ),
        Setting(
            "system_prompt",
            "",
            QT_TRANSLATE_NOOP(
                "settings", "Instructions that the model gets before the conversation. Leave empty for the model's own."
            ),
        ),
        Setting(
            "model", "", QT_TRANSLATE_NOOP("settings", "The model file (GGUF). Leave empty for the built-in model.")
        ),
        Setting(
            "mmproj",
            "",
            QT_TRANSLATE_NOOP(
                "settings",
                "The projector file (GGUF), which lets the model see pictures. Leave empty for the built-in one.",
            ),
        ),
        Setting(
            "working_model",
            "",
            QT_TRANSLATE_NOOP("settings", "The last model file that answered. Eyebright goes back to it."),
        ),
        Setting(
            "working_mmproj",
            "",
            QT_TRANSLATE_NOOP("settings", "The projector of the last model that answered."),
        ),
        Setting(
            "reading_ahead",
            True,
            QT_TRANSLATE_NOOP(
                "settings", "Look at a picture while you write your question, so that the answer comes sooner."
            ),
        ),
        Setting(
            "picture_look",
            "automatic",
            QT_TRANSLATE_NOOP(
                "settings",
                "A quick look reads a third of a picture, so the answer comes much sooner; the rest is read while you "
                "read the answer. Automatic looks at the whole at once where you ask for text or numbers, and at "
                "documents. You can choose differently for each message.",
            ),
            choices=("automatic", "quick", "whole"),
        ),
        Setting(
            "think_first",
            False,
            QT_TRANSLATE_NOOP(
                "settings",
                "Let the model think before it answers, if it can. Hard questions are answered better, and all later.",
            ),
        ),
        Setting(
            "certainty",
            "quiet",
            QT_TRANSLATE_NOOP(
                "settings",
                "Quiet: say when the model was not sure of an answer. Full: also which words it was not sure of, and "
                "when it answered without looking at the picture. For that the answer is read once more when nothing "
                "else is to be done.",
            ),
            choices=("off", "quiet", "full"),
        ),
        Setting(
            "disk_cache_mb",
            2048,
            QT_TRANSLATE_NOOP(
                "settings",
                "How much disk space is used to continue earlier conversations at once, without reading them again. "
                "0 uses none.",
            ),
            0,
            1_000_000,
        ),
        Setting(
            "unload_after",
            30,
            QT_TRANSLATE_NOOP(
                "settings",
                "Take the model out of memory after this many minutes without a question. The next question loads it "
                "again. 0 keeps it there.",
            ),
            0,
            1440,
        ),
        Setting(
            "models_folder",
            "",
            QT_TRANSLATE_NOOP("settings", "The folder for models. Leave empty for Eyebright's own data folder."),
        ),
        Setting(
            "hub_address",
            "",
            QT_TRANSLATE_NOOP(
                "settings",
                "The server for model downloads. Leave empty for Hugging Face, or for the server in HF_ENDPOINT.",
            ),
        ),
        Setting(
            "proxy",
            "",
            QT_TRANSLATE_NOOP(
                "settings",
                "A proxy for downloads and update checks, such as http://name:8080 or socks5://name:1080. Leave empty "
                "for the system's proxy; write “none” to use no proxy.",
            ),
        ),
        Setting(
            "connections",
            1,
            QT_TRANSLATE_NOOP(
                "settings", "How many connections download one file. More may help if a single one is slow."
            ),
            1,
            8,
        ),
        Setting(
            "downloads_left",
            "",
            QT_TRANSLATE_NOOP("settings", "The unfinished downloads that are not mentioned again at the next start."),
        ),
        Setting("sidebar_visible", True, QT_TRANSLATE_NOOP("settings", "Whether the list of conversations is shown.")),
    )
}


def _migrated(written: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says in the words of this version."""
    known = {name: value for name, value in written.items() if name != "picture_glance"}
    if written.get("picture_glance") is True:  # until version 0.1 the only choice
        known.setdefault("picture_look", "quick")
    return known


class Settings:
    """The settings of one file. To be used from one thread."""

    def __init__(self, path: Path, written: dict[str, Any] | None = None) -> None:
        """Take what the file says; wrong values become the defaults and are listed in `problems`."""
        self._path = path
        self._written = _migrated(written or {})
        self._values: dict[str, Value] = {}
        self._readable = True
        self.problems: list[str] = []  # one sentence for each wrong value
        for name, setting in SETTINGS.items():
            if name in self._written:
                try:
                    self._values[name] = setting.checked(self._written[name])
                except ValueError as error:
                    self.problems.append(str(error))

    @classmethod
    def load(cls, path: Path) -> tuple[Settings, UserError | None]:
        """Read the file, which need not exist. A damaged one is set aside, and the error says so.

        The error is "settings-damaged" or, for a file that may not be read, "file-unreadable".
        """
        try:
            return cls(path, _read(path)), None
        except FileNotFoundError:
            return cls(path), None
        except (ValueError, RecursionError):  # no TOML, or no UTF-8
            try:
                return cls(path), UserError("settings-damaged", name=set_aside(path).name)
            except OSError:
                pass  # it is still there, so it must not be overwritten
        except OSError:
            pass
        settings = cls(path)
        settings._readable = False
        return settings, UserError("file-unreadable", name=path.name)

    @classmethod
    def peek(cls, path: Path) -> Settings:
        """Read the file without changing it; one that cannot be read counts as empty."""
        try:
            return cls(path, _read(path))
        except (OSError, ValueError, RecursionError):
            return cls(path)

    def value(self, name: str) -> Any:
        """Return a value, of the type of the setting's default. Raises KeyError."""
        return self._values.get(name, SETTINGS[name].default)

    def set(self, name: str, value: object) -> None:
        """Change a value; raises ValueError with a plain sentence if it is outside its limits."""
        self._values[name] = self._written[name] = SETTINGS[name].checked(value)
        if value == SETTINGS[name].default:
            self.reset(name)

    def reset(self, name: str) -> None:
        """Go back to the default."""
        SETTINGS[name]
        self._values.pop(name, None)
        self._written.pop(name, None)

    def save(self) -> None:
        """Write the file. Raises UserError (disk-full, not-saved); then the old file is whole."""
        if not self._readable:
            raise UserError("not-saved", name=self._path.name)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            import tomli_w  # needed only when a setting changes

            write_whole(self._path, tomli_w.dumps(self._written).encode())
        except OSError as error:
            raise not_saved(error, self._path.name) from error
