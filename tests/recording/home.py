"""Write a home as this version leaves it, for tests/test_earlier_versions.py: every release runs this.

python -m tests.recording.home [--again]

In tests/data/homes/VERSION: `home/` as it lies on a person's disk (settings, window, conversations, pictures, a model),
`exported.json` as a conversation is exported, and `expected.json`, what a later version has to find in both. It does
not come from reading `home/` back but from what was put in. The same version of the libraries gives the same bytes.

What a released version has kept is never changed; `--again` writes anew what was kept before the release.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from desktop_app import __version__, paths
from desktop_app.chat.attachments import Attachments
from desktop_app.chat.conversation import Message, Picture
from desktop_app.chat.exporting import to_json
from desktop_app.chat.history import History
from desktop_app.images.preview import inspect
from desktop_app.settings import Settings
from model_store.jobs import Role
from model_store.library.library import Library
from model_store.manifest import InstalledFile, Manifest
from tests.helpers.paths import DATA
from tests.helpers.waiting import pump
from tests.random_models.small_gguf import gguf
from tests.recording.home_conversations import (
    NEW_DRAFT,
    PICTURES,
    SEARCHES,
    SEED,
    START_S,
    Kept,
    branches,
    conversation_id,
    cut_short,
    deleted,
    many_words,
)

HOMES = DATA / "homes"
MOST_BYTES = 200_000
_NOW_S = START_S + 30 * 86_400.0  # when all this is written

#: One of each type, none as usual.
SETTINGS: dict[str, bool | int | float | str] = {
    "theme": "dark",
    "temperature": 0.75,
    "seed": 4_294_967_295,
    "max_tokens": 2048,
    "system_prompt": "Antworte auf Deutsch.\nKurz – und “genau”. 🙂",
    "picture_look": "quick",
    "reading_ahead": False,
    "unload_after": 0,
    "proxy": "none",
    "sidebar_visible": False,
}
WINDOW = {"width": 780, "height": 600, "text_size": 125}  # px, px, per cent


def keep(folder: Path) -> None:
    """Write everything into a new folder. Needs a QApplication."""
    with _living_in(folder / "home"), mock.patch("time.time", return_value=_NOW_S):
        kept = (branches(), many_words(), cut_short())
        _keep_settings()
        _keep_window()
        attachments = _keep_pictures()
        _keep_conversations(kept)
        model = _keep_model()
        exported = _exported(kept[0], attachments)
    _write(folder / "exported.json", exported)
    expected = {
        "settings": SETTINGS,
        "window": WINDOW,
        "pictures": [drawn.picture.sha256 for drawn in PICTURES],
        "conversations": [_expected(one) for one in reversed(kept)],  # the newest first
        "draft": _draft(NEW_DRAFT),
        "deleted": {"id": deleted().id, "title": deleted().title, "words": "secret"},
        "searches": {text: [conversation_id(one) for one in found] for text, found in SEARCHES.items()},
        "model": model,
        "exported": [[message.text, _pictures(message.pictures)] for message in _path(kept[0])],
    }
    _write(folder / "expected.json", json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def _living_in(home: Path) -> Iterator[None]:
    with mock.patch.dict(os.environ, EYEBRIGHT_HOME=str(home)):
        yield


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")


def _keep_settings() -> None:
    settings, problem = Settings.load(paths.settings_file())
    assert problem is None
    for name, value in SETTINGS.items():
        settings.set(name, value)
    settings.save()


def _keep_window() -> None:
    from desktop_app.ui.widgets.theme import theme
    from desktop_app.ui.window import MainWindow
    from tests.helpers.fake_services import FakeServices

    before = theme.zoom()
    window = MainWindow(FakeServices())
    window.resize(WINDOW["width"], WINDOW["height"])
    window.show()
    theme.set_zoom(WINDOW["text_size"])
    pump(0)
    window.close()
    theme.set_zoom(before)
    window.deleteLater()
    pump(0)


def _keep_pictures() -> Attachments:
    attachments = Attachments(paths.attachments_folder())
    for drawn in PICTURES:
        added = attachments.add_bytes(drawn.data, drawn.picture.name)
        assert added == drawn.picture.sha256
        seen = inspect(attachments.path(added), drawn.picture.name)
        attachments.store_derived(added, seen.preview, seen.thumbnail)
    return attachments


def _keep_conversations(kept: tuple[Kept, ...]) -> None:
    history, problem = History.open(paths.history_file())
    assert problem is None
    gone = deleted()
    for one in (*kept, gone):
        for message in one.messages:
            history.add_message(one.id, message)
        if one.renamed:
            history.rename(one.id, one.title)
        if one.went_back is not None:
            history.switch_sibling(one.id, *one.went_back)
        history.save_draft(one.id, *one.draft)
    history.save_draft("", *NEW_DRAFT)
    history.delete(gone.id)
    history.close()


def _keep_model() -> dict[str, Any]:
    library = Library(paths.models_folder())
    staging = library.staging("kept")
    files = []
    for role, name, architecture in (
        (Role.MODEL, "llava-kept-Q4_K_M.gguf", "llama"),
        (Role.PROJECTOR, "mmproj-kept-f16.gguf", "clip"),
    ):
        data = gguf(1500, SEED, architecture)
        (staging / name).write_bytes(data)
        os.utime(staging / name, (_NOW_S, _NOW_S))
        files.append(InstalledFile(role, name, len(data), sha256(data).hexdigest(), path=f"gguf/{name}"))
    manifest = Manifest(
        "llava-kept",
        "LLaVA kept Q4_K_M",
        tuple(files),
        repository="someone/llava-kept-gguf",
        revision="0123456789abcdef0123456789abcdef01234567",
        quantisation="Q4_K_M",
        licence="Apache-2.0",
        family="llava-1.5",
        licence_url="https://example.org/licence",
    )
    model = library.install(staging, "llava-kept-Q4_K_M", manifest)
    library.mark_used(model.id)
    return {
        "id": "llava-kept-q4_k_m",
        "title": manifest.title,
        "licence": manifest.licence,
        "quantisation": manifest.quantisation,
        "repository": manifest.repository,
        "files": [[one.role.value, one.name, one.size, one.sha256] for one in files],
        "last_used": _NOW_S,
    }


def _exported(kept: Kept, attachments: Attachments) -> str:
    messages = [(message, used) for used, message in enumerate(_path(kept), 1)]
    return "".join(to_json(kept.title, messages, lambda digest: attachments.path(digest).read_bytes()))


# ---- what is expected ------------------------------------------------------------------------


def _path(kept: Kept) -> list[Message]:
    by_id = {message.id: message for message in kept.messages}
    return [by_id[one] for one in kept.shown]


def _expected(kept: Kept) -> dict[str, Any]:
    shown = [picture.sha256 for message in kept.messages for picture in message.pictures]
    return {
        "id": kept.id,
        "title": kept.title,
        "updated": max(message.created for message in kept.messages),
        "picture": shown[0] if shown else None,
        "path": [_message(message, kept) for message in _path(kept)],
        "draft": _draft(kept.draft),
        "switches": [{"message": one, "step": step, "path": path} for one, step, path in kept.switches],
    }


def _message(message: Message, kept: Kept) -> dict[str, Any]:
    siblings = [other.id for other in kept.messages if other.parent == message.parent]
    return {
        "id": message.id,
        "role": message.role.value,
        "text": message.text,
        "pictures": _pictures(message.pictures),
        "parent": message.parent,
        "state": kept.states.get(message.id, message.state).value,
        "created": message.created,
        "details": message.details,
        "sibling": [siblings.index(message.id), len(siblings)],
    }


def _pictures(pictures: tuple[Picture, ...]) -> list[list[str | int]]:
    return [[one.sha256, one.name, one.width, one.height] for one in pictures]


def _draft(draft: tuple[str, tuple[Picture, ...]]) -> Mapping[str, Any]:
    return {"text": draft[0], "pictures": _pictures(draft[1])}


def main(arguments: list[str]) -> int:
    """Keep this version's home."""
    from desktop_app.ui.application import make_application

    folder = HOMES / __version__
    if folder.exists() and arguments != ["--again"]:
        print(f"{folder} is there already. If that version is not released yet, write it anew with --again.")
        return 1
    application = make_application(["eyebright"])
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / __version__
        keep(made)
        size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
        if size > MOST_BYTES:
            print(f"{size} bytes are too many for the repository.")
            return 1
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:7} {path.relative_to(HOMES)}")
    application.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
