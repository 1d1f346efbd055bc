"""Knows where other programs keep the models that they fetched, and what they note about them.

- Hugging Face: huggingface.co/docs/huggingface_hub/guides/manage-cache. `models--owner--name/snapshots/<commit>/`
  holds links into `blobs/`, which are named by SHA-256 (of large files); on Windows without links, the files.
- Ollama: github.com/ollama/ollama, server/internal/manifest and docs/faq. `manifests/<host>/<owner>/<model>/<tag>` is
  JSON and names layers; a layer is `blobs/sha256-<digest>`.
- LM Studio: lmstudio.ai/docs/basics/import-model. `models/<publisher>/<model>/<file>.gguf`, as on the Hub; where its
  home is says `~/.lmstudio-home-pointer`.
- Jan: github.com/janhq/jan. `<data>/llamacpp/models/<id>/model.yml` names `model_path` and `mmproj_path` below the
  data folder; earlier versions keep `models/<id>/*.gguf`.
- GPT4All: github.com/nomic-ai/gpt4all/wiki/Frequently-Asked-Questions. One folder of GGUF files.
- llama.cpp: `llama-server -hf` keeps files in one folder (common/arg.cpp, `LLAMA_CACHE`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_store.foreign_files import is_folder, matching, open_file

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NOTE = 1 << 20  # bytes of a manifest, a licence, a settings file
_DEPTH = 5  # of folders
_MOST_FILES = 2000


@dataclass(frozen=True)
class CandidateFile:
    """A file that may be weights."""

    path: Path
    name: str  # what people call it
    sha256: str = ""  # as the program says
    remote: str = ""  # its path in the repository


@dataclass(frozen=True)
class Candidate:
    """Files that one program keeps together."""

    program: str
    files: tuple[CandidateFile, ...]
    title: str = ""
    repository: str = ""
    revision: str = ""
    licence_text: str = ""


def candidates(home: Path, environment: Mapping[str, str]) -> Iterator[Candidate]:
    """Return what lies where the programs usually keep it; nothing is opened but their own notes."""
    data, cache = _bases(home, environment)
    for folder in _existing(_hugging_face(home, environment, cache)):
        yield from _snapshots(folder)
    for folder in _existing(_ollama(home, environment)):
        yield from _manifests(folder)
    for folder in _existing(_lm_studio(home)):
        yield from _published(folder)
    for folder in _existing([*(base / "Jan" / "data" for base in data), home / "jan"]):
        yield from _jan(folder)
    for folder in _existing([*(base / "nomic.ai" / "GPT4All" for base in data), home / ".cache" / "gpt4all"]):
        yield from _folders(folder, "GPT4All")
    own = [Path(environment["LLAMA_CACHE"])] if environment.get("LLAMA_CACHE") else []
    for folder in _existing([*own, cache / "llama.cpp", home / "Library" / "Caches" / "llama.cpp"]):
        yield from _folders(folder, "llama.cpp")


def _bases(home: Path, environment: Mapping[str, str]) -> tuple[list[Path], Path]:
    """Return where programs keep data (on Linux, macOS and Windows) and where they keep caches."""
    data = [
        Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share"),
        home / "Library" / "Application Support",
        Path(environment.get("APPDATA") or home / "AppData" / "Roaming"),
        Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local"),
    ]
    return data, Path(environment.get("XDG_CACHE_HOME") or home / ".cache")


def _existing(folders: list[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for folder in folders:
        try:
            if is_folder(folder):
                found.setdefault(folder.resolve(), folder)
        except OSError:
            continue
    return list(found.values())


def _hugging_face(home: Path, environment: Mapping[str, str], cache: Path) -> list[Path]:
    named = [environment.get(name) for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")]
    own = environment.get("HF_HOME")
    return [*(Path(name) for name in named if name), *([Path(own) / "hub"] if own else []), cache / "huggingface/hub"]


def _snapshots(folder: Path) -> Iterator[Candidate]:
    for repository in _inside(folder, "models--*"):
        owner, _, name = repository.name.removeprefix("models--").partition("--")
        taken: set[Path] = set()  # the same file may be in several snapshots
        current = _note(repository / "refs" / "main").strip()
        snapshots = _inside(repository / "snapshots", "*")
        for snapshot in sorted(snapshots, key=lambda path: (path.name != current, path.name)):
            files = []
            for path in _gguf_files(snapshot, _DEPTH):
                blob = path.resolve()
                if blob not in taken:
                    taken.add(blob)
                    known = blob.name if _SHA256.fullmatch(blob.name) else ""
                    files.append(CandidateFile(path, path.name, known, path.relative_to(snapshot).as_posix()))
            if files:
                yield Candidate("Hugging Face", tuple(files), repository=f"{owner}/{name}", revision=snapshot.name)


def _ollama(home: Path, environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("OLLAMA_MODELS")
    return [
        *([Path(named)] if named else []),
        home / ".ollama" / "models",
        Path("/usr/share/ollama/.ollama/models"),
        Path("/var/lib/ollama/.ollama/models"),
    ]


def _manifests(folder: Path) -> Iterator[Candidate]:
    taken = set()
    for place in _inside(folder, "manifest*"):
        for path in _walk(place, _DEPTH):
            candidate = _ollama_model(folder, path)
            if candidate is not None and candidate.files not in taken:
                taken.add(candidate.files)
                yield candidate


def _ollama_model(folder: Path, path: Path) -> Candidate | None:
    manifest = _json(path)
    layers = manifest.get("layers")
    if not isinstance(layers, list):
        return None
    title = f"{path.parent.name}:{path.name}"
    files, licence = [], ""
    for layer in layers:
        kind, digest = (
            (str(layer.get(key, "")) for key in ("mediaType", "digest")) if isinstance(layer, dict) else ("", "")
        )
        sha256 = digest.removeprefix("sha256:")
        if not _SHA256.fullmatch(sha256):
            continue
        blob = folder / "blobs" / f"sha256-{sha256}"
        if kind == "application/vnd.ollama.image.model":
            files.append(CandidateFile(blob, title, sha256))
        elif kind == "application/vnd.ollama.image.projector":
            files.append(CandidateFile(blob, f"{title} mmproj", sha256))
        elif kind == "application/vnd.ollama.image.license":
            licence = "\n\n".join(filter(None, (licence, _note(blob))))
    return Candidate("Ollama", tuple(files), title, licence_text=licence) if files else None


def _lm_studio(home: Path) -> list[Path]:
    said = _note(home / ".lmstudio-home-pointer").strip()
    own = Path(said) if said else home / ".lmstudio"
    chosen = _json(own / "settings.json").get("downloadsFolder")
    return [
        *([Path(chosen)] if isinstance(chosen, str) and chosen else []),
        own / "models",
        home / ".lmstudio" / "models",
        home / ".cache" / "lm-studio" / "models",
    ]


def _published(folder: Path) -> Iterator[Candidate]:
    for publisher in _inside(folder, "*"):
        for model in _inside(publisher, "*"):
            files = [
                CandidateFile(path, path.name, remote=path.relative_to(model).as_posix())
                for path in _gguf_files(model, 2)
            ]
            if files:
                yield Candidate("LM Studio", tuple(files), repository=f"{publisher.name}/{model.name}")


def _jan(folder: Path) -> Iterator[Candidate]:
    models = folder / "llamacpp" / "models"
    for note in _walk(models, _DEPTH):
        if note.name != "model.yml":
            continue
        text = _note(note)
        named = [re.search(rf"(?m)^{key}:\s*(.+?)\s*$", text) for key in ("model_path", "mmproj_path")]
        title = note.parent.relative_to(models).as_posix()
        files = [
            CandidateFile(folder / match[1].strip("\"'"), f"{title}{ending}")
            for match, ending in zip(named, ("", " mmproj"), strict=True)
            if match is not None
        ]
        if files:
            yield Candidate("Jan", tuple(files), title)
    yield from _folders(folder / "models", "Jan")


def _folders(folder: Path, program: str) -> Iterator[Candidate]:
    together: dict[Path, list[CandidateFile]] = {}
    for path in _gguf_files(folder, _DEPTH):
        together.setdefault(path.parent, []).append(CandidateFile(path, path.name))
    for files in together.values():
        yield Candidate(program, tuple(files))


def _gguf_files(folder: Path, depth: int) -> Iterator[Path]:
    return (path for path in _walk(folder, depth) if path.suffix.lower() == ".gguf")


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Return the files below a folder, of a bounded number of folders; what cannot be read is passed over."""
    left, waiting = _MOST_FILES, [(folder, 0)]
    while waiting and left:
        here, level = waiting.pop(0)
        left -= 1
        try:
            entries = sorted(here.iterdir())
        except OSError:
            continue
        for entry in entries:
            if is_folder(entry):
                if level < depth:
                    waiting.append((entry, level + 1))
            else:
                yield entry


def _inside(folder: Path, pattern: str) -> list[Path]:
    return [path for path in matching(folder, pattern) if is_folder(path)]


def _note(path: Path) -> str:
    try:
        with open_file(path) as file:
            return file.read(_LONGEST_NOTE).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_note(path))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
