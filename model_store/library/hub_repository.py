"""Adds a repository of the Hub that the catalogue does not know: finds its pairs of files, and reads their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from model_store.catalogue import CatalogueFile, ModelEntry, Variant
from model_store.errors import StoreError
from model_store.gguf_header import GGUFHeader
from model_store.hub.client import Hub, RemoteFile
from model_store.library.gguf_kind import read_parts
from model_store.names import identifier
from model_store.split_model import part_name

#: How the names of projectors are told from those of language models.
_PROJECTOR = re.compile(r"mm[-_.]?proj|(^|[-_./])(projector|vision[-_]?(tower|encoder))", re.IGNORECASE)
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

    model_files: tuple[RemoteFile, ...]  # of the language model: one, or in order the several of a split one
    projector: RemoteFile

    @property
    def quantisation(self) -> str:
        """Return the quantisation of the language model: "Q4_K_M"; "" when the name does not tell."""
        return quantisation_of(self.model_files[0].name)


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
    """Return the pairs among the files of a repository, the recommended one first.

    Raises `StoreError` (repository-part-missing) if there is none but of a split model of which a file is missing.
    """
    known = [file for file in files if file.size]
    projectors = [file for file in known if _PROJECTOR.search(file.path)]
    models = {file.path: file for file in known if not _PROJECTOR.search(file.path)}
    if not projectors:
        return ()
    pairs: list[RemotePair] = []
    lacking: StoreError | None = None
    for path, file in models.items():
        part = part_name(path)
        if part is None:
            pairs.append(RemotePair((file,), _projector_for(file, projectors)))
            continue
        missing = next((name for name in part.all_names if name not in models), None)
        if missing is not None:
            lacking = StoreError(
                "repository-part-missing",
                repository=file.repository,
                name=part.stem,
                count=part.count,
                missing=missing,
            )
        elif part.number == 1:
            pairs.append(RemotePair(tuple(models[name] for name in part.all_names), _projector_for(file, projectors)))
    if lacking is not None and not pairs:
        raise lacking
    return tuple(sorted(pairs, key=lambda pair: (_rank(pair.quantisation, _PREFERRED), -_size(pair))))


def _size(pair: RemotePair) -> int:
    return sum(file.size for file in pair.model_files)


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
    """Look at a repository. Raises `StoreError` as `Hub`, pair-incomplete and repository-part-missing."""
    found = hub.repository(repository, revision)
    pairs = pairs_of(found.files)
    if not pairs:
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
    files = [CatalogueFile(file.path, file.size, file.sha256) for file in (*pair.model_files, pair.projector)]
    return Variant(pair.quantisation or files[0].name, tuple(files[:-1]), files[-1], 0, 0)


def read_headers(hub: Hub, pair: RemotePair) -> Headers:
    """Read the headers of all files with ranged requests, a few megabytes.

    Raises `StoreError` as `Hub`, not-a-model when one is damaged, model-part-renamed or model-parts-differ when a split
    model does not hold together, and pair-incomplete when they are not a language model and a projector.
    """
    files = {file.path: file for file in pair.model_files}
    names, model = read_parts(pair.model_files[0].path, lambda path: hub.read_header(files[path]))
    part = part_name(names[0])
    if part is not None and len(names) != part.count:  # each is a whole model, whatever its name says
        raise StoreError("model-parts-differ", name=part.stem, count=part.count)
    projector = hub.read_header(pair.projector)
    if model.architecture == _VISION or projector.architecture != _VISION:
        raise StoreError("pair-incomplete", repository=pair.projector.repository)
    return Headers(model, projector)
