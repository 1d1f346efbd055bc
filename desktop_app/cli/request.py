"""A parsed command line as plain data: one class for each verb, with its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from desktop_app.engine.messages import EngineSettings, Sampling
from desktop_app.look_choice import Wish


@dataclass(frozen=True)
class WindowRequest:
    """Open the window."""

    pictures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AskRequest:
    """Answer questions in the terminal."""

    pictures: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    model: str = ""  # a file or the id of an installed model; empty: the built-in one
    mmproj: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    settings: EngineSettings = field(default_factory=EngineSettings)
    system: str | None = None
    look: Wish = Wish.WHOLE  # how closely at pictures; there is no later in which the rest of them would be read
    picture_tokens: int | None = None  # that each may take; None: as many as in training
    think: bool = False  # before it answers
    json: bool = False


@dataclass(frozen=True)
class PlanRequest:
    """Tell whether a model fits into memory."""

    model: str
    mmproj: str = ""
    settings: EngineSettings = field(default_factory=EngineSettings)
    memory: str = ""  # of the computer to plan for, such as "8G"; empty: this one
    json: bool = False


@dataclass(frozen=True)
class TuneRequest:
    """Find the fastest settings for a model, or how fast each quantisation is."""

    model: str  # "": measure the quantisations
    mmproj: str = ""
    settings: EngineSettings = field(default_factory=EngineSettings)
    json: bool = False


@dataclass(frozen=True)
class DoctorRequest:
    """Show what helps to find a problem."""


@dataclass(frozen=True)
class SelfTestRequest:
    """Check that the installation works."""

    window: bool = False  # only the part that needs Qt, which the command line leaves to another process


@dataclass(frozen=True)
class ListModels:
    """List installed models, or with `found` those of other programs."""

    found: bool = False
    json: bool = False


@dataclass(frozen=True)
class SearchModels:
    """List models that can be downloaded; without words the whole catalogue."""

    words: list[str] = field(default_factory=list)
    wish: str = ""  # one of `WISHES` in model_choice.py
    json: bool = False


@dataclass(frozen=True)
class DownloadModel:
    """Download a model of the catalogue, or of a repository."""

    name: str
    quantisation: str = ""  # empty: the one that suits this computer
    accept_terms: bool = False
    json: bool = False


@dataclass(frozen=True)
class VerifyModels:
    """Compare files with their hashes: those of some models, or of all."""

    ids: list[str] = field(default_factory=list)
    json: bool = False


@dataclass(frozen=True)
class RepairModel:
    """Download again what is damaged."""

    id: str
    json: bool = False


@dataclass(frozen=True)
class ImportModels:
    """Add files that are on this computer already, or with `found` models of other programs by their titles."""

    names: list[str]
    in_place: bool = False
    found: bool = False
    json: bool = False


@dataclass(frozen=True)
class ExportModel:
    """Copy a model into a folder."""

    id: str
    folder: str
    json: bool = False


@dataclass(frozen=True)
class RemoveModel:
    """Delete a model."""

    id: str
    yes: bool = False
    json: bool = False


@dataclass(frozen=True)
class ShowModelFolder:
    """Show where models are kept."""

    json: bool = False


@dataclass(frozen=True)
class MoveModels:
    """Move all models to another folder."""

    folder: str
    json: bool = False


#: What `eyebright models` does without a network, and with one.
LocalModelsRequest: TypeAlias = (
    ListModels | VerifyModels | ImportModels | ExportModel | RemoveModel | ShowModelFolder | MoveModels
)
HubRequest: TypeAlias = SearchModels | DownloadModel | RepairModel
ModelsRequest: TypeAlias = LocalModelsRequest | HubRequest
VerbRequest: TypeAlias = AskRequest | ModelsRequest | PlanRequest | TuneRequest | DoctorRequest | SelfTestRequest
