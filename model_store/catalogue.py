"""The models that Eyebright knows of, each as pairs of a language model and its projector.

Data only. What stands in resources/catalogue.toml was read on model cards; sizes and hashes are asked
from the Hub before anything is fetched, and compared with it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from model_store.errors import StoreError
from model_store.split_model import part_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Published tests of vision models whose results the catalogue may hold, each of 100 points.
TESTS = ("DocVQA", "OCRBench", "ChartQA", "InfoVQA", "AI2D", "RealWorldQA", "MMMU", "MMMLU")
MOST_POINTS = 3  # of `photos` and `documents`

_SHA256 = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T", str, int, bool)


@dataclass(frozen=True)
class CatalogueFile:
    """A file of a repository."""

    path: str  # in the repository
    size: int  # bytes as far as the card tells, often rounded; 0: unknown
    sha256: str = ""  # 64 hex digits; "": unknown

    @property
    def name(self) -> str:
        """Return its own name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Variant:
    """A language model in one quantisation, and the projector that belongs to it."""

    quantisation: str  # "Q4_K_M"
    model_files: tuple[CatalogueFile, ...]  # of the language model: one, or in order the several of a split one
    projector: CatalogueFile
    memory_2048: int  # bytes that window and engine need together with 2048 tokens of context
    memory_4096: int

    @property
    def name(self) -> str:
        """Return the name of the language model's file, of a split one what the names of its files have in common."""
        name = self.model_files[0].name
        part = part_name(name)
        return part.stem if part is not None else name

    @property
    def files(self) -> tuple[CatalogueFile, ...]:
        """Return all files, those of the language model first."""
        return (*self.model_files, self.projector)

    @property
    def size(self) -> int:
        """Return the bytes to fetch, as far as they are known."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Published:
    """Results of tests that others made and published."""

    source: str  # the address of the page where they stand; "": none are known
    points: Mapping[str, float] = field(default_factory=dict)  # name of the test, as in `TESTS` -> of 100


@dataclass(frozen=True)
class ModelEntry:
    """A model with what a person wants to know before fetching it."""

    id: str  # "llava-1.5-7b": for the command line and for folders
    title: str  # "LLaVA 1.5 7B"
    repository: str  # "owner/name" on the Hub
    revision: str  # branch, tag or commit
    variants: tuple[Variant, ...]  # the recommended one first
    licence: str  # "Apache-2.0"
    licence_url: str
    gated: bool  # the Hub wants its terms to be accepted
    terms: bool  # the licence asks for more than to be passed on: show it before fetching
    languages: tuple[str, ...]  # ISO 639-1
    family: str  # name in chat/families/known.py
    sentence: str  # what it is good at, in English; the window translates it in the context "catalogue"
    photos: int = 0  # how well it describes photos, 0 to 3
    documents: int = 0  # how well it reads documents, 0 to 3
    published: Published = Published("")
    first_from: int = 0  # bytes of usable memory from which it is the first offer; 0: it is never

    def variant(self, quantisation: str = "") -> Variant | None:
        """Return a quantisation by its name, the recommended one for ""; None if there is none."""
        wanted = quantisation.casefold()
        return next((one for one in self.variants if not wanted or one.quantisation.casefold() == wanted), None)


@dataclass(frozen=True)
class Catalogue:
    """All entries, in the order in which they are offered."""

    entries: tuple[ModelEntry, ...]

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.entries)

    def get(self, name: str) -> ModelEntry | None:
        """Return the entry with this id or repository, None if there is none."""
        wanted = name.casefold()
        return next((one for one in self.entries if wanted in {one.id.casefold(), one.repository.casefold()}), None)

    def search(self, text: str) -> tuple[ModelEntry, ...]:
        """Return the entries in which all words of `text` occur."""
        words = text.casefold().split()
        return tuple(one for one in self.entries if all(word in _searched(one) for word in words))


def _searched(entry: ModelEntry) -> str:
    parts = (entry.id, entry.title, entry.repository, entry.licence, entry.family, entry.sentence)
    return " ".join((*parts, *(one.quantisation for one in entry.variants))).casefold()


def load_catalogue(path: Path) -> Catalogue:
    """Read resources/catalogue.toml. Raises `StoreError` (catalogue-damaged)."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        entries = tuple(_entry(one) for one in raw["model"])
        if len({one.id for one in entries}) != len(entries):
            raise ValueError("an id stands there twice")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError("catalogue-damaged", name=path.name, reason=f"{type(error).__name__}: {error}") from error
    return Catalogue(entries)


def _entry(raw: Mapping[str, Any]) -> ModelEntry:
    shared = raw.get("projector")
    variants = tuple(_variant(one, one.get("projector", shared)) for one in raw["variant"])
    if not variants:
        raise ValueError(f"{raw['id']} has no files")
    return ModelEntry(
        id=_typed(raw, "id", str),
        title=_typed(raw, "title", str),
        repository=_typed(raw, "repository", str),
        revision=_typed(raw, "revision", str),
        variants=variants,
        licence=_typed(raw, "licence", str),
        licence_url=_typed(raw, "licence_url", str),
        gated=_typed(raw, "gated", bool),
        terms=_typed(raw, "terms", bool),
        languages=tuple(str(one) for one in raw["languages"]),
        family=_typed(raw, "family", str),
        sentence=_typed(raw, "sentence", str).strip(),
        photos=_points(raw, "photos"),
        documents=_points(raw, "documents"),
        published=_published(raw.get("published", {})),
        first_from=_typed(raw, "first_from", int) if "first_from" in raw else 0,
    )


def _points(raw: Mapping[str, Any], name: str) -> int:
    points = _typed(raw, name, int)
    if not 0 <= points <= MOST_POINTS:
        raise ValueError(f"{name} must be between 0 and {MOST_POINTS}")
    return points


def _published(raw: Mapping[str, Any]) -> Published:
    points = {name: float(value) for name, value in raw.items() if name != "source"}
    if not points:
        return Published("")
    if not points.keys() <= set(TESTS) or not all(0 <= value <= 100 for value in points.values()):
        raise ValueError(f"unknown results: {', '.join(points)}")
    source = _typed(raw, "source", str)
    if not source.startswith("https://"):
        raise ValueError("results without the page where they stand")
    return Published(source, points)


def _variant(raw: Mapping[str, Any], projector: Mapping[str, Any] | None) -> Variant:
    if projector is None:
        raise ValueError(f"{raw['path']} has no projector")
    return Variant(
        quantisation=_typed(raw, "quantisation", str),
        model_files=(_file(raw),),
        projector=_file(projector),
        memory_2048=_typed(raw, "memory_2048", int),
        memory_4096=_typed(raw, "memory_4096", int),
    )


def _file(raw: Mapping[str, Any]) -> CatalogueFile:
    sha256 = raw.get("sha256", "")
    if sha256 and not _SHA256.fullmatch(sha256):
        raise ValueError(f"{raw['path']} has no SHA-256")
    return CatalogueFile(_typed(raw, "path", str), _typed(raw, "size", int), sha256)


def _typed(raw: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    value = raw[name]
    if type(value) is not kind:
        raise TypeError(f"{name} is no {kind.__name__}")
    return value
