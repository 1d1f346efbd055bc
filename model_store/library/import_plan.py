"""Tells what files and folders hold that can be added to the library: models, paired with their projectors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model_store.errors import StoreError
from model_store.foreign_files import FoldersOnce, is_file, is_folder, is_readable_folder, matching
from model_store.jobs import Role
from model_store.library.gguf_kind import GGUF_FILES, GGUFFile, GGUFKind, look_at
from model_store.library.llamafile import is_llamafile, look_into
from model_store.library.pairing import Pair, pair_up, projector_among
from model_store.manifest import MANIFEST, Manifest
from model_store.names import safe_name

_DEPTH = 3  # of folders


@dataclass(frozen=True)
class ImportFile:
    """A file that would be installed."""

    role: Role
    path: Path
    name: str  # that it gets in the library
    size: int  # bytes
    sha256: str = ""  # what it must be, where somebody says so
    member: str = ""  # of a llamafile: the file inside of `path`
    remote: str = ""  # its path in the repository it came from


@dataclass(frozen=True)
class ImportPlan:
    """What would be installed: one language model with, maybe, its projector. Only headers were read."""

    title: str
    files: tuple[ImportFile, ...]  # those of the language model first, in order
    about: Manifest  # what is known besides the files: licence, repository, quantisation

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def sees(self) -> bool:
        """Whether pictures can be shown to it."""
        return any(file.role is Role.PROJECTOR for file in self.files)

    @property
    def packed(self) -> bool:
        """Whether it lies inside a llamafile: then it can only be copied, since llama.cpp opens whole files."""
        return any(file.member for file in self.files)


@dataclass(frozen=True)
class ImportPlans:
    """What files and folders hold: what can be installed, and why the rest cannot."""

    plans: tuple[ImportPlan, ...]
    refused: tuple[StoreError, ...]


def plan_import(paths: Sequence[Path]) -> ImportPlans:
    """Look at GGUF files, folders of them, and folders that `export` made, and pair models with projectors.

    Of a file that is named alone the projector may lie beside it, and the other files of a split model. Reads headers
    only; folders are looked into 3 levels deep. Raises nothing: what cannot be used is refused.
    """
    plans: list[ImportPlan] = []
    refused: list[StoreError] = []
    files: list[Path] = []
    met = FoldersOnce()
    for path in paths:
        if is_llamafile(path):
            _take_pairs(_unpacked(path, refused), plans, refused)
            continue
        if not is_folder(path):
            files.append(path)
            continue
        if not is_readable_folder(path):
            refused.append(StoreError("file-unreadable", name=path.name or str(path)))
            continue
        before = len(plans) + len(refused)
        folders = list(_folders(path, _DEPTH, met))
        for folder in folders:
            if is_file(folder / MANIFEST):
                _take_exported(folder, plans, refused)
            else:
                _take_folder(folder, plans, refused)
        if folders and before == len(plans) + len(refused):
            refused.append(StoreError("nothing-to-import", name=path.name or str(path)))
    problems: list[StoreError] = []
    named = _looked(files, problems)
    _take_pairs([*named, *_projectors_beside(named)], plans, refused, problems)
    return ImportPlans(tuple(_each_once(plans)), tuple(refused))


def _each_once(plans: Iterable[ImportPlan]) -> list[ImportPlan]:
    """Return each model once, though links may lead to its files from several folders."""
    found: dict[tuple[tuple[str, str], ...], ImportPlan] = {}
    for plan in plans:
        found.setdefault(tuple((os.path.realpath(file.path), file.member) for file in plan.files), plan)
    return list(found.values())


def _folders(path: Path, depth: int, met: FoldersOnce) -> Iterator[Path]:
    if not met.is_new(path):
        return
    yield path
    if depth and not is_file(path / MANIFEST):
        try:
            inside = sorted(entry for entry in path.iterdir() if is_folder(entry) and not entry.name.startswith("."))
        except OSError:
            return
        for folder in inside:
            yield from _folders(folder, depth - 1, met)


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)  # a link to a file is that file


def _looked(paths: Iterable[Path], problems: list[StoreError]) -> list[GGUFKind]:
    """Return what the files are, each split model once, and why others are nothing, each reason once."""
    looked: list[GGUFKind] = []
    for path in paths:
        if any(_is_same(path, file.path) for kind in looked for file in kind.files):
            continue
        try:
            looked.append(look_at(path))
        except StoreError as error:
            if str(error) not in map(str, problems):
                problems.append(error)
    return looked


def _projectors_beside(named: Sequence[GGUFKind]) -> list[GGUFKind]:
    """Return the projectors that lie beside named models and belong to them, where no projector was named."""
    if any(one.role is Role.PROJECTOR for one in named):
        return []  # the person has chosen
    folders = {model.path.parent for model in named}
    beside = {folder: _looked(matching(folder, GGUF_FILES), []) for folder in folders}
    found = (projector_among(model, beside[model.path.parent]) for model in named)
    return list({projector.path: projector for projector in found if projector is not None}.values())


def _unpacked(path: Path, refused: list[StoreError]) -> list[GGUFKind]:
    try:
        return look_into(path)
    except StoreError as error:
        refused.append(error)
        return []


def _take_folder(folder: Path, plans: list[ImportPlan], refused: list[StoreError]) -> None:
    problems: list[StoreError] = []
    _take_pairs(_looked(matching(folder, GGUF_FILES), problems), plans, refused, problems)


def _take_pairs(
    weights: list[GGUFKind], plans: list[ImportPlan], refused: list[StoreError], problems: Sequence[StoreError] = ()
) -> None:
    """Plan what can be installed of files that lie together. `problems`: why others of them are nothing."""
    pairs, reasons = pair_up(weights)
    refused.extend(problems)
    # Where a model cannot be used, its projector is not alone.
    refused.extend(reason for reason in reasons if not problems or reason.code != "projector-alone")
    plans.extend(plan_of(pair) for pair in pairs)


def plan_of(pair: Pair) -> ImportPlan:
    """Return what installing a pair would do, with what the headers say of licence and origin."""
    header = pair.model.header
    about = Manifest(
        model_id=header.text("general.name") or pair.model.title,
        title=pair.model.title,
        files=(),
        quantisation=pair.model.quantisation,
        licence=header.text("general.license"),
        licence_url=header.text("general.license.link"),
    )
    files = [
        ImportFile(one.role, file.path, _file_name(file), file.size, member=file.member)
        for one in (pair.model, pair.projector)
        if one
        for file in one.files
    ]
    if len({file.name for file in files}) < len(files):  # from two folders
        files[-1] = replace(files[-1], name=f"mmproj-{files[-1].name}")
    return ImportPlan(pair.model.title, tuple(files), about)


def _file_name(file: GGUFFile) -> str:
    name = safe_name(file.name)
    return name if name.lower().endswith(".gguf") else f"{name}.gguf"


def _take_exported(folder: Path, plans: list[ImportPlan], refused: list[StoreError]) -> None:
    """Plan a folder that was exported: hashes and licence come from its manifest, which is not trusted further."""
    try:
        manifest = Manifest.read(folder)
        if manifest.in_place:
            raise ValueError("leads out of its folder")
    except (OSError, ValueError):
        _take_folder(folder, plans, refused)
        return
    known = {folder / one.name: one for one in manifest.files}
    problems: list[StoreError] = []
    weights = _looked(known, problems)
    if problems:
        refused.append(problems[0])
        return
    pairs, reasons = pair_up(weights)
    refused.extend(reasons)
    for plan in map(plan_of, pairs):
        files = tuple(
            replace(file, sha256=one.sha256, remote=one.path) if (one := known.get(file.path)) is not None else file
            for file in plan.files
        )
        plans.append(ImportPlan(manifest.title, files, replace(manifest, files=(), program="")))
