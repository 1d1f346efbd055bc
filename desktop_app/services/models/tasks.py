"""Runs long tasks on model files (verify, import, export, move) one after another, and reports their progress.

Like downloads, they can be interrupted at any moment, and continue where they stopped.
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
from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from desktop_app.memory_fit import MemoryFit, fit_or_reason
from desktop_app.services.background import Background
from desktop_app.services.models.manager import Models
from desktop_app.services.notices import Notice, NoticeAction, Notices, action
from desktop_app.services.preferences import Preferences
from desktop_app.services.troubles import Troubles
from desktop_app.throttle import Throttle
from model_store.errors import StoreError
from model_store.library.adding_projector import add_projector
from model_store.library.copying import Cancelled, Progress, Report
from model_store.library.exporting import export
from model_store.library.import_plan import ImportPlan, ImportPlans, plan_import
from model_store.library.importing import import_model
from model_store.library.installed import InstalledModel, State
from model_store.library.library import Library
from model_store.library.moving import UnfinishedMove, move_library, unfinished_move
from model_store.library.other_folders import Found, find_elsewhere, use_found

if TYPE_CHECKING:  # what speaks with the network is imported with the first question for it
    from model_store.library.hub_repository import Candidate

# Also what the window needs of the store's types, so that it imports nothing else of it.
__all__ = ["Found", "ImportPlan", "ImportPlans", "LookedUp", "MemoryFit", "ModelTasks", "Task"]

Kind = Literal["verify", "import", "export", "move"]
_REPORT_EVERY_S = 0.1


@dataclass(frozen=True)
class Task:
    """The progress of a running task."""

    kind: Kind
    title: str  # of the model; for a move, the new folder
    done: int = 0  # bytes
    total: int = 0  # bytes; 0: unknown yet


@dataclass(frozen=True)
class LookedUp:
    """A repository that was looked up: what can be downloaded from it, and whether it would fit here."""

    candidate: Candidate
    fits: tuple[MemoryFit | UserError | StoreError, ...]  # as `entry.variants`; or why one cannot be loaded


class ModelTasks(QObject):
    """Runs long tasks one after another.

    - `changed(Task | None)`: the running task has made progress, or ended.
    - `looked_up(request, LookedUp)`, `searched(request, tuple of names)`, `hub_failed(request, StoreError)`: answers
      about repositories.
    - `found(request, list of Found)`: models of other programs.
    - `planned(request, ImportPlans)`: the models in the files that `plan` was given.

    A request is the number that the method returned: whoever asked tells by it their own answer from another's.
    """

    changed = Signal(object)
    looked_up = Signal(int, object)
    searched = Signal(int, object)
    hub_failed = Signal(int, object)
    found = Signal(int, object)
    planned = Signal(int, object)
    _progressed = Signal(object)
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
        """`files`: the thread that copies and checks files, slower during answers; `hub`: that for the network."""
        super().__init__(parent)
        self._models = models
        self._preferences = preferences
        self._notices = notices
        self._file_thread = files
        self._hub_thread = hub
        self._throttle = throttle
        self._current: Task | None = None
        self._waiting = 0  # tasks that have not ended
        self._failures = Troubles(notices, "models", "models-failed")
        self._wrong: dict[str, str] = {}  # ids of the notices about models that are damaged, by the models' ids
        self._stop = threading.Event()
        self._closing = False
        self._last_request = 0
        self._switch_wanted.connect(self._save_folder, Qt.ConnectionType.QueuedConnection)
        models.repaired.connect(self.verify)
        models.changed.connect(self._look_after_wrong)
        notices.register("go-on-moving", self.resume_move)
        notices.register("repair-model", self._repair)
        self._progressed.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def begin(self) -> None:
        """List installed models, clean up, and offer to continue a move that was interrupted."""
        self._models.start()
        library = self._models.library()

        def look() -> UnfinishedMove | None:
            library.tidy()
            return unfinished_move(library)

        self._file_thread.run(look, self._offer_to_resume_move)

    def now(self) -> Task | None:
        """Return the running task, None if there is none."""
        return self._current

    def stop(self) -> None:
        """Stop the running task; an incomplete model is not shown as installed."""
        self._stop.set()

    def close(self) -> None:
        """Stop all tasks and threads."""
        self._closing = True
        self._stop.set()
        self._file_thread.close()
        self._hub_thread.close()

    # ---- files -----------------------------------------------------------------------------

    def verify(self, model: InstalledModel) -> None:
        """Compare the files of a model with their hashes."""
        library = self._models.library()
        self._start("verify", model.title, lambda report: library.verify(model.id, report), self._verified)

    def plan(self, paths: list[str]) -> int:
        """Look for models in files and folders; the answer to the request that is returned is `planned`."""
        request = self._next_request()
        self._file_thread.run(lambda: plan_import([Path(path) for path in paths]), partial(self.planned.emit, request))
        return request

    def install(self, plans: ImportPlans, *, in_place: bool) -> None:
        """Install the models of `plans`; `in_place`: use their files where they are instead of copying them."""
        library = self._models.library()
        for plan in plans.plans:
            work = _noting(library, _importing(library, plan, in_place))
            self._start("import", plan.title, work, partial(self._imported, plan.title))

    def look_elsewhere(self) -> int:
        """Look for models of other programs; the answer to the request that is returned is `found`."""
        request = self._next_request()
        self._file_thread.run(find_elsewhere, partial(self.found.emit, request))
        return request

    def import_found(self, found: Found) -> None:
        """Check a model of another program, and use its files where they are."""
        library = self._models.library()
        work = _noting(library, lambda report: use_found(library, found, report))
        self._start("import", found.title, work, partial(self._imported, found.title))

    def add_projector(self, model: InstalledModel, path: str) -> None:
        """Give a model that only writes the projector through which it sees."""
        library = self._models.library()
        self._start(
            "import",
            model.title,
            lambda report: add_projector(library, model.id, Path(path), report),
            self._now_sees,
            action("add-projector", model.id),
        )

    def use_projector(self, model: str, path: str) -> None:
        """Let the chosen model, a file that is not in the library, see through this projector."""
        what = action("add-projector")
        self._file_thread.run(
            lambda: check_files(Path(model), Path(path)),
            lambda _files: self._models.use_projector(path),
            partial(self._failed, Path(model).name, (what,)),
        )

    def export(self, model: InstalledModel, folder: str) -> None:
        """Copy a model to a folder, from which another computer can import it."""
        library = self._models.library()
        self._start(
            "export", model.title, lambda report: export(library, model.id, Path(folder), report), self._exported
        )

    def move(self, folder: str) -> None:
        """Move all models to another folder, which is the model folder from then on."""
        self._move(self._models.library(), Path(folder))

    def resume_move(self) -> None:
        """Continue a move that was interrupted."""
        unfinished = unfinished_move(self._models.library())
        if unfinished is not None:
            self._move(Library(unfinished.old), unfinished.new)

    def _move(self, library: Library, target: Path) -> None:
        def work(report: Report) -> Library:
            return move_library(library, target, self._switch, report)

        # Incomplete downloads are moved too, so they must not be written to.
        self._models.stop_downloads(lambda: self._start("move", str(target), work, self._moved))

    def _offer_to_resume_move(self, move: UnfinishedMove | None) -> None:
        if move is not None:
            where = {"folder": str(move.new)}
            self._notices.post(Notice("move-unfinished", where, "warning", sticky=True, owner="models"))

    def _switch(self, folder: Path) -> None:
        """Save the setting on the main thread, and wait for that: only then may the old folder be emptied."""
        answer: list[Exception | None] = []
        done = threading.Event()
        self._switch_wanted.emit(folder, answer, done)
        while not done.wait(_REPORT_EVERY_S):
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

    def look_up(self, repository: str) -> int:
        """Look up a repository and read the headers of its models.

        The answer to the request that is returned is `looked_up` or `hub_failed`.
        """
        request = self._next_request()
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

        self._hub_thread.run(work, partial(self.looked_up.emit, request), partial(self._hub_failed, request))
        return request

    def search(self, words: str) -> int:
        """Search the Hub for repositories; the answer to the request that is returned is `searched` or `hub_failed`."""
        request = self._next_request()
        make_hub = self._models.sources.hub_maker()

        def work() -> tuple[str, ...]:
            hub = make_hub()
            try:
                return tuple(one.name for one in hub.search(words))
            finally:
                hub.close()

        self._hub_thread.run(work, partial(self.searched.emit, request), partial(self._hub_failed, request))
        return request

    def _hub_failed(self, request: int, error: Exception) -> None:
        if not isinstance(error, StoreError):
            raise error
        self.hub_failed.emit(request, error)

    # ---- inside ----------------------------------------------------------------------------

    def _next_request(self) -> int:
        self._last_request += 1
        return self._last_request

    def _start(
        self,
        kind: Kind,
        title: str,
        work: Callable[[Report], Any],
        then: Callable[[Any], None],
        *remedies: NoticeAction,
    ) -> None:
        """Queue a task. `work` gets a function for reporting progress; `then` gets its result.

        `remedies`: what can be done if it fails.
        """
        if self._waiting:
            self._failures.drop(title)  # it is tried again
        else:
            self._failures.clear()
        self._waiting += 1

        def run() -> Any:
            self._stop.clear()
            if self._closing:
                raise Cancelled
            self._progressed.emit(Task(kind, title))
            reported_at = 0.0
            turns = self._throttle.paced(repeat(None))

            def report(progress: Progress) -> None:
                nonlocal reported_at
                next(turns)
                if self._stop.is_set():
                    raise Cancelled
                now = time.monotonic()
                if now - reported_at >= _REPORT_EVERY_S or progress.done == progress.total:
                    reported_at = now
                    self._progressed.emit(Task(kind, title, progress.done, progress.total))

            with closing(turns):
                next(turns)
                return work(report)

        badly = partial(self._ended_badly, title, remedies)
        self._file_thread.run(run, lambda result: self._ended(then, result), badly)

    def _ended(self, then: Callable[[Any], None], result: Any) -> None:
        self._waiting -= 1
        self._show(None)
        then(result)
        self._models.start()

    def _ended_badly(self, title: str, remedies: tuple[NoticeAction, ...], error: Exception) -> None:
        self._waiting -= 1
        self._failed(title, remedies, error)

    def _failed(self, title: str, remedies: tuple[NoticeAction, ...], error: Exception) -> None:
        self._show(None)
        self._models.start()
        if isinstance(error, Cancelled):
            return
        if not isinstance(error, (UserError, StoreError)):
            raise error
        self._failures.put(title, title, error, *remedies)

    @Slot(object)
    def _show(self, task: Task | None) -> None:
        self._current = task
        self.changed.emit(task)

    def _verified(self, model: InstalledModel) -> None:
        title = {"title": model.title}
        self._withdraw_wrong(model.id)
        if model.state is State.OK:
            self._notices.post(Notice("model-verified", title, owner="models"))
        else:
            repair = (action("repair-model", model.id),)
            wrong = Notice("model-wrong", title, "warning", sticky=True, owner="models")
            if model.repairable:
                wrong = Notice("model-wrong-repair", title, "warning", repair, sticky=True, owner="models")
            self._wrong[model.id] = wrong.id
            self._notices.post(wrong)

    def _withdraw_wrong(self, model_id: str) -> None:
        notice_id = self._wrong.pop(model_id, "")
        if notice_id:
            self._notices.withdraw(notice_id)

    def _look_after_wrong(self) -> None:
        """Say nothing more of a damaged model that was deleted."""
        here = {model.id for model in self._models.installed()}
        for model_id in self._wrong.keys() - here:
            self._withdraw_wrong(model_id)

    def _repair(self, model_id: str) -> None:
        """Repair a model that was found to be damaged."""
        model = next((model for model in self._models.installed() if model.id == model_id), None)
        if model is not None:
            self._models.repair(model)

    def _imported(self, title: str, imported: tuple[InstalledModel, bool]) -> None:
        model, was_here = imported
        self._models.offer_to_use(model, here_as=title if was_here else "")

    def _now_sees(self, model: InstalledModel) -> None:
        if self._preferences.value("model") == str(model.model):
            self._models.use(model)  # loads it again, with its projector
        self._notices.post(Notice("model-sees", {"title": model.title}, owner="models"))

    def _exported(self, folder: Path) -> None:
        self._notices.post(Notice("model-exported", {"folder": str(folder)}, sticky=True, owner="models"))

    def _moved(self, library: Library) -> None:
        self._notices.post(Notice("models-moved", {"folder": str(library.folder)}, owner="models"))


def _importing(library: Library, plan: ImportPlan, in_place: bool) -> Callable[[Report], InstalledModel]:
    return lambda report: import_model(library, plan, in_place, report)


def _noting(
    library: Library, importing: Callable[[Report], InstalledModel]
) -> Callable[[Report], tuple[InstalledModel, bool]]:
    """Return also whether the model that is imported was here before."""

    def work(report: Report) -> tuple[InstalledModel, bool]:
        before = {model.id for model in library.models()}
        model = importing(report)
        return model, model.id in before

    return work
