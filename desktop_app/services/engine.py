"""The engine process as the window sees it: a state, a model, and events by request."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot

from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import (
    FINAL_EVENTS,
    AnswersAgain,
    Ask,
    BugReported,
    Command,
    Died,
    EngineSettings,
    Event,
    Failed,
    Finished,
    Forget,
    Inspect,
    Judged,
    Load,
    LoadPlan,
    ModelInfo,
    PictureRef,
    Ready,
    Silent,
    Stop,
    ThroughputMeasured,
    Tuning,
    gb_down,
    gb_up,
)
from desktop_app.errors import UserError
from desktop_app.paths import demo_model
from desktop_app.proc_files import PROC, read_sizes
from desktop_app.services.engine_deaths import EngineDeaths
from desktop_app.services.notices import Notice, Notices, action, remedies

State = Literal["starting", "loading", "ready", "unloaded", "failed", "silent", "dead"]
Handler = Callable[[Event], None]

_DEATHS = 3  # that a report tells of

_log = logging.getLogger(__name__)


class EngineBugError(Exception):
    """The engine process reported a bug; the message is its traceback."""


class Engine(QObject):
    """Starts, loads, restarts and watches the engine process. After a first death it restarts it by itself.

    `state_changed(str)`: one of `State`. `model_changed(ModelInfo | None)`: after a load, or a loss.
    `answering_changed(bool)`: whether a question is under way. `sent()`: a command is about to be sent.
    `throughput_measured(ThroughputMeasured)`: how fast the engine is. `judged(Judged)`: what is known of an answer now.
    `answered()`: the first answer since the model was loaded is there. `died_untried()`: the process died before that;
    whoever loads another model meanwhile spares the person the notice about it.
    """

    state_changed = Signal(str)
    model_changed = Signal(object)
    answering_changed = Signal(bool)
    throughput_measured = Signal(object)
    judged = Signal(object)
    sent = Signal()
    answered = Signal()
    died_untried = Signal()
    _event_arrived = Signal(object)

    def __init__(
        self,
        notices: Notices,
        make_client: Callable[[Handler], EngineClient] = EngineClient,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._notices = notices
        self._state: State = "starting"
        self._info: ModelInfo | None = None
        self._wanted: tuple[str, str | None, EngineSettings] | None = None
        self._handlers: dict[int, Handler] = {}
        self._commands: dict[int, Command] = {}  # of the same requests
        self._restarts = EngineDeaths()
        self._inspections: dict[int, Handler] = {}
        self._questions: set[int] = set()  # questions under way
        self._problem: UserError | None = None  # why it could not be loaded
        self._loading = 0  # the request of the newest load
        self._statuses: list[Notice] = []  # why the engine has failed or died, and what its model lacks
        self._silence: Notice | None = None  # says that the engine does not answer
        self._before_silence: State = "starting"
        self._deaths: deque[Died] = deque(maxlen=_DEATHS)
        self._has_answered = False  # since the model was loaded
        self._closing = False
        # The client calls from its own thread; the queued signal brings the event here.
        self._event_arrived.connect(self._handle, Qt.ConnectionType.QueuedConnection)
        self._client = make_client(self._event_arrived.emit)
        notices.register("load-again", self.load_again)

    def start(self) -> None:
        """Start the process; returns at once."""
        self._client.start(wait=False)

    def close(self) -> None:
        """End the process."""
        self._closing = True
        self._inspections.clear()
        self._handlers.clear()
        self._commands.clear()
        self._client.close()

    def state(self) -> State:
        """Return what the engine is doing as a whole."""
        return self._state

    def info(self) -> ModelInfo | None:
        """Return what is loaded, or None."""
        return self._info

    def problem(self) -> UserError | None:
        """Return why the model could not be loaded, None where it could or a bug was the reason."""
        return self._problem

    def wanted_name(self) -> str:
        """Return what people call the model that is to be loaded, "" of the built-in one."""
        if self._wanted is None or Path(self._wanted[0]) == demo_model()[0]:
            return ""
        from model_store.titles import known_title  # the window does not wait for what reads manifests

        return known_title(Path(self._wanted[0]))

    def deaths(self) -> tuple[Died, ...]:
        """Return how the process ended when it was not to, the last few times since the program was started."""
        return tuple(self._deaths)

    def is_answering(self) -> bool:
        """Return whether a question is under way, in whatever conversation."""
        return bool(self._questions)

    def is_idle(self) -> bool:
        """Return whether it has nothing to do."""
        return not self._handlers

    def wanted(self) -> tuple[str, str | None, EngineSettings] | None:
        """Return what it was last told to load: model, projector, settings."""
        return self._wanted

    def use_tuning(self, tuning: Tuning) -> None:
        """Load the model again with settings that were measured, unless it is loaded with them already."""
        info = self._info
        if info is None or info.plan is None or self._wanted is None:
            return
        plan, threads = info.plan, self._wanted[2].threads  # the person's own number, 0: none
        differs = (
            (info.reading_threads, info.threads)
            != (threads or tuning.reading_threads, threads or tuning.writing_threads),
            plan.n_ubatch != tuning.n_ubatch,
            plan.repacked != tuning.repacked,
            plan.flash_wanted != tuning.flash_attention,
        )
        if any(differs):
            self._load()

    def pid(self) -> int | None:
        """Return the engine's process id while it lives."""
        return self._client.pid

    def load(self, model: str, mmproj: str | None, settings: EngineSettings) -> None:
        """Load a model in place of the one there is."""
        self._wanted = (model, mmproj, settings)
        if self._state in ("dead", "silent"):
            self.restart()
        elif self._state == "unloaded":
            self.reload()
        else:
            self._load()

    def restart(self) -> None:
        """Bring back an engine that is dead or does not answer, with its model; another one is left alone."""
        lost: list[Handler] = []
        if self._state == "silent":
            self._client.close_soon(0)
            lost = self._let_go()
        if self._state == "dead":
            self._client.start(wait=False)
            self._load()
        for handler in lost:
            handler(Died(None))

    def load_again(self) -> None:
        """Load the model that could not be loaded, or that was lost with the engine; else do nothing."""
        if self._state == "failed":
            self._load()
        else:
            self.restart()

    def unload(self) -> None:
        """End the process to free its memory; the next command starts it again.

        Does nothing unless the model is loaded and no request is under way.
        """
        if self._state != "ready" or self._handlers:
            return
        self._set_state("unloaded")
        self._set_model(None)
        self._client.close_soon()  # it may still write its caches

    def reload(self) -> None:
        """Load the model again after `unload`."""
        if self._state == "unloaded":
            self._client.start(wait=False)
            self._load()

    def send(self, make: Callable[[int], Command], handler: Handler) -> int:
        """Send `make(request)`; `handler` gets every event of the request until its last.

        The last is `Died` when the process is gone, at once if it is gone already. A question first brings back a
        model that is not loaded, for whatever reason. Returns the request.
        """
        self.reload()
        request = self._client.next_request()
        command = make(request)
        if isinstance(command, Ask) and self._state in ("failed", "dead"):
            self.load_again()
        if self._state == "dead":
            handler(Died(None))
            return request
        self._handlers[request] = handler
        self._commands[request] = command
        self.sent.emit()
        if isinstance(command, Ask):
            self._questions.add(request)
            self.answering_changed.emit(True)
        self._client.send(command)
        return request

    def inspect(self, picture: PictureRef, handler: Handler) -> None:
        """Have a picture inspected, whatever the engine does; `handler` gets one event, not `Died`."""
        request = self._client.next_request()
        self._inspections[request] = handler
        self.sent.emit()
        self._client.send(Inspect(request, picture))

    def stop(self, request: int) -> None:
        """Stop a request; its last event still comes."""
        if request in self._handlers:
            self._client.send(Stop(request))

    def forget(self, then: Callable[[], object]) -> None:
        """Have the process drop from memory what it has read and seen; `then()` when it has, or when there is none."""
        if self._state in ("unloaded", "dead"):
            then()
        else:
            self.send(Forget, lambda _: _do(then))

    def memory_bytes(self) -> int:
        """Return the resident memory of the engine process in bytes, 0 where the system does not tell."""
        pid = self._client.pid
        return 0 if pid is None else read_sizes(PROC / f"{pid}/status").get("VmRSS", 0)

    def _load(self) -> None:
        if self._wanted is None:
            return
        model, mmproj, settings = self._wanted
        self._withdraw_statuses()
        self._problem = None
        self._has_answered = False
        self._set_model(None)
        self._set_state("loading")
        self._loading = self.send(lambda request: Load(request, model, mmproj, settings), self._loaded)

    def _loaded(self, event: Event) -> None:
        if isinstance(event, (Ready, Failed, BugReported)) and event.request != self._loading:
            return  # another model was chosen meanwhile
        if isinstance(event, Ready):
            self._set_model(event.info)
            self._set_state("ready")
            for text in event.info.warnings:
                _log.info("llama.cpp warned of %s: %s", event.info.name, text)
            if event.info.last_layer == "missing" or event.info.activation == "unstated":
                self._post_status(Notice("projector-uncorrected", kind="warning", sticky=True, owner="engine"))
            if event.info.class_token == "unknown":
                self._post_status(Notice("class-token-unknown", kind="warning", sticky=True, owner="engine"))
            if event.info.plan is not None and event.info.plan.reduced:
                self._post_status(_context_reduced(event.info.plan))
        elif isinstance(event, Failed):
            error = self._problem = UserError(event.code, **event.parameters)
            self._set_state("failed")
            actions = remedies(error.code) or (action("load-again"), action("choose-model"))
            self._statuses.append(self._notices.error(error, *actions, sticky=True, owner="engine"))
        elif isinstance(event, BugReported):
            self._set_state("failed")

    def _set_state(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def _set_model(self, info: ModelInfo | None) -> None:
        if info != self._info:
            self._info = info
            self.model_changed.emit(info)

    @Slot(object)
    def _handle(self, event: Event) -> None:
        if self._closing:
            return
        if isinstance(event, Died):
            if not self._client.is_alive:  # else it was the one before, which was replaced meanwhile
                self._died(event)
            return
        if isinstance(event, Silent):
            self._before_silence = self._state
            self._set_state("silent")
            self._silence = self._notices.error(UserError("engine-silent"), sticky=True, owner="engine")
            return
        if isinstance(event, AnswersAgain):
            if self._state == "silent":
                self._withdraw_silence()
                self._set_state(self._before_silence)
            return
        if isinstance(event, ThroughputMeasured):
            self.throughput_measured.emit(event)
            return
        if isinstance(event, Judged):
            self.judged.emit(event)
            return
        handler = self._inspections.pop(event.request, None) or self._handlers.get(event.request)
        if isinstance(event, FINAL_EVENTS):
            self._handlers.pop(event.request, None)
            self._commands.pop(event.request, None)
        if isinstance(event, Finished) and event.stats.answer_tokens:
            self._restarts.answered()
            if not self._has_answered:
                self._has_answered = True
                self.answered.emit()
        try:
            if handler is not None:
                handler(event)
        finally:
            if isinstance(event, FINAL_EVENTS):
                self._ended(event.request)  # last: whoever waits for this may load another model at once
        if isinstance(event, BugReported):
            raise EngineBugError(event.report)

    def _ended(self, *requests: int) -> None:
        if not self._questions.isdisjoint(requests):
            self._questions.difference_update(requests)
            self.answering_changed.emit(bool(self._questions))

    def _died(self, event: Died) -> None:
        self._deaths.append(event)
        untried = not self._has_answered and event.exit_code is not None
        may_restart = self._restarts.may_restart(self._commands.values())
        self._withdraw_statuses()
        handlers = self._let_go()
        if untried:
            self.died_untried.emit()
        if self._state == "dead" and may_restart:
            self.restart()
        for handler in handlers:  # now, since some go on with their next request
            handler(event)
        if self._state == "dead":
            self._statuses.append(self._notices.error(UserError("engine-died"), sticky=True, owner="engine"))

    def _let_go(self) -> list[Handler]:
        """Note that the process is gone; return whom to tell that their requests went with it."""
        self._set_state("dead")
        self._set_model(None)
        handlers, self._handlers = self._handlers, {}
        self._commands.clear()
        self._ended(*self._questions)
        return list(handlers.values())

    def _post_status(self, notice: Notice) -> None:
        self._statuses.append(notice)
        self._notices.post(notice)

    def _withdraw_statuses(self) -> None:
        self._withdraw_silence()
        statuses, self._statuses = self._statuses, []
        for notice in statuses:
            self._notices.withdraw(notice.id)

    def _withdraw_silence(self) -> None:
        if self._silence is not None:
            self._notices.withdraw(self._silence.id)
            self._silence = None


def _do(work: Callable[[], object]) -> None:
    work()


def _context_reduced(plan: LoadPlan) -> Notice:
    parameters = {
        "n_ctx": plan.n_ctx,
        "wished": plan.requested_n_ctx,
        "needed": gb_up(plan.needed_as_requested),
        "available": gb_down(min(plan.usable, plan.free)),
    }
    return Notice("context-reduced", parameters, "warning", sticky=True, owner="engine")
