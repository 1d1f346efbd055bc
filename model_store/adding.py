"""Adding any repository of the Hub: which of its files belong together."""

from __future__ import annotations

from dataclasses import dataclass

from model_store.catalogue import ModelEntry
from model_store.gguf_header import GGUFHeader
from model_store.hub import Hub, RemoteFile


@dataclass(frozen=True)
class Pair:
    """A language model and a projector of one repository that fit each other."""

    model: RemoteFile
    projector: RemoteFile
    quantisation: str  # "Q4_K_M"; "" when the name does not tell

    @property
    def size(self) -> int:
        """Return the bytes to fetch."""
        return self.model.size + self.projector.size


@dataclass(frozen=True)
class Headers:
    """What a pair says about itself, for the planner and for the check of the pair."""

    model: GGUFHeader
    projector: GGUFHeader


@dataclass(frozen=True)
class Candidate:
    """A repository that can be added."""

    entry: ModelEntry  # sizes and hashes are the Hub's; memory is 0: the planner knows it from `read_headers`
    pairs: tuple[Pair, ...]  # as entry.variants


def pairs_of(files: tuple[RemoteFile, ...]) -> tuple[Pair, ...]:
    """Return the pairs among the files of a repository, the recommended one first. Split models are left out."""
    raise NotImplementedError


def candidate(hub: Hub, repository: str, revision: str = "main") -> Candidate:
    """Look at a repository. Raises `StoreError` as `Hub`, and pair-incomplete."""
    raise NotImplementedError


def read_headers(hub: Hub, pair: Pair) -> Headers:
    """Read both headers with ranged requests, a few megabytes. Raises `StoreError` as `Hub`, and not-a-model."""
    raise NotImplementedError
