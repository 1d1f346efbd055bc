"""Installed models and the state of their files, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from model_store.jobs import Role
from model_store.manifest import Manifest


class State(str, Enum):
    """What is known of a file, the best first. A model is in the worst state of its files."""

    OK = "ok"  # its SHA-256 is right, and nothing has touched it since that was seen
    UNVERIFIED = "unverified"  # it is there with the right size; its content was not computed, or it was touched
    CHANGED = "changed"  # another size or another SHA-256 than when it was installed
    MISSING = "missing"  # the file, or the disk it lies on, is gone


class Origin(str, Enum):
    """Where a model came from."""

    HUB = "hub"  # a repository; can be fetched again
    ELSEWHERE = "elsewhere"  # found with another program
    FILES = "files"  # the person's own files


@dataclass(frozen=True)
class StoredFile:
    """A file of an installed model as it is now."""

    role: Role
    path: Path  # absolute
    size: int  # bytes, when it was installed
    sha256: str  # what it must be; empty while nobody has computed it
    state: State
    remote: str = ""  # its path in the repository it came from


@dataclass(frozen=True)
class InstalledModel:
    """A model that can be chosen, or once could."""

    id: str  # unique in its library, the name of its folder: letters, digits, dots, dashes and underscores
    folder: Path  # of its manifest, in the library
    manifest: Manifest  # what it was installed as: title, licence, repository, quantisation, family
    files: tuple[StoredFile, ...]  # those of the language model first, in order
    added: float = 0.0  # seconds since 1970
    last_used: float = 0.0  # seconds since 1970; 0: never

    @property
    def title(self) -> str:
        """What people call it."""
        return self.manifest.title

    @property
    def licence(self) -> str:
        """SPDX where there is one, otherwise what the publisher calls it; empty where nobody said."""
        return self.manifest.licence

    @property
    def in_place(self) -> bool:
        """Whether the files lie elsewhere and belong to the person or another program."""
        return self.manifest.in_place

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        if self.manifest.program:
            return Origin.ELSEWHERE
        return Origin.HUB if self.manifest.repository else Origin.FILES

    @property
    def model(self) -> Path:
        """The language model (GGUF); of a split one the first file."""
        return self.files[0].path

    @property
    def projector(self) -> Path | None:
        """The projector (GGUF); None for a model that only writes."""
        return next((file.path for file in self.files if file.role is Role.PROJECTOR), None)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def frees(self) -> int:
        """Bytes that removing it frees: none of what is used in place."""
        return 0 if self.in_place else sum(file.size for file in self.files if file.state is not State.MISSING)

    @property
    def state(self) -> State:
        """The worst state of its files."""
        return max((file.state for file in self.files), key=list(State).index)

    @property
    def wrong_files(self) -> tuple[StoredFile, ...]:
        """Those that a repair must fetch again: missing or changed."""
        return tuple(file for file in self.files if file.state in (State.CHANGED, State.MISSING))

    @property
    def repairable(self) -> bool:
        """Whether what is wrong can be fetched again from where it came from."""
        return (
            bool(self.wrong_files)
            and not self.in_place
            and bool(self.manifest.repository)
            and all(file.remote for file in self.wrong_files)
        )


def told_apart(models: Sequence[InstalledModel]) -> dict[str, str]:
    """Return, by id, what tells models from others with the same title; "" of those whose title nobody else has.

    That is the shortest that does: the quantisation, the file's name, its folder.
    """
    marks = dict.fromkeys((model.id for model in models), "")
    for title, count in Counter(model.title for model in models).items():
        if count > 1:
            alike = [model for model in models if model.title == title]
            marks |= next(told for told in map(dict, _ways_apart(alike)) if len(set(told.values()) - {""}) == count)
    return marks


def _ways_apart(models: Sequence[InstalledModel]) -> Iterator[Iterator[tuple[str, str]]]:
    yield ((model.id, model.manifest.quantisation) for model in models)
    yield ((model.id, model.model.name) for model in models)
    yield ((model.id, model.model.parent.name) for model in models)
    yield ((model.id, model.id) for model in models)


def distinct_titles(models: Sequence[InstalledModel]) -> dict[str, str]:
    """Return, by id, the titles of models, and behind those that several have what tells them apart."""
    marks = told_apart(models)
    return {model.id: f"{model.title} ({marks[model.id]})" if marks[model.id] else model.title for model in models}
