"""Adds a repository of the Hub that the catalogue does not know: finds its pairs of files, and reads their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from model_store.catalogue import CatalogueFile, ModelEntry, Variant
from model_store.errors import StoreError
from model_store.gguf_header import GGUFHeader
from model_store.hub.client import Hub, RemoteFile
from model_store.names import identifier

#: How the names of projectors are told from those of language models.
_PROJECTOR = re.compile(r"mm[-_.]?proj|(^|[-_./])(projector|vision[-_]?(tower|encoder))", re.IGNORECASE)
#: One part of a model in several files, which llama.cpp joins but nobody here fetches.
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_QUANTISATION = re.compile(
    r"(?<![a-z0-9])(I?Q\d(?:_[A-Z0-9]{1,3}){0,2}|TQ\d_\d|MXFP4|B?F16|F32|int[48])(?![a-z0-9])", re.IGNORECASE
)
#: What is offered first: as good as the larger ones to most eyes, and half their size.
_PREFERRED = ("Q4_K_M", "Q4_K", "INT4", "Q4_K_S", "Q5_K_M", "Q4_0", "Q8_0")
#: Projectors are small, and their precision is seen.
_PROJECTORS = ("F16", "BF16", "Q8_0", "F32")
_VISION = "clip"


@dataclass(frozen=True)
class RemotePair:
    """A language model and a projector of one repository that seem to fit each other, by their names."""

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
    pairs: tuple[RemotePair, ...]  # as entry.variants


def quantisation_of(name: str) -> str:
    """Return the quantisation that a file's name tells, "" when it tells none."""
    found = _QUANTISATION.findall(name)
    return str(found[-1]).upper() if found else ""


def pairs_of(files: Iterable[RemoteFile]) -> tuple[RemotePair, ...]:
    """Return the pairs among the files of a repository, the recommended one first. Split models are left out."""
    known = [file for file in files if file.size and not _SPLIT.search(file.path)]
    projectors = [file for file in known if _PROJECTOR.search(file.path)]
    models = [file for file in known if not _PROJECTOR.search(file.path)]
    if not projectors:
        return ()
    pairs = [RemotePair(model, _projector_for(model, projectors), quantisation_of(model.name)) for model in models]
    return tuple(sorted(pairs, key=lambda pair: (_rank(pair.quantisation, _PREFERRED), -pair.model.size)))


def _projector_for(model: RemoteFile, projectors: list[RemoteFile]) -> RemoteFile:
    """Return the projector whose name shares most words with the model's; among equals the one in f16."""
    words = _words(model)

    def fitting(projector: RemoteFile) -> tuple[bool, int, int, str]:
        return (
            projector.path.rpartition("/")[0] != model.path.rpartition("/")[0],
            -len(words & _words(projector)),
            _rank(quantisation_of(projector.name), _PROJECTORS),
            projector.path,
        )

    return min(projectors, key=fitting)


def _words(file: RemoteFile) -> set[str]:
    """Return what a name is made of, but for the quantisation, which model and projector need not share."""
    return set(re.split(r"[^a-z0-9]+", _QUANTISATION.sub("", file.name).lower())) - {"", "gguf"}


def _rank(quantisation: str, order: tuple[str, ...]) -> int:
    return order.index(quantisation) if quantisation in order else len(order)


def candidate(hub: Hub, repository: str, revision: str = "main") -> Candidate:
    """Look at a repository. Raises `StoreError` as `Hub`, pair-incomplete and repository-split."""
    found = hub.repository(repository, revision)
    pairs = pairs_of(found.files)
    if not pairs:
        part = next((file for file in found.files if _SPLIT.search(file.path)), None)
        if part is not None and any(_PROJECTOR.search(file.path) for file in found.files):
            raise StoreError("repository-split", repository=found.name, name=part.name)
        raise StoreError("pair-incomplete", repository=found.name)
    name = found.name.rpartition("/")[2]
    entry = ModelEntry(
        id=identifier(found.name.replace("/", "-")),
        title=re.sub(r"[-_. ]?gguf$", "", name, flags=re.IGNORECASE) or name,
        repository=found.name,
        revision=found.commit,
        variants=tuple(_variant(pair) for pair in pairs),
        licence=found.licence,
        licence_url=f"{hub.endpoint}/{found.name}",
        gated=found.gated,
        terms=True,  # nobody here has read them
        languages=(),
        family="",
        sentence="",
    )
    return Candidate(entry, pairs)


def _variant(pair: RemotePair) -> Variant:
    model, projector = (CatalogueFile(file.path, file.size, file.sha256) for file in (pair.model, pair.projector))
    return Variant(pair.quantisation or pair.model.name, model, projector, 0, 0)


def read_headers(hub: Hub, pair: RemotePair) -> Headers:
    """Read both headers with ranged requests, a few megabytes.

    Raises `StoreError` as `Hub`, not-a-model when one is damaged, and pair-incomplete when they are not a
    language model and a projector.
    """
    model, projector = hub.read_header(pair.model), hub.read_header(pair.projector)
    if model.architecture == _VISION or projector.architecture != _VISION:
        raise StoreError("pair-incomplete", repository=pair.model.repository)
    return Headers(model, projector)
