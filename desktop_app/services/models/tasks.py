"""Long work on model files: checking, importing, exporting, moving. One after another, with progress.

Like the downloads it can be interrupted at any moment, and goes on where it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot

from desktop_app.engine.planning.memory_budget import find_memory_budget
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, fit_or_reason
from desktop_app.services.background import Background
from desktop_app.services.models.manager import Models
from desktop_app.services.notices import Notice, Notices, action
from desktop_app.services.preferences import Preferences
from desktop_app.throttle import Throttle
from model_store.errors import StoreError
from model_store.library.copying import Cancelled, Progress, Report
from model_store.library.exporting import export
from model_store.library.importing import ImportPlan, ImportPlans, import_model, plan_import
from model_store.library.installed import InstalledModel, State
from model_store.library.library import Library
from model_store.library.moving import UnfinishedMove, move_library, unfinished_move
from model_store.library.other_folders import Found, find_elsewhere, use_found

if TYPE_CHECKING:  # what speaks with the network is imported with the first question for it
    from model_store.library.hub_repository import Candidate

# Also what the window needs of the store's types, so that it imports nothing else of it.
__all__ = ["Found", "ImportPlans", "LookedUp", "MemoryFit", "ModelTasks", "Task"]

Kind = Literal["verify", "import", "export", "move"]
_TELL_EVERY_S = 0.1


@dataclass(frozen=True)
class Task:
    """Long work as it stands."""

    kind: Kind
    title: str  # of the model; of a move the folder
    done: int = 0  # bytes
    total: int = 0  # bytes, 0: not known yet


@dataclass(frozen=True)
class LookedUp:
    """A repository that was asked for: what can be fetched from it, and whether it would run here."""

    candidate: Candidate
    fits: tuple[MemoryFit | UserError | StoreError, ...]  # as `candidate.entry.variants`; or why one cannot be loaded


class ModelTasks(QObject):
    """Runs what takes long, one after another.

    - `changed(Task | None)`: the work at hand moved on, or ended.
    - `looked_up(LookedUp)`, `searched(tuple of names)`, `hub_failed(StoreError)`: an answer about repositories.
    - `found(list of Found)`: weights of other programs.
    - `planned(ImportPlans)`: what files hold.
    """

    changed = Signal(object)
    looked_up = Signal(object)
    searched = Signal(object)
    hub_failed = Signal(object)
    found = Signal(object)
    planned = Signal(object)
    _moved_on = Signal(object)
    _switch_wanted = Signal(object, object, object)

    def __init__(
        self,
        models: Models,
        preferences: Preferences,
        notices: Notices,
        files: Background,
        hub: Background,
        throttle: Throttle,
        parent: QObject | None = None,
    ) -> None:
        """`files` copies and checks, giving way to answers; `hub` asks the network, and delays nothing else."""
        super().__init__(parent)
        self._models = models
        self._preferences = preferences
        self._notices = notices
        self._files = files
        self._hub = hub
        self._throttle = throttle
        self._now: Task | None = None
        self._damaged: InstalledModel | None = None  # found to be damaged last
        self._stop = threading.Event()
        self._closing = False
        self._switch_wanted.connect(self._save_folder, Qt.ConnectionType.QueuedConnection)
        models.repaired.connect(self.verify)
        notices.register("go-on-moving", self.move_on)
        notices.register("repair-model", self._repair)
        self._moved_on.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def begin(self) -> None:
        """Find what is installed; tidy up and offer to go on where an earlier run was cut short."""
        self._models.start()
        library = self._models.library()

        def look() -> UnfinishedMove | None:
            library.tidy()
            return unfinished_move(library)

        self._files.run(look, self._offer_to_move_on)

    def now(self) -> Task | None:
        """Return the work at hand."""
        return self._now

    def stop(self) -> None:
        """End the work at hand; nothing half done is shown as installed."""
        self._stop.set()

    def close(self) -> None:
        """End everything."""
        self._closing = True
        self._stop.set()
        self._files.close()
        self._hub.close()

    # ---- files -----------------------------------------------------------------------------

    def verify(self, model: InstalledModel) -> None:
        """Read a model's files and compare them with what they must be."""
        library = self._models.library()
        self._start("verify", model.title, lambda report: library.verify(model.id, report), self._verified)

    def plan(self, paths: list[str]) -> None:
        """Look at files and folders that may hold models; the answer is `planned`."""
        self._files.run(lambda: plan_import([Path(path) for path in paths]), self.planned.emit)

    def take(self, plans: ImportPlans, *, in_place: bool) -> None:
        """Install what files hold, copied or used where they lie."""
        library = self._models.library()
        for plan in plans.plans:
            self._start("import", plan.title, _importing(library, plan, in_place), self._imported)

    def look_elsewhere(self) -> None:
        """Look for weights of other programs; the answer is `found`."""
        self._files.run(find_elsewhere, self.found.emit)

    def take_found(self, found: Found) -> None:
        """Use another program's weights where they lie, after a check."""
        library = self._models.library()
        self._start("import", found.title, lambda report: use_found(library, found, report), self._imported)

    def export(self, model: InstalledModel, folder: str) -> None:
        """Copy a model into a folder from which another computer can import it."""
        library = self._models.library()
        self._start(
            "export", model.title, lambda report: export(library, model.id, Path(folder), report), self._exported
        )

    def move(self, folder: str) -> None:
        """Move all models to another folder, and keep them there from then on."""
        self._move(self._models.library(), Path(folder))

    def move_on(self) -> None:
        """Go on with a move that was cut short."""
        unfinished = unfinished_move(self._models.library())
        if unfinished is not None:
            self._move(Library(unfinished.old), unfinished.new)

    def _move(self, library: Library, target: Path) -> None:
        def work(report: Report) -> Library:
            return move_library(library, target, self._switch, report)

        # Half a download moves with the rest, so nobody may be writing to it.
        self._models.stop_downloads(lambda: self._start("move", str(target), work, self._moved))

    def _offer_to_move_on(self, move: UnfinishedMove | None) -> None:
        if move is not None:
            where = {"folder": str(move.new)}
            self._notices.post(Notice("move-unfinished", where, "warning", (action("go-on-moving"),), sticky=True))

    def _switch(self, folder: Path) -> None:
        """Have the setting saved on the main thread, and wait for it: only then may the old folder be emptied."""
        answer: list[Exception | None] = []
        done = threading.Event()
        self._switch_wanted.emit(folder, answer, done)
        while not done.wait(_TELL_EVERY_S):
            if self._closing:
                raise Cancelled
        if answer[0] is not None:
            raise answer[0]

    @Slot(object, object, object)
    def _save_folder(self, folder: Path, answer: list[Exception | None], done: threading.Event) -> None:
        try:
            old = self._models.folder()
            for name in ("mmproj", "model"):  # the one in use moves as well
                path = Path(self._preferences.value(name))
                if path.is_relative_to(old):
                    self._preferences.set(name, str(folder / path.relative_to(old)))
            self._preferences.set("models_folder", str(folder))
            answer.append(None)
        except UserError as error:
            answer.append(error)
        finally:
            done.set()

    # ---- the network -----------------------------------------------------------------------

    def look_up(self, repository: str) -> None:
        """Ask for a repository and read the headers of its models; the answer is `looked_up` or `hub_failed`."""
        make_hub = self._models.sources.hub_maker()

        def work() -> LookedUp:
            from model_store.library.hub_repository import candidate, read_headers

            hub = make_hub()
            try:
                known, budget = candidate(hub, repository), find_memory_budget()
                fits = (
                    fit_or_reason(variant, partial(read_headers, hub, pair), budget)
                    for variant, pair in zip(known.entry.variants, known.pairs, strict=True)
                )
                return LookedUp(known, tuple(fits))
            finally:
                hub.close()

        self._hub.run(work, self.looked_up.emit, self._hub_failed)

    def search(self, words: str) -> None:
        """Search the Hub for repositories; the answer is `searched` or `hub_failed`."""
        make_hub = self._models.sources.hub_maker()

        def work() -> tuple[str, ...]:
            hub = make_hub()
            try:
                return tuple(one.name for one in hub.search(words))
            finally:
                hub.close()

        self._hub.run(work, self.searched.emit, self._hub_failed)

    def _hub_failed(self, error: Exception) -> None:
        if not isinstance(error, StoreError):
            raise error
        self.hub_failed.emit(error)

    # ---- inside ----------------------------------------------------------------------------

    def _start(self, kind: Kind, title: str, work: Callable[[Report], Any], then: Callable[[Any], None]) -> None:
        """Queue work that reports how far it is."""

        def run() -> Any:
            self._stop.clear()
            if self._closing:
                raise Cancelled
            self._moved_on.emit(Task(kind, title))
            told_at = 0.0
            turns = self._throttle.paced(repeat(None))

            def report(progress: Progress) -> None:
                nonlocal told_at
                next(turns)
                if self._stop.is_set():
                    raise Cancelled
                now = time.monotonic()
                if now - told_at >= _TELL_EVERY_S or progress.done == progress.total:
                    told_at = now
                    self._moved_on.emit(Task(kind, title, progress.done, progress.total))

            with closing(turns):
                next(turns)
                return work(report)

        self._files.run(run, lambda result: self._ended(then, result), self._failed)

    def _ended(self, then: Callable[[Any], None], result: Any) -> None:
        self._tell(None)
        then(result)
        self._models.start()

    def _failed(self, error: Exception) -> None:
        self._tell(None)
        self._models.start()
        if isinstance(error, Cancelled):
            return
        if not isinstance(error, (UserError, StoreError)):
            raise error
        self._notices.error(error)

    @Slot(object)
    def _tell(self, task: Task | None) -> None:
        self._now = task
        self.changed.emit(task)

    def _verified(self, model: InstalledModel) -> None:
        title = {"title": model.title}
        if model.state is State.OK:
            self._notices.post(Notice("model-verified", title))
        else:
            self._damaged = model
            code = "model-wrong-repair" if model.repairable else "model-wrong"
            what = action("repair-model" if model.repairable else "open-models")
            self._notices.post(Notice(code, title, "warning", (what,), sticky=True))

    def _repair(self) -> None:
        """Repair what was found to be wrong last."""
        if self._damaged is not None:
            self._models.repair(self._damaged)

    def _imported(self, model: InstalledModel) -> None:
        self._models.offer_to_use(model)

    def _exported(self, folder: Path) -> None:
        self._notices.post(Notice("model-exported", {"folder": str(folder)}, sticky=True))

    def _moved(self, library: Library) -> None:
        self._notices.post(Notice("models-moved", {"folder": str(library.folder)}))


def _importing(library: Library, plan: ImportPlan, in_place: bool) -> Callable[[Report], InstalledModel]:
    return lambda report: import_model(library, plan, in_place, report)
