"""What the person asks for on the command line, once it is parsed: plain values that every verb reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from desktop_app.engine.messages import EngineSettings, Sampling


@dataclass
class ModelsRequest:
    """What is to be done with models."""

    command: str
    names: list[str] = field(default_factory=list)
    folder: str = ""
    json: bool = False
    in_place: bool = False
    found: bool = False
    quantisation: str = ""
    accept_terms: bool = False


@dataclass
class Arguments:
    """A parsed command line."""

    verb: str = ""  # empty: open the window
    pictures: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    model: str | None = None  # a file or the id of an installed model; None: the built-in one
    mmproj: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    settings: EngineSettings = field(default_factory=EngineSettings)
    system: str | None = None
    glance: bool = False  # pictures are seen as a whole only
    json: bool = False
    window: bool = False  # of the self-test: its part with Qt, which the command line leaves to others
    models: ModelsRequest | None = None
    memory: str = ""  # of the computer to plan for, such as "8G"; empty: this one
