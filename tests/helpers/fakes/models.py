"""A fake model store: a small catalogue, and the installed models that a test wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.engine.messages import WeightSpeed
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, best_variant, fit_of
from desktop_app.model_choice import first_offer, in_order
from desktop_app.services.models.manager import Offer
from desktop_app.services.models.tasks import Found, ImportPlans, LookedUp, Task
from model_store.catalogue import Catalogue, CatalogueFile, ModelEntry, Variant
from model_store.errors import StoreError
from model_store.jobs import DownloadJob, DownloadRequest, FileProgress, FileState, JobState, Role
from model_store.library.installed import InstalledModel, State, StoredFile, told_apart
from model_store.manifest import InstalledFile, Manifest
from tests.helpers.fakes import Call
from tests.helpers.fakes.program import FakePreferences

GIB = 1 << 30
GB = 1_000_000_000


def variant(quantisation: str, size: float, memory: float, projector: float = 0.624) -> Variant:
    """Return a variant; sizes in GB, memory at 4096 tokens in GiB."""
    model = CatalogueFile(f"model-{quantisation}.gguf", int(size * GB))
    mmproj = CatalogueFile("mmproj-model-f16.gguf", int(projector * GB))
    return Variant(quantisation, (model,), mmproj, int((memory - 1) * GIB), int(memory * GIB))


def entry(name: str, title: str, sentence: str, *variants: Variant, **more: Any) -> ModelEntry:
    """Return an entry of a catalogue."""
    usual: dict[str, Any] = {
        "id": name,
        "title": title,
        "repository": f"someone/{name}-gguf",
        "revision": "main",
        "variants": variants,
        "licence": "Apache-2.0",
        "licence_url": "",
        "gated": False,
        "terms": False,
        "languages": ("en",),
        "family": "llava-1.5",
        "sentence": sentence,
    }
    return ModelEntry(**{**usual, **more})


CATALOGUE = Catalogue(
    (
        entry(
            "llava-1.5-7b",
            "LLaVA 1.5 7B",
            "The classic: describes photographs in whole sentences, and is the quickest of its size here.",
            variant("Q4_K_M", 4.08, 5.7),
            variant("Q3_K_M", 3.3, 5.0),
            variant("Q2_K", 2.53, 4.3),
            licence="Llama 2",
            licence_url="https://example.org/llama-2",
            terms=True,
        ),
        entry(
            "llava-1.6-mistral-7b",
            "LLaVA 1.6 Mistral 7B",
            "Sees more detail, reads signs and small print, and takes longer for it.",
            variant("Q4_K_M", 4.37, 6.5),
            languages=("en", "fr", "de", "es"),
        ),
        entry(
            "llava-1.6-34b",
            "LLaVA 1.6 34B",
            "The most careful of the family, for a computer with much memory.",
            variant("Q4_K_M", 20.7, 23.0),
        ),
        entry(
            "smolvlm2-2.2b",
            "SmolVLM2 2.2B",
            "Small and quick, for a computer with little memory.",
            variant("Q4_K_M", 1.11, 2.4),
            documents=2,
        ),
    )
)


def installed(title: str = "LLaVA 1.5 7B Q4_K_M", state: State = State.OK, **more: Any) -> InstalledModel:
    """Return an installed model, the catalogue's first unless `more` says otherwise (fields of its manifest)."""
    folder = Path("/models") / title.lower().replace(" ", "-")
    files = tuple(
        StoredFile(role, folder / name, size, "0" * 64, state, name)
        for role, name, size in (
            (Role.MODEL, "model.gguf", int(4.08 * GB)),
            (Role.PROJECTOR, "mmproj.gguf", int(0.624 * GB)),
        )
    )
    manifest = Manifest(
        "llava-1.5-7b",
        title,
        tuple(InstalledFile(file.role, file.path.name, file.size, file.sha256) for file in files),
        repository="someone/llava-gguf",
        quantisation="Q4_K_M",
        licence="Llama 2",
    )
    return InstalledModel(folder.name, folder, replace(manifest, **more), files)


