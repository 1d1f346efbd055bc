"""Functions that bring the model manager into each state worth a screenshot; see window_states.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QMenu, QWidget

from desktop_app import paths
from desktop_app.engine.messages import WeightSpeed
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.weights.random_layer import layer_size
from desktop_app.memory_fit import MemoryFit, fit_of
from desktop_app.services.models.tasks import ImportPlans, LookedUp, Task
from desktop_app.ui.models.add_dialogs import AddModelDialog, import_question
from desktop_app.ui.models.confirm import cancel_question, licence_question, removal_question
from desktop_app.ui.models.dialog import ModelsDialog
from desktop_app.ui.models.model_menu import ModelMenu
from desktop_app.ui.models.sources_dialog import SourcesDialog
from model_store.catalogue import load_catalogue
from model_store.errors import StoreError
from model_store.jobs import JobState, Role
from model_store.library.hub_repository import Candidate
from model_store.library.import_plan import ImportFile, ImportPlan
from model_store.library.installed import State
from model_store.manifest import Manifest
from tests.helpers.cards import button
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.fakes.models import CATALOGUE, GB, GIB, installed, job
from tests.helpers.waiting import pump
from tests.screens.window_states import STATES, Stage, state


def _manager(stage: Stage, part: str = "catalogue") -> ModelsDialog:
    stage.services.models.known = load_catalogue(paths.resources_folder() / "catalogue.toml")
    stage.window.dialogs.open_models()
    dialog = stage.window.findChild(ModelsDialog)
    assert dialog is not None
    dialog.show_part(part)
    pump(100)
    return dialog


@state
def offered(stage: Stage) -> None:
    """The empty screen with the model that suits this computer."""
    stage.services.models.known = load_catalogue(paths.resources_folder() / "catalogue.toml")
    stage.window.offer_models()


@state
def offer_fetching(stage: Stage) -> None:
    """The same while it is fetched."""
    stage.window.offer_models()
    stage.services.models.under_way = [job()]
    stage.services.models.changed.emit()


@state
def offer_waiting(stage: Stage) -> None:
    """The same while the network is away."""
    stage.window.offer_models()
    stage.services.models.under_way = [job(JobState.WAITING, error=StoreError("no-connection", host="huggingface.co"))]
    stage.services.models.changed.emit()


@state
def fetching_beside(stage: Stage) -> None:
    """A conversation while a model is fetched."""
    stage.talk()
    stage.services.models.under_way = [job()]
    stage.window.offer_models()


@state
def fetching_long(stage: Stage) -> None:
    """The same beside a model with a long name, while the network is away."""
    STATES["long_model_name"](stage)
    error = StoreError("no-connection", host="huggingface.co")
    stage.services.models.under_way = [job(JobState.WAITING, error=error)]
    stage.window.offer_models()


@state
def fetching_failed(stage: Stage) -> None:
    """A download that needs the person, below a conversation."""
    stage.talk()
    error = StoreError("no-room", title="LLaVA 1.5 7B Q4_K_M", needed="2.81 GB", free="1.02 GB")
    stage.services.models.under_way = [job(JobState.FAILED, error=error)]
    stage.window.offer_models()


@state
def fetching_paused(stage: Stage) -> None:
    """A download that was paused."""
    stage.services.models.under_way = [job(JobState.PAUSED)]
    stage.window.offer_models()


@state
def out_of_reach(stage: Stage) -> None:
    """The built-in model says what it can talk about."""
    stage.open_first()
    said = "I am a small demonstration model. I can only talk about simple drawn pictures."
    stage.services.chat.show(question("Who was Ada Lovelace?"), answer(said, details={"model": "Eyebright tiny"}))
    stage.window.offer_models()


@state
def out_of_reach_waiting(stage: Stage) -> None:
    """The download that was accepted there waits for the network."""
    STATES["out_of_reach"](stage)
    pump(50)
    STATES["offer_waiting"](stage)


@state
def photo_advice(stage: Stage) -> None:
    """A photograph for the demonstration model, and the model that knows photographs."""
    stage.window.offer_models()
    STATES["demo_photo"](stage)


@state
def model_menu(stage: Stage) -> QWidget | None:
    """What is installed, to be chosen."""
    models_here(stage)
    writer = installed("A writer")
    stage.services.models.here.insert(1, replace(writer, files=writer.files[:1]))
    stage.window.composer.model.click()
    pump(50)
    return stage.window.composer.findChild(ModelMenu)


@state
def blind(stage: Stage) -> None:
    """The empty screen of a model without its projector."""
    writer = installed("llava-v1.5-7b-Q4_K_M")
    stage.services.models.here = [replace(writer, files=writer.files[:1])]
    stage.services.models.use(stage.services.models.here[0])
    stage.services.engine.become("ready", LLAVA._replace(mmproj=None, image_tokens=0))
    stage.window.offer_models()


@state
def blind_with_picture(stage: Stage) -> None:
    """A picture for a model without its projector."""
    blind(stage)
    stage.services.draft.put(stage.lake, "read", 1.0)


@state
def model_importing(stage: Stage) -> QWidget:
    """A model without a projector that is about to be added."""
    file = ImportFile(Role.MODEL, Path("/models/writer.gguf"), "writer.gguf", int(4.08 * GB))
    plans = ImportPlans((ImportPlan("llava-v1.5-7b-Q4_K_M", (file,), Manifest("", "", ())),), ())
    return import_question(plans, stage.services.models.folder(), stage.window)


@state
def models(stage: Stage) -> QWidget:
    """The catalogue on a computer with 8 GB."""
    return _manager(stage)


def _measured(stage: Stage) -> None:
    measured = {"Q4_K_M": (770.0, 190.0), "Q3_K_M": (560.0, 200.0), "Q2_K": (600.0, 240.0), "Q4_0": (930.0, 205.0)}
    stage.services.models.weights = tuple(
        WeightSpeed(name, False, layer_size(name), *speeds) for name, speeds in measured.items()
    )


@state
def models_measured(stage: Stage) -> QWidget:
    """The catalogue once the computer was measured."""
    _measured(stage)
    return _manager(stage)


@state
def models_sizes(stage: Stage) -> QWidget:
    """The sizes of a model, with what was measured."""
    _measured(stage)
    dialog = _manager(stage)
    card = next(card for card in dialog.cards() if card.accessibleName() == "LLaVA 1.5 7B")
    button(card, "Other sizes…").click()
    pump(50)
    (menu,) = card.findChildren(QMenu)
    return menu


@state
def models_for_documents(stage: Stage) -> QWidget:
    """The same, sorted for somebody who wants to read documents."""
    stage.services.preferences.values["model_wish"] = "documents"
    return _manager(stage)


@state
def models_fetching(stage: Stage) -> QWidget:
    """A download under way."""
    stage.services.models.under_way = [job()]
    return _manager(stage)


@state
def models_failed(stage: Stage) -> QWidget:
    """A download that needs the person."""
    error = StoreError("no-room", title="LLaVA 1.5 7B Q4_K_M", needed="2.81 GB", free="1.02 GB")
    stage.services.models.under_way = [job(JobState.FAILED, error=error)]
    stage.services.models.disk = 1_020_000_000
    return _manager(stage)


@state
def models_waiting(stage: Stage) -> QWidget:
    """No network just now."""
    error = StoreError("download-interrupted", host="huggingface.co")
    stage.services.models.under_way = [job(JobState.WAITING, error=error, retry_in=8.0)]
    return _manager(stage)


@state
def models_weak(stage: Stage) -> QWidget:
    """The catalogue on a computer with 4 GB."""
    stage.services.models.memory = find_memory_budget(4 * GIB).usable
    return _manager(stage)


@state
def models_nothing_fits(stage: Stage) -> QWidget:
    """The catalogue on a computer with 2 GB."""
    stage.services.models.memory = find_memory_budget(2 * GIB).usable
    return _manager(stage)


@state
def models_added(stage: Stage) -> QWidget:
    """A download of a model that the catalogue does not know, in which something went wrong on the way."""
    request = replace(job().request, model_id="own", title="Llava-v1.6-7B Q5_K_M", repository="someone/llava-1.6-gguf")
    stage.services.models.under_way = [replace(job(notes=("fetched-again",)), request=request)]
    return _manager(stage)


@state
def models_repairing(stage: Stage) -> QWidget:
    """A damaged model that is being repaired."""
    broken = installed("LLaVA 1.6 Mistral 7B Q4_K_M", State.MISSING)
    request = replace(job().request, folder=broken.id)
    stage.services.models.here = [broken]
    stage.services.models.under_way = [replace(job(share=0.97), request=request, is_repair=True)]
    return _manager(stage, "installed")


@state
def models_here(stage: Stage) -> QWidget:
    """What is on this computer, one of each kind, and something being checked."""
    used = installed()
    stage.services.models.fits = {
        used.id: MemoryFit("fits", 4096, int(5.1 * GIB), int(5.7 * GIB)),
        "bakllava": MemoryFit("reduced", 2048, int(5.6 * GIB), int(5.7 * GIB)),
    }
    stage.services.models.here = [
        used,
        installed("LLaVA 1.6 Mistral 7B Q4_K_M", State.CHANGED),
        installed("bakllava", State.UNVERIFIED, program="Ollama", licence="", repository=""),
        installed("My own model with quite a long name, as people give them (final, really)", State.MISSING),
    ]
    stage.services.preferences.values["model"] = str(used.model)
    stage.services.model_tasks.task = Task("verify", "LLaVA 1.6 Mistral 7B Q4_K_M", 1_700_000_000, 4_990_000_000)
    return _manager(stage, "installed")


@state
def models_none_found(stage: Stage) -> QWidget:
    """A search without a result."""
    dialog = _manager(stage)
    dialog.search.setText("Schnabeltier")
    pump(150)
    return dialog


@state
def model_terms(stage: Stage) -> QWidget:
    """Terms to accept."""
    return licence_question(CATALOGUE.entries[0], stage.window)


@state
def model_removal(stage: Stage) -> QWidget:
    """A model about to be deleted."""
    return removal_question(installed(), stage.window)


@state
def model_giving_up(stage: Stage) -> QWidget:
    """A download about to be given up."""
    return cancel_question(job(), stage.window)


@state
def model_adding(stage: Stage) -> QWidget:
    """A repository that was looked up."""
    entry = CATALOGUE.entries[0]
    dialog = AddModelDialog(stage.services.model_tasks, stage.window)
    dialog.name.setText(entry.repository)
    fits = tuple(fit_of(variant, int(5.2 * GIB)) for variant in entry.variants)
    dialog.look()
    dialog.show()
    stage.services.model_tasks.answer(stage.services.model_tasks.request, LookedUp(Candidate(entry, ()), fits))
    return dialog


@state
def model_refused(stage: Stage) -> QWidget:
    """A repository that cannot be used."""
    dialog = AddModelDialog(stage.services.model_tasks, stage.window)
    dialog.name.setText("someone/text-only")
    dialog.look()
    dialog.show()
    error = StoreError("pair-incomplete", repository="someone/text-only")
    stage.services.model_tasks.answer(stage.services.model_tasks.request, error)
    return dialog


@state
def model_sources(stage: Stage) -> QWidget:
    """Where models come from."""
    button(_manager(stage), "Sources…").click()
    dialog = stage.window.findChild(SourcesDialog)
    assert dialog is not None
    return dialog
