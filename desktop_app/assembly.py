"""Builds the parts of the window program (engine, services, window) and connects them. Nothing else does."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from desktop_app import logs, paths
from desktop_app.chat.attachments import Attachments
from desktop_app.engine.client import EngineClient
from desktop_app.errors import UserError
from desktop_app.services.background import Background
from desktop_app.services.chosen_model import ChosenModel
from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.exports import Exports
from desktop_app.services.conversation.picture_detail import PictureDetail
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.conversation.read_ahead import ReadingAhead
from desktop_app.services.engine import Engine, Handler
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.idle_unload import IdleUnload
from desktop_app.services.notices import Notices
from desktop_app.services.preferences import Preferences
from desktop_app.services.single_instance import receive_or_hand_over
from desktop_app.services.tuner import Tuner
from desktop_app.settings import Settings
from desktop_app.throttle import Throttle

if TYPE_CHECKING:
    from desktop_app.services.models.manager import Models
    from desktop_app.services.models.tasks import ModelTasks
    from desktop_app.services.updates import Updates

_SETTLED_MS = 250  # after the window has come, until it has answered the first touch and the engine loads
_LONGEST_TURN_S = 2.0  # after which work on a model file goes on beside an answer: it may have to hear that it ends


@dataclass(eq=False, repr=False)
class Services:
    """All that the window may use, and the two threads behind it.

    The model store is built when it is first asked for: after the window is there.
    """

    notices: Notices
    preferences: Preferences
    engine: Engine
    conversations: Conversations
    previews: Previews
    draft: Draft
    answers: Answers
    chat: Chat
    exports: Exports
    reading_ahead: ReadingAhead
    picture_detail: PictureDetail
    chosen_model: ChosenModel
    idle_unload: IdleUnload
    history_thread: HistoryThread
    files: Background
    throttle: Throttle
    model_throttle: Throttle  # of work on model files, which are larger than what people drop
    tuner: Tuner
    _closed: bool = False

    @cached_property
    def models(self) -> Models:
        """Return the models of this computer and those that can be fetched."""
        from desktop_app.services.models.manager import Models

        return Models(self.preferences, self.notices, Background("models", self.notices), self.model_throttle)

    @cached_property
    def model_tasks(self) -> ModelTasks:
        """Return what does long work on model files."""
        from desktop_app.services.models.tasks import ModelTasks

        files, hub = Background("model files", self.notices), Background("hub", self.notices)
        return ModelTasks(self.models, self.preferences, self.notices, files, hub, self.model_throttle)

    @cached_property
    def updates(self) -> Updates:
        """Return what asks for a newer version, which it does when it is told to."""
        from desktop_app.services.updates import Updates

        return Updates(self.preferences, self.notices, Background("updates", self.notices))

    def start(self) -> None:
        """Start the engine on the chosen model, read the list of conversations, and look which models there are."""
        self.engine.start()
        self.chosen_model.load()
        self.draft.restore("")
        self.conversations.refresh()

        def look_for_models() -> None:
            self.model_tasks.begin()

        self.import_then("desktop_app.services.models.tasks", look_for_models)

    def import_then(self, module: str, work: Callable[[], object]) -> None:
        """Do what nobody waits for and needs a module that takes long to import: a little later, and on a thread."""

        def begin() -> None:
            if not self._closed:
                self.files.run(lambda: import_module(module), lambda _module: work())

        QTimer.singleShot(_SETTLED_MS, self.engine, begin)

    def close(self) -> None:
        """Save what is under way and end everything that was started; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.tuner.close()
        self.answers.close()
        self.chosen_model.close()
        self.idle_unload.close()
        self.reading_ahead.close()
        self.draft.save()
        self.throttle.set_answering(False)  # nobody reads on: what was accepted is done at once
        self.model_throttle.set_answering(False)
        self.files.close()
        self.history_thread.close()
        self.engine.close()
        # What asks a server last: it cannot always be cut short, and nothing may be lost when it is killed meanwhile.
        for name in ("model_tasks", "models", "updates"):
            if name in self.__dict__:
                getattr(self, name).close()


def build(make_client: Callable[[Handler], EngineClient] = EngineClient) -> Services:
    """Build the services; nothing is started but two idle threads."""
    settings, problem = Settings.load(paths.settings_file())
    notices = Notices()
    if problem is not None:
        notices.error(problem)
    preferences = Preferences(settings)
    throttle, model_throttle = Throttle(), Throttle(longest=_LONGEST_TURN_S)
    attachments = Attachments(paths.attachments_folder(), paced=throttle.paced)
    files = Background("files", notices)
    history_thread = HistoryThread(paths.history_file(), attachments, Background("history", notices), notices)
    engine = Engine(notices, make_client)
    engine.answering_changed.connect(throttle.set_answering)
    engine.answering_changed.connect(model_throttle.set_answering)
    conversations = Conversations(history_thread, notices)
    previews = Previews(attachments, engine, files)
    draft = Draft(engine, attachments, previews, files, conversations, history_thread, notices)
    picture_detail = PictureDetail(engine, draft, preferences)
    answers = Answers(engine, history_thread, preferences, notices)
    chat = Chat(conversations, draft, answers, history_thread, previews, picture_detail, notices)
    exports = Exports(attachments, chat, conversations, history_thread, files, throttle)
    reading_ahead = ReadingAhead(engine, draft, chat, previews, preferences, picture_detail)
    chosen_model = ChosenModel(engine, preferences, chat, notices)
    idle_unload = IdleUnload(engine, preferences, chat, draft, conversations)
    return Services(
        notices,
        preferences,
        engine,
        conversations,
        previews,
        draft,
        answers,
        chat,
        exports,
        reading_ahead,
        picture_detail,
        chosen_model,
        idle_unload,
        history_thread,
        files,
        throttle,
        model_throttle,
        Tuner(engine),
    )


def run_window(pictures: Sequence[str] = ()) -> int:
    """Open the window with pictures attached, or hand them to the one that is open; returns the exit code."""
    # Qt Widgets are imported here only: the command line lives without them.
    try:
        paths.make_folders()
        # At once: a double click wants one window.
        reception = receive_or_hand_over(paths.window_key_file(), pictures)
    except UserError as error:
        if sys.stderr is not None:  # None in a program without a console
            sys.stderr.write(f"{error}\n")
        from desktop_app.ui.application import show_startup_error

        show_startup_error(error)
        return 2
    if reception is None:
        return 0
    from desktop_app.ui.application import make_application
    from desktop_app.ui.window import MainWindow

    logs.start(paths.log_folder())
    application = make_application(sys.argv[:1])
    services = build()
    window = MainWindow(services)
    reception.arrived.connect(window.come_forward)
    reception.arrived.connect(services.draft.add_files)
    application.opened.connect(window.come_forward)
    application.opened.connect(services.draft.add_files)

    def begin() -> None:
        gc.freeze()  # what is there now stays
        gc.enable()
        services.start()
        services.draft.add_files(list(pictures))
        application.listen()
        QTimer.singleShot(_SETTLED_MS, reception, reception.listen)
        services.import_then("desktop_app.ui.models.offer_card", window.offer_models)

    # The engine, the history and those who wait to hand over compete with a window that is not there yet.
    window.painted.connect(begin)
    window.show()
    try:
        return application.exec()
    finally:
        reception.close()
        services.close()


def check_window() -> int:
    """Print as JSON what the self-test wants to know of Qt; returns the exit code."""
    import json

    from desktop_app.ui.self_check import check

    sys.stdout.write(json.dumps(check()) + "\n")
    return 0