def job(state: JobState = JobState.RUNNING, share: float = 0.4, **more: Any) -> DownloadJob:
    """Return a download of the catalogue's first model."""
    first = CATALOGUE.entries[0]
    request = DownloadRequest.of(first, first.variants[0])
    files = tuple(
        FileProgress(wanted.role, wanted.path, FileState.DOWNLOADING, int(wanted.size * share), wanted.size)
        for wanted in request.files
    )
    running = {"speed": 6.1e6, "seconds_left": 470.0} if state is JobState.RUNNING else {}
    return DownloadJob("1", request, state, files, **{**running, **more})


class FakeSources:
    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self.problem: StoreError | None = None  # with what the settings name
        self.waits = False  # whether answers are kept in `later`, for the test to give
        self.later: list[Callable[[], None]] = []

    def check(self, then: Callable[[StoreError | None], None]) -> None:
        self._answer(lambda: then(self.problem))

    def load_token(self, then: Callable[[bool, bool], None]) -> None:
        self._answer(lambda: then(False, False))

    def _answer(self, answer: Callable[[], None]) -> None:
        if self.waits:
            self.later.append(answer)
        else:
            answer()

    def set_token(self, token: str, then: Callable[[bool, bool], None]) -> None:
        self.calls.append(("token", token))
        then(True, False)


class FakeModels(QObject):
    changed = Signal()
    job_changed = Signal(object)

    def __init__(self, calls: list[Call], preferences: FakePreferences) -> None:
        super().__init__()
        self.calls = calls
        self._preferences = preferences
        self.known = CATALOGUE
        self.here: list[InstalledModel] = []
        self.fits: dict[str, MemoryFit | UserError] = {}  # of what is here, by id
        self.under_way: list[DownloadJob] = []
        self.memory = int(5.75 * GIB)
        self.disk = 80 * GB
        self.speed = 0.0
        self.weights: tuple[WeightSpeed, ...] = ()
        self.sources = FakeSources(calls)

    def folder(self) -> Path:
        return Path("/home/someone/.local/share/eyebright/models")

    def free_space(self) -> int:
        return self.disk

    def usable_memory(self) -> int:
        return self.memory

    def catalogue(self) -> Catalogue:
        return self.known

    def installed(self) -> list[InstalledModel]:
        return list(self.here)

    def jobs(self) -> list[DownloadJob]:
        return list(self.under_way)

    def offers(self) -> list[Offer]:
        offers = []
        for one in self.known:
            best, fit = best_variant(one, self.memory)
            here = tuple(model for model in self.here if model.manifest.model_id == one.id)
            running = next((job for job in self.under_way if job.request.model_id == one.id), None)
            if running is not None:
                best = one.variant(running.request.quantisation) or best
                fit = fit_of(best, self.memory)
            offers.append(Offer(one, best, fit, here, running))
        return offers

    def best_offer(self) -> Offer | None:
        return first_offer(offer for offer in self.offers() if offer.variant.size <= self.disk or offer.job)

    def ordered_offers(self, wish: str) -> list[Offer]:
        return in_order(self.offers(), wish, lambda offer: offer.variant.size <= self.disk or bool(offer.job))

    def in_use(self) -> InstalledModel | None:
        chosen = self._preferences.value("model")
        return next((model for model in self.here if str(model.model) == chosen), None)

    def uses_built_in(self) -> bool:
        return not self._preferences.value("model")

    def is_chosen(self, model: InstalledModel | None) -> bool:
        in_use = self.in_use()
        return self.uses_built_in() if model is None else in_use is not None and in_use.id == model.id

    def is_blind(self) -> bool:
        return not self.uses_built_in() and not self._preferences.value("mmproj")

    def now_has(self, here: Sequence[InstalledModel] = (), under_way: Sequence[DownloadJob] = ()) -> None:
        """What happens when a download begins or ends, or the folder of the models changes."""
        self.here, self.under_way = list(here), list(under_way)
        self.changed.emit()

    def show_fits(self) -> None:
        self.changed.emit()

    def told_apart(self, file: str) -> str:
        marks = told_apart(self.here)
        return next((marks[model.id] for model in self.here if str(model.model) == file), "")

    def fit(self, model: InstalledModel) -> MemoryFit | UserError | None:
        return self.fits.get(model.id)

    def use(self, model: InstalledModel) -> None:
        self.calls.append(("use", model.id))
        self._preferences.values["model"] = str(model.model)
        self._preferences.values["mmproj"] = str(model.projector or "")
        self.changed.emit()

    def use_now(self, model: InstalledModel) -> None:
        self.use(model)

    def use_built_in(self) -> None:
        self.calls.append(("use_built_in",))
        self._preferences.values["model"] = ""
        self.changed.emit()

    def download(self, one: ModelEntry, wanted: Variant) -> None:
        self.calls.append(("download", one.id, wanted.quantisation))

    def pause(self, running: DownloadJob) -> None:
        self.calls.append(("pause", running.id))

    def resume(self, running: DownloadJob) -> None:
        self.calls.append(("resume", running.id))

    def retry(self, running: DownloadJob) -> None:
        self.calls.append(("retry", running.id))

    def cancel(self, running: DownloadJob) -> None:
        self.calls.append(("cancel", running.id))

    def repair(self, model: InstalledModel) -> None:
        self.calls.append(("repair", model.id))

    def remove(self, model: InstalledModel) -> None:
        self.calls.append(("remove", model.id))


