"""Loads a language model and its projector: checks the files, plans memory, prepares the projector, and loads both.

Planning reads only headers. The libraries that a model needs (llama_cpp, numpy) are imported after the files have been
checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.messages import EngineSettings, Event, Load, LoadPlan, ModelInfo, Tuning
from desktop_app.engine.planning.cpu_cores import is_tiny
from desktop_app.engine.planning.memory_budget import MemoryBudget, find_memory_budget, own_memory
from desktop_app.engine.planning.memory_estimate import WINDOW_BASE
from desktop_app.engine.planning.memory_plan import plan_load
from desktop_app.engine.planning.process_memory import release_freed_memory
from desktop_app.engine.tuning.results import TuningResults
from desktop_app.engine.weights.decoder_check import has_text
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.engine.weights.projector_header import Activation, LastLayer
from desktop_app.errors import UserError
from desktop_app.paths import cache_folder, demo_model
from model_store.foreign_files import exists

if TYPE_CHECKING:
    from desktop_app.engine.cache.embeddings import EmbeddingStore
    from desktop_app.engine.conversation.session import Session


@dataclass(frozen=True)
class PlannedLoad:
    """Files that were checked, and how to load them."""

    command: Load
    files: ModelFiles
    budget: MemoryBudget
    tuning: Tuning | None
    plan: LoadPlan


@dataclass(frozen=True)
class Loaded:
    """A loaded model, ready to answer."""

    session: Session
    embeddings: EmbeddingStore  # of pictures; kept when another model is loaded
    info: ModelInfo


def check_and_plan(command: Load) -> PlannedLoad:
    """Return how to load what `command` names. Raises `UserError` if the files are unusable or too large."""
    settings = command.settings
    files = check_files(Path(command.model), Path(command.mmproj) if command.mmproj else None)
    budget = find_memory_budget(held=own_memory() + WINDOW_BASE)
    tuning = _kept_tuning(files, settings, budget)
    plan = plan_load(files, settings, budget, tuning)
    if not has_text(files.header):
        raise UserError("model-damaged", name=files.model.name)
    return PlannedLoad(command, files, budget, tuning, plan)


def load(
    planned: PlannedLoad, interrupt: Interrupt, embeddings: EmbeddingStore | None, emit: Callable[[Event], None]
) -> Loaded:
    """Load as planned; no other model may be loaded at the same time. `embeddings`: those of an earlier model.

    Raises `UserError` as `Model` does, and (disk-full, not-saved) if a copy of the projector is needed but cannot be
    written.
    """
    from desktop_app.engine.cache.checked_folder import cache_folders
    from desktop_app.engine.cache.embeddings import EmbeddingStore
    from desktop_app.engine.conversation.session import Session
    from desktop_app.engine.llama.model import Model

    settings = planned.command.settings
    files, plan = _prepare_projector(planned)
    folders = cache_folders(settings.cache_folder, settings.cache_mb, adds_kv_cache=settings.saves_kv_cache)
    embeddings = embeddings or EmbeddingStore()
    embeddings.keep_in(folders.embeddings if folders is not None else None, plan.embedding_cache)
    model = Model(files, settings, interrupt, plan)
    release_freed_memory()
    session = Session(model, interrupt, embeddings, emit, folders)
    return Loaded(session, embeddings, _model_info(planned.command, session, planned.tuning))


def _kept_tuning(files: ModelFiles, settings: EngineSettings, budget: MemoryBudget) -> Tuning | None:
    if not settings.cache_folder or is_tiny(files.header.file_size):
        return None
    found = TuningResults(Path(settings.cache_folder)).find(files, budget)
    return found.tuning if found is not None else None


def _prepare_projector(planned: PlannedLoad) -> tuple[ModelFiles, LoadPlan]:
    """Return the files with the projector to load, and the plan, which changes if no small copy can be written."""
    from desktop_app.engine.weights.projector_copy import prepare_projector

    plan = planned.plan
    files = prepare_projector(planned.files, cache_folder, small=plan.small_projector)
    if plan.small_projector and not (files.projector is not None and files.projector.small):
        plan = plan_load(files, planned.command.settings, planned.budget, planned.tuning, may_copy=False)
        files = prepare_projector(files, cache_folder)
    return files, plan


def _model_info(command: Load, session: Session, tuning: Tuning | None) -> ModelInfo:
    from desktop_app.engine.llama.backend import cpu_features

    model = session.model
    projector = model.files.projector
    demo = demo_model()[0]
    path, header = model.files.model, model.files.header
    is_demo = exists(demo) and demo.samefile(path)
    return ModelInfo(
        name=header.text("general.name") if is_demo else model.files.title,
        model=command.model,
        mmproj=command.mmproj,
        n_ctx=model.n_ctx,
        family=session.prompts.family.name,
        is_demo=is_demo,
        image_tokens=session.picture_tokens,
        tiling=session.processor.tiling,
        any_size=session.processor.any_size,
        quick=session.processor.quick,
        part_s=session.throughput.part.expect(1),
        token_s=session.throughput.token.expect(1),
        class_token=model.class_token.value,
        last_layer=(projector.last_layer if projector is not None else LastLayer.NONE).value,
        activation=(projector.activation if projector is not None else Activation.NONE).value,
        threads=model.writing_threads,
        reading_threads=model.reading_threads,
        plan=model.plan,
        cpu_features=cpu_features(),
        tuning=tuning,
        tunable=not is_tiny(model.files.header.file_size),
        warnings=model.warnings,
        can_think=session.prompts.family.thinking is not None,
        can_reread=model.has_aside,
        wording=model.files.wording,
    )
