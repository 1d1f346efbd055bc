"""Finds models that other programs have fetched, and installs them to be used where they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from model_store.errors import StoreError
from model_store.jobs import Role
from model_store.library.copying import Report, silent
from model_store.library.gguf_kind import GGUFKind, look_at
from model_store.library.import_plan import ImportPlan, plan_of
from model_store.library.importing import import_model
from model_store.library.installed import InstalledModel
from model_store.library.library import Library
from model_store.library.llamafile import is_llamafile, look_into
from model_store.library.other_programs import Candidate, candidates
from model_store.library.pairing import pair_up

LLAMAFILE = "llamafile"


@dataclass(frozen=True)
class Found:
    """A model of another program. Its headers were read and belong together."""

    program: str  # "Hugging Face", "Ollama", "LM Studio", "Jan", "GPT4All", "llama.cpp", "llamafile"
    plan: ImportPlan

    @property
    def title(self) -> str:
        """What people call it there."""
        return self.plan.title

    @property
    def model(self) -> Path:
        """The language model (GGUF), or the llamafile."""
        return self.plan.files[0].path

    @property
    def projector(self) -> Path | None:
        """The projector (GGUF), or the llamafile; None for a model that only writes."""
        return next((file.path for file in self.plan.files if file.role is Role.PROJECTOR), None)

    @property
    def size(self) -> int:
        """Bytes of model and projector."""
        return self.plan.size

    @property
    def sees(self) -> bool:
        """Whether pictures can be shown to it."""
        return self.plan.sees

    @property
    def quantisation(self) -> str:
        """How its numbers are stored, "" where nobody says."""
        return self.plan.about.quantisation

    @property
    def licence(self) -> str:
        """Its licence as its header names it, "" where it does not."""
        return self.plan.about.licence

    @property
    def extract(self) -> bool:
        """Whether it must be copied (`size` bytes) before it can be used: it lies in a llamafile."""
        return self.plan.packed


def find_elsewhere(
    home: Path | None = None, environment: Mapping[str, str] | None = None, folders: Sequence[Path] = ()
) -> list[Found]:
    """Look where other programs keep weights; `folders` are searched for llamafiles besides the downloads.

    Reads headers only and writes nothing. What cannot be read or does not belong together is left out.
    """
    home = Path.home() if home is None else home
    environment = os.environ if environment is None else environment
    found = [one for candidate in candidates(home, environment) for one in _models(candidate)]
    usual = (home, home / "Downloads", home / "llamafile", home / "llamafiles")
    found.extend(one for folder in dict.fromkeys((*usual, *folders)) for one in _packed(folder))
    return list({one.plan.files: one for one in found}.values())


def use_found(library: Library, found: Found, report: Report = silent) -> InstalledModel:
    """Install what was found: read to the end, compared with the hash that the other program knows, used in place.

    A llamafile's GGUFs are copied out of it. Raises as `import_model`, and "found-damaged".
    """
    try:
        return import_model(library, found.plan, in_place=True, report=report)
    except StoreError as error:
        if error.code == "weights-damaged":
            raise StoreError("found-damaged", name=found.title, program=found.program) from error
        raise


def _models(candidate: Candidate) -> Iterable[Found]:
    """Pair the files that lie together, each with what its program knows of it."""
    weights: list[GGUFKind] = []
    for file in candidate.files:
        if any(file.path == one.path for kind in weights for one in kind.files):  # of a split model
            continue
        with suppress(StoreError):
            weights.append(look_at(file.path, file.name))
    known = {file.path: file for file in candidate.files}
    for pair in pair_up(weights)[0]:
        plan = plan_of(pair)
        files = tuple(
            replace(file, sha256=one.sha256, remote=one.remote) if (one := known.get(file.path)) is not None else file
            for file in plan.files
        )
        about = replace(
            plan.about,
            title=candidate.title or plan.title,
            program=candidate.program,
            repository=candidate.repository,
            revision=candidate.revision,
            licence_text=candidate.licence_text,
        )
        yield Found(candidate.program, ImportPlan(about.title, files, about))


def _packed(folder: Path) -> Iterable[Found]:
    try:
        paths = sorted(path for path in folder.iterdir() if is_llamafile(path))
    except OSError:
        return
    for path in paths:
        try:
            packed = look_into(path)
        except StoreError:
            continue
        for pair in pair_up(packed)[0]:
            plan = plan_of(pair)
            yield Found(LLAMAFILE, replace(plan, about=replace(plan.about, program=LLAMAFILE)))