class FakeModelTasks(QObject):
    changed = Signal(object)
    looked_up = Signal(int, object)
    searched = Signal(int, object)
    hub_failed = Signal(int, object)
    found = Signal(int, object)
    planned = Signal(int, object)

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self.calls = calls
        self.task: Task | None = None
        self.request = 0  # the last that was returned
        self.answers: list[object] = []  # of the next requests, which follow them as those of the service do

    def _asked(self, *call: object) -> int:
        self.calls.append(call)
        self.request += 1
        if self.answers:
            QTimer.singleShot(0, self, partial(self.answer, self.request, self.answers.pop(0)))
        return self.request

    def answer(self, request: int, answer: object) -> None:
        """Answer a request, such as one of long ago."""
        match answer:
            case LookedUp():
                self.looked_up.emit(request, answer)
            case ImportPlans():
                self.planned.emit(request, answer)
            case StoreError():
                self.hub_failed.emit(request, answer)
            case tuple():
                self.searched.emit(request, answer)
            case _:
                self.found.emit(request, answer)

    def now(self) -> Task | None:
        return self.task

    def stop(self) -> None:
        self.calls.append(("stop_task",))

    def plan(self, paths: list[str]) -> int:
        return self._asked("plan", tuple(paths))

    def add_projector(self, model: InstalledModel, path: str) -> None:
        self.calls.append(("add_projector", model.id, path))

    def use_projector(self, model: str, path: str) -> None:
        self.calls.append(("use_projector", model, path))

    def export(self, model: InstalledModel, folder: str) -> None:
        self.calls.append(("export_model", model.id, folder))

    def move(self, folder: str) -> None:
        self.calls.append(("move", folder))

    def verify(self, model: InstalledModel) -> None:
        self.calls.append(("verify", model.id))

    def look_up(self, repository: str) -> int:
        return self._asked("look_up", repository)

    def search(self, words: str) -> int:
        return self._asked("search_hub", words)

    def look_elsewhere(self) -> int:
        return self._asked("look_elsewhere")

    def import_found(self, found: Found) -> None:
        self.calls.append(("import_found", found.title))

    def install(self, plans: ImportPlans, *, in_place: bool) -> None:
        self.calls.append(("install", len(plans.plans), in_place))
