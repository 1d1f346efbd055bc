"""The models that Eyebright knows of, each as pairs of a language model and its projector.

Data only. What stands in resources/catalogue.toml was read on model cards; sizes and hashes are asked
from the Hub before anything is fetched, and compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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
    model: CatalogueFile
    projector: CatalogueFile
    memory_2048: int  # bytes that window and engine need together with 2048 tokens of context
    memory_4096: int

    @property
    def size(self) -> int:
        """Return the bytes to fetch, as far as they are known."""
        return self.model.size + self.projector.size


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
    family: str  # name in chat/families.py
    sentence: str  # what it is good at, in English; the window translates it in the context "catalogue"
    small: bool = False  # a helper for weak computers rather than a LLaVA

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
    raise NotImplementedError
