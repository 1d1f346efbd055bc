"""Lists installed and downloadable models, controls downloads, and chooses the model in use.

Everything that uses the disk or the network runs on background threads; the lists here are snapshots. The code for the
Hub is imported on such a thread when it is first needed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QFileSystemWatcher, QObject, Qt, QTimer, Signal, Slot

from desktop_app import paths
from desktop_app.engine.messages import WeightSpeed
from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.engine.tuning.weight_results import WeightResults
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, best_variant, fit_of
from desktop_app.model_choice import first_offer, in_order
from desktop_app.services.background import Background
from desktop_app.services.models.installed_fit import InstalledFit
from desktop_app.services.models.ready_models import ReadyModels
from desktop_app.services.models.sources import ModelSources
from desktop_app.services.notices import Notice, Notices, action, remedies
from desktop_app.services.preferences import Preferences
from desktop_app.services.troubles import Troubles
from desktop_app.throttle import Throttle
from model_store.catalogue import Catalogue, ModelEntry, Variant, load_catalogue
from model_store.errors import size_text
from model_store.foreign_files import exists, is_folder
from model_store.jobs import DownloadJob, DownloadRequest, JobState
from model_store.library.installed import InstalledModel, State, told_apart
from model_store.library.library import Library

if TYPE_CHECKING:
    from model_store.downloads.queue import Downloads

UNDER_WAY = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.WAITING, JobState.PAUSED, JobState.FAILED})
_SETTLE_MS = 300  # several changes of the folder in a row are read once
_DISK_SPARE = 1 << 28  # bytes that a download should leave free


@dataclass(frozen=True)
class Offer:
    """A model of the catalogue, with its state on this computer."""

    entry: ModelEntry
    variant: Variant  # the one recommended for this computer
    fit: MemoryFit
    installed: tuple[InstalledModel, ...]
    job: DownloadJob | None  # its download


def _has_room(offer: Offer, free: int) -> bool:
    """Return whether the disk has room for a download, or for the rest of one that is under way."""
    return offer.variant.size + _DISK_SPARE <= free or offer.job is not None


class Models(QObject):
    """Lists and downloads models, and chooses the one in use.

    `changed()`: one of the lists has changed. `job_changed(DownloadJob)`: a download has made progress.
    `repaired(InstalledModel)`: its damaged files were downloaded again and must be verified.
    `used_now(str)`: the model with this file is to answer the last question, too.
    """

    changed = Signal()
    job_changed = Signal(object)
    repaired = Signal(object)
    used_now = Signal(str)
    _job_arrived = Signal(object)

    def __init__(
        self,
        preferences: Preferences,
        notices: Notices,
        thread: Background,
        throttle: Throttle,
        parent: QObject | None = None,
    ) -> None:
        """`throttle` slows down the hashing of downloaded files during answers."""
        super().__init__(parent)
        self._throttle = throttle
        self._preferences = preferences
        self._notices = notices
        self._thread = thread
        self.sources = ModelSources(preferences, thread)
        self._catalogue: Catalogue | None = None
        self._installed: list[InstalledModel] = []
        self._reader = InstalledFit()  # on the thread
        self._fits: dict[str, MemoryFit | UserError] | None = None  # by id; None: not requested yet
        self._jobs: dict[str, DownloadJob] = {}
        self._downloads: Downloads | None = None
        self._failures = Troubles(notices, "models", "downloads-failed", sticky=True)
        self._go_on = False  # whether unfinished downloads continue; set on the thread
        self._left: tuple[str, ...] = ()  # ids of the downloads that wait for a click
        self._left_notice = ("", "")  # the id of the notice about them, and how far they are
        self._ready = ReadyModels(notices)
        self.speed = 0.0  # bytes per second, of the most recently active download
        self.weights: tuple[WeightSpeed, ...] = ()  # measured here; none: not known
        self._watcher = QFileSystemWatcher(self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self._watcher.directoryChanged.connect(self._folder_changed)
        self._job_arrived.connect(self._handle_job, Qt.ConnectionType.QueuedConnection)
        notices.register("use-model", self._use_ready)
        notices.register("go-on-downloading", self._go_on_downloading)
        notices.dismissed.connect(self._dismissed)
        preferences.changed.connect(self._preference_changed)

    def start(self) -> None:
        """List installed models, and the unfinished downloads of an earlier run; a click continues them."""
        self.refresh()
        if is_folder(self.folder() / ".downloads"):
            self._control(lambda downloads: None)

    def close(self) -> None:
        """Stop the downloads. What was received is kept."""
        self._watcher.directoryChanged.disconnect()
        self._settle.stop()
        self._thread.close()
        self._end_downloads()

    # ---- lists ---------------------------------------------------------------------

    def folder(self) -> Path:
        """Return the folder of the models."""
        return paths.models_folder(self._preferences.value("models_folder"))

    def library(self) -> Library:
        """Return the library in this folder; for use on a background thread."""
        return Library(self.folder())

    def free_space(self) -> int:
        """Return the bytes that are free where the models are kept, 0 if the system does not say."""
        folder = self.folder()
        while not exists(folder) and folder != folder.parent:
            folder = folder.parent
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return 0

    def usable_memory(self) -> int:
        """Return the bytes that Eyebright can use on this computer."""
        return find_memory_budget().usable

    def catalogue(self) -> Catalogue:
        """Return the catalogue of downloadable models."""
        if self._catalogue is None:
            self._catalogue = load_catalogue(paths.catalogue_file())
        return self._catalogue

    def installed(self) -> list[InstalledModel]:
        """Return the models on this computer, the most recently used first."""
        return list(self._installed)

    def jobs(self) -> list[DownloadJob]:
        """Return the unfinished downloads."""
        return [job for job in self._jobs.values() if job.state in UNDER_WAY]

    def offers(self) -> list[Offer]:
        """Return the catalogue, with whether each model fits this computer."""
        usable = self.usable_memory()
        return [self._offer(entry, usable) for entry in self.catalogue()]

    def best_offer(self) -> Offer | None:
        """Return what is offered first: the model made for such a computer, if memory and disk have room for it."""
        free = self.free_space()
        return first_offer(offer for offer in self.offers() if _has_room(offer, free))

    def ordered_offers(self, wish: str) -> list[Offer]:
        """Return the catalogue, the best for `wish` on this computer first; "": what is offered first."""
        free = self.free_space()
        return in_order(self.offers(), wish, lambda offer: _has_room(offer, free))

    def in_use(self) -> InstalledModel | None:
        """Return the installed model that the settings name, None if it is the built-in one or another file."""
        chosen = self._preferences.value("model")
        return next((model for model in self._installed if str(model.model) == chosen), None)

    def told_apart(self, file: str) -> str:
        """Return what tells the installed model with this file from others with its title, "" where nothing need."""
        marks = told_apart(self._installed)
        return next((marks[model.id] for model in self._installed if str(model.model) == file), "")

    def uses_built_in(self) -> bool:
        """Return whether the built-in model is the chosen one."""
        return not self._preferences.value("model")

    def is_chosen(self, model: InstalledModel | None) -> bool:
        """Return whether the settings name an installed model; None: the built-in one."""
        in_use = self.in_use()
        return self.uses_built_in() if model is None else in_use is not None and in_use.id == model.id

    def is_blind(self) -> bool:
        """Return whether the chosen model has no projector, so that it cannot see pictures."""
        return not self.uses_built_in() and not self._preferences.value("mmproj")

    def refresh(self) -> None:
        """Read the model folder again, as is also done when somebody else changes it."""
        library = self.library()
        self._watch(library.folder)
        self._thread.run(library.models, self._take_installed)

    def show_fits(self) -> None:
        """Read the folder again, from now on also the headers of installed models, to tell whether they fit; and the
        measured weights.
        """
        self._fits = self._fits or {}
        self.refresh()
        self._thread.run(lambda: WeightResults(paths.cache_folder()).find(), self.use_weights)

    def use_weights(self, weights: tuple[WeightSpeed, ...]) -> None:
        """Take over how fast each quantisation is on this computer."""
        if weights != self.weights:
            self.weights = weights
            self.changed.emit()

    def fit(self, model: InstalledModel) -> MemoryFit | UserError | None:
        """Return whether an installed model fits, or why it cannot be loaded; None if that is not known yet."""
        return (self._fits or {}).get(model.id)

    # ---- downloads --------------------------------------------------------------------------

    def download(self, entry: ModelEntry, variant: Variant) -> None:
        """Queue the download of a model."""
        request = DownloadRequest.of(entry, variant)
        self._control(lambda downloads: downloads.add(request))

    def repair(self, model: InstalledModel) -> None:
        """Queue the download of the damaged files of an installed model."""
        self._control(lambda downloads: downloads.repair(model.id))

    def pause(self, job: DownloadJob) -> None:
        """Pause a download."""
        self._control(lambda downloads: downloads.pause(job.id))

    def resume(self, job: DownloadJob) -> None:
        """Continue a download that is paused or has failed."""
        self._control(lambda downloads: downloads.resume(job.id))

    def retry(self, job: DownloadJob) -> None:
        """Retry a waiting download now."""
        self._control(lambda downloads: downloads.retry(job.id))

    def cancel(self, job: DownloadJob) -> None:
        """Cancel a download, and delete its files."""
        self._control(lambda downloads: downloads.cancel(job.id))

    # ---- choosing --------------------------------------------------------------------------

    def use(self, model: InstalledModel) -> None:
        """Use this model from now on."""
        self._ready.used(model.id)
        self._choose(mmproj=str(model.projector or ""), model=str(model.model))
        library = self.library()
        self._thread.run(lambda: library.mark_used(model.id), lambda _none: self.refresh())

    def use_now(self, model: InstalledModel) -> None:
        """Use this model from now on, and for the last question as well."""
        self.use(model)
        self.used_now.emit(str(model.model))

    def use_built_in(self) -> None:
        """Use the built-in model from now on."""
        self._choose(mmproj="", model="")
        self.changed.emit()

    def use_projector(self, path: str) -> None:
        """Let the chosen model see through this projector from now on."""
        self._choose(mmproj=path)

    def _choose(self, **files: str) -> None:
        """Set which files to load. What cannot be saved counts until the program ends; that is said."""
        failed: UserError | None = None
        for name, path in files.items():  # all of them: a model with another's projector would be worse
            try:
                self._preferences.set(name, path)
            except UserError as error:
                failed = error
        if failed is not None:
            self._notices.error(failed)

    def offer_to_use(self, model: InstalledModel, *, here_as: str = "") -> None:
        """Post a notice that a model is ready, with a button to use it.

        `here_as`: what the files are called that were to be added, and are those of this model.
        """
        code = "model-here" if here_as == model.title else "model-here-as" if here_as else "model-ready"
        self._ready.add(model.id, code, {"title": model.title} | ({"name": here_as} if here_as else {}))

    def remove(self, model: InstalledModel) -> None:
        """Delete a model; if it was in use, use the built-in one instead."""
        if self.in_use() == model:
            self.use_built_in()
        library = self.library()
        self._thread.run(lambda: library.remove(model.id), lambda freed: self._removed(model, freed))

    def stop_downloads(self, then: Callable[[], None]) -> None:
        """Stop the downloads until the next `start`, then call `then`: the folder is about to be moved."""
        self._thread.run(self._end_downloads, lambda _none: then())

    # ---- inside ----------------------------------------------------------------------------

    def _control(self, ask: Callable[[Downloads], Any]) -> None:
        """Call `ask` with the download queue, on the background thread; start the queue if necessary."""
        folder, make_hub = self.folder(), self.sources.hub_maker()
        connections = self._preferences.value("connections")

        def work() -> tuple[tuple[DownloadJob, ...], tuple[str, ...]]:
            from model_store.downloads.queue import Downloads

            left: tuple[str, ...] = ()
            if self._downloads is None:
                on_change, turn = self._job_arrived.emit, self._throttle.turn
                self._downloads = Downloads(
                    folder, make_hub, on_change, connections=connections, turn=turn, go_on=self._go_on
                )
                self._downloads.start()
                left = () if self._go_on else self._downloads.left
            ask(self._downloads)
            return self._downloads.jobs(), left

        self._thread.run(work, self._take_jobs)

    def _offer(self, entry: ModelEntry, usable: int) -> Offer:
        variant, fit = best_variant(entry, usable)
        installed = tuple(model for model in self._installed if model.manifest.model_id == entry.id)
        job = next((job for job in self.jobs() if job.request.model_id == entry.id), None)
        if job is not None:
            downloaded = entry.variant(job.request.quantisation) or variant
            return Offer(entry, downloaded, fit_of(downloaded, usable), installed, job)
        return Offer(entry, variant, fit, installed, None)

    def _folder_changed(self, _folder: str) -> None:
        self._settle.start()

    def _watch(self, folder: Path) -> None:
        """Hear of changes of the folder, or of its coming into being."""
        wanted = {str(path) for path in (folder, folder.parent) if is_folder(path)}
        watched = set(self._watcher.directories())
        if watched - wanted:
            self._watcher.removePaths(list(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(list(wanted - watched))

    def _take_installed(self, models: list[InstalledModel]) -> None:
        used, gone = self.in_use(), {model.id for model in self._installed} - {model.id for model in models}
        self._installed = models
        for model_id in gone:
            self._ready.drop(model_id)
        is_gone = used is not None and self.in_use() is None and not exists(used.folder)
        if used is not None and is_gone and is_folder(self.folder()):  # else the disk of the library is away
            self.use_built_in()
            self._notices.post(Notice("model-gone", {"title": used.title}, "warning", sticky=True, owner="models"))
        self.changed.emit()
        if self._fits is not None:
            self._thread.run(lambda: self._reader.of(models), self._take_fits)

    def _take_fits(self, fits: dict[str, MemoryFit | UserError]) -> None:
        if fits != self._fits:
            self._fits = fits
            self.changed.emit()

    def _take_jobs(self, found: tuple[tuple[DownloadJob, ...], tuple[str, ...]]) -> None:
        jobs, left = found
        present = {job.id for job in jobs}
        for gone in [job.id for job in self.jobs() if job.id not in present]:
            del self._jobs[gone]
        for job in jobs:
            self._handle_job(job)
        self.changed.emit()
        paused = [job for job in jobs if job.id in left and job.state is JobState.PAUSED]
        progress = " ".join(sorted(f"{job.id}:{job.done}" for job in paused))
        if progress and progress != self._preferences.value("downloads_left"):
            self._left = left
            titles = ", ".join(job.request.title for job in paused)
            notice = Notice("downloads-unfinished", {"titles": titles}, owner="models")
            self._left_notice = (notice.id, progress)
            self._notices.post(notice)

    def _dismissed(self, notice_id: str) -> None:
        """Mention unfinished downloads no more until something about them changes."""
        if notice_id == self._left_notice[0]:
            try:
                self._preferences.set("downloads_left", self._left_notice[1])
            except UserError as error:
                self._notices.error(error)

    def _go_on_downloading(self) -> None:
        left, self._left = self._left, ()

        def resume(downloads: Downloads) -> None:
            for job in downloads.jobs():
                if job.id in left:
                    downloads.resume(job.id)

        self._control(resume)

    @Slot(object)
    def _handle_job(self, job: DownloadJob) -> None:
        """Take a snapshot of a download, told by its thread or found in the list; of several the latest counts."""
        known = self._jobs.get(job.id)
        if known is not None and known.number > job.number:
            return
        self._jobs[job.id] = job
        self.speed = job.speed or self.speed
        self.job_changed.emit(job)
        if known is not None and known.state is job.state:
            return
        self.changed.emit()
        if known is None:  # just added, or left by an earlier run
            return
        self._failures.drop(job.id)  # it goes on, or was given up
        if job.state is JobState.DONE:
            self._thread.run(self.library().models, lambda models: self._downloaded(job, models))
            self._control(lambda downloads: downloads.forget(job.id))
        elif job.state is JobState.FAILED and job.error is not None:
            actions = remedies(job.error.code) or (action("open-models"),)
            self._failures.put(job.id, job.request.title, job.error, *actions)

    def _downloaded(self, job: DownloadJob, models: list[InstalledModel]) -> None:
        self._take_installed(models)
        downloaded = next((model for model in models if model.title == job.request.title), None)
        if downloaded is None:
            return
        if downloaded.state is State.OK:
            self.offer_to_use(downloaded)
        else:
            self.repaired.emit(downloaded)

    def _use_ready(self, model_id: str) -> None:
        model = next((model for model in self._installed if model.id == model_id), None)
        if model is not None:
            self.use_now(model)

    def _removed(self, model: InstalledModel, freed: int) -> None:
        self._notices.post(Notice("model-removed", {"title": model.title, "size": size_text(freed)}, owner="models"))
        self.refresh()

    def _preference_changed(self, name: str) -> None:
        if name in ("model", "mmproj"):
            self.changed.emit()
        elif name in ("models_folder", "proxy", "connections"):
            self.stop_downloads(self.start)  # each goes on where it was
        elif name == "hub_address":  # nobody has agreed to fetch them from there
            self._thread.run(lambda: self._end_downloads(go_on=False), lambda _none: self.start())

    def _end_downloads(self, *, go_on: bool = True) -> None:
        if self._downloads is not None:
            self._downloads.close()
            self._downloads = None
            self._go_on = go_on
