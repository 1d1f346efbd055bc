"""Creates all parts of the window program (engine, services, window) and connects them. No other module does."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from desktop_app import logs, paths
from desktop_app.chat.attachments import Attachments
from desktop_app.engine.client import EngineClient, clear_cache
from desktop_app.errors import UserError
from desktop_app.services.asking_again import AskingAgain
from desktop_app.services.background import Background
from desktop_app.services.chosen_model import ChosenModel
from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.branches import Branches
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.edited_question import EditedPictures, UnsentEdits
from desktop_app.services.conversation.exports import Exports
from desktop_app.services.conversation.picture_advice import PictureAdvice
from desktop_app.services.conversation.picture_check import PictureCheck
from desktop_app.services.conversation.picture_detail import PictureDetail
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.conversation.queue.activity import Activity
from desktop_app.services.conversation.queue.questions import QuestionQueue
from desktop_app.services.conversation.queue.runner import QueueRunner
from desktop_app.services.conversation.read_ahead import ReadingAhead
from desktop_app.services.conversation.recovery import Recovery
from desktop_app.services.engine import Engine, Handler
from desktop_app.services.history_thread import HistoryThread
from desktop_app.services.idle_unload import IdleUnload
from desktop_app.services.model_failures import ModelFailures
from desktop_app.services.notices import Notices
from desktop_app.services.preferences import Preferences
from desktop_app.services.single_instance import receive_or_hand_over
from desktop_app.services.tuner import Tuner, weight_measurement
from desktop_app.settings import Settings
from desktop_app.throttle import Throttle

if TYPE_CHECKING:
    from desktop_app.services.models.manager import Models
    from desktop_app.services.models.tasks import ModelTasks
    from desktop_app.services.updates import Updates

_AFTER_PAINT_MS = 250  # after the first paint: the window can react to input before slow imports begin
_LONGEST_PAUSE_S = 2.0  # work on model files is paused at most this long during an answer, so that it can be cancelled


@dataclass(eq=False, repr=False)
class Services:
    """All services that the window uses, and the background threads for files and history.

    The services for models are created when they are first used, after the window has appeared.
    """

    notices: Notices
    preferences: Preferences
    engine: Engine
    conversations: Conversations
    previews: Previews
    draft: Draft
    answers: Answers
    chat: Chat
    queue: QuestionQueue
    queue_runner: QueueRunner
    activity: Activity
    asking_again: AskingAgain
    exports: Exports
    recovery: Recovery
    branches: Branches
    edited_pictures: EditedPictures
    unsent_edits: UnsentEdits
    reading_ahead: ReadingAhead
    picture_detail: PictureDetail
    picture_advice: PictureAdvice
    chosen_model: ChosenModel
    idle_unload: IdleUnload
    history_thread: HistoryThread
    files: Background
    throttle: Throttle
    model_throttle: Throttle  # for work on model files, which are larger than dropped files
    tuner: Tuner
    _closed: bool = False

    @cached_property
    def models(self) -> Models:
        """Return the service for installed and downloadable models."""
        from desktop_app.services.models.manager import Models

        thread = Background("models", self.notices, owner="models")
        models = Models(self.preferences, self.notices, thread, self.model_throttle)
        models.used_now.connect(self.asking_again.with_model)
        self.tuner.weights_found.connect(models.use_weights)
        return models

    @cached_property
    def model_tasks(self) -> ModelTasks:
        """Return the service for long tasks on model files."""
        from desktop_app.services.models.tasks import ModelTasks

        files, hub = (Background(name, self.notices, owner="models") for name in ("model files", "hub"))
        return ModelTasks(self.models, self.preferences, self.notices, files, hub, self.model_throttle)

    @cached_property
    def updates(self) -> Updates:
        """Return the service that checks for a newer version, which it does only on request."""
        from desktop_app.services.updates import Updates

        return Updates(self.preferences, self.notices, Background("updates", self.notices))

    def start(self) -> None:
        """Load the chosen model, and read the lists of conversations and of installed models."""
        self.engine.start()
        self.chosen_model.load()
        self.draft.restore("")
        self.conversations.refresh()
        self.activity.restore()

        def look_for_models() -> None:
            self.model_tasks.begin()

        self.import_then("desktop_app.services.models.tasks", look_for_models)

    def add_pictures(self, paths: list[str]) -> None:
        """Add picture files that are opened with the program to a new question, unless the program is ending.

        They begin a conversation: nobody said that they belong to the one that is open.
        """
        if self._closed or not paths:
            return
        if self.conversations.current_id():
            self.conversations.new()
        self.draft.add_files(paths)

    def import_then(self, module: str, work: Callable[[], object]) -> None:
        """Import a slow module on a thread, a little later, and then do `work`, for which nobody waits."""

        def begin() -> None:
            if not self._closed:
                self.files.run(lambda: import_module(module), lambda _module: work())

        QTimer.singleShot(_AFTER_PAINT_MS, self.engine, begin)

    def save(self) -> None:
        """Have on the disk what the person wrote and what is being answered; everything goes on."""
        self.history_thread.wait()  # it may have given a question back to the draft, or read what was in it
        self.answers.save()
        self.draft.save_all()
        self.unsent_edits.save()
        self.history_thread.wait()

    def is_closed(self) -> bool:
        """Return whether `close` was called: nothing may be started any more."""
        return self._closed

    def close(self) -> None:
        """Save unsaved work and stop everything that was started; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.history_thread.begin_closing()
        self.tuner.close()
        self.queue_runner.close()
        self.chat.close()
        self.answers.close()
        self.chosen_model.close()
        self.throttle.set_answering(False)  # no answer is shown any more, so accepted work is done at full speed
        self.model_throttle.set_answering(False)
        self.history_thread.wait()  # it may have given a question back to the draft, or read what was in it
        self.draft.save_all()
        self.unsent_edits.save()
        self.exports.close()
        self.files.close()
        self.history_thread.wait()  # all is saved before the engine is waited for
        self.idle_unload.close()
        self.reading_ahead.close()
        self.engine.close()
        self.branches.close()
        self.history_thread.close()
        # Network services last: they cannot always stop at once, and nothing is lost if they are killed meanwhile.
        for name in ("model_tasks", "models", "updates"):
            if name in self.__dict__:
                getattr(self, name).close()


def build(make_client: Callable[[Handler], EngineClient] = EngineClient) -> Services:
    """Create the services; this starts only idle threads."""
    settings, problem = Settings.load(paths.settings_file())
    notices = Notices()
    if problem is not None:
        notices.error(problem)
    preferences = Preferences(settings)
    throttle, model_throttle = Throttle(), Throttle(longest=_LONGEST_PAUSE_S)
    attachments = Attachments(paths.attachments_folder(), paced=throttle.paced)
    files = Background("files", notices)
    forget = partial(clear_cache, paths.cache_folder())
    history_thread = HistoryThread(
        paths.history_file(),
        attachments,
        Background("history", notices),
        notices,
        forget,
    )
    engine = Engine(notices, make_client)
    engine.answering_changed.connect(throttle.set_answering)
    engine.answering_changed.connect(model_throttle.set_answering)
    conversations = Conversations(history_thread, notices)
    previews = Previews(attachments, engine, files, notices)
    check = PictureCheck(engine, attachments, previews, files)
    queue = QuestionQueue()
    draft = Draft(check, conversations, history_thread, notices, queue)
    picture_detail = PictureDetail(engine, draft, preferences)
    picture_advice = PictureAdvice(engine, draft, conversations, notices)
    answers = Answers(engine, history_thread, preferences, notices)
    chat = Chat(conversations, draft, answers, history_thread, previews, picture_detail, notices)
    writer = Background("exports", notices)
    queue_runner = QueueRunner(engine, queue, conversations, draft, answers, chat, history_thread, previews, notices)
    activity = Activity(answers, queue, conversations, history_thread)
    exports = Exports(attachments, chat, conversations, history_thread, writer, throttle, notices, preferences)
    edited_pictures = EditedPictures(check, notices)

    def in_hand() -> set[str]:
        return draft.in_hand() | edited_pictures.in_hand() | queue_runner.in_hand()

    recovery = Recovery(conversations, attachments, engine, history_thread, files, forget, in_hand, notices)
    branches = Branches(chat, conversations, attachments, engine, history_thread, files, forget, in_hand, notices)
    reading_ahead = ReadingAhead(engine, draft, chat, previews, preferences, picture_detail)
    chosen_model = ChosenModel(engine, preferences, notices)
    ModelFailures(engine, preferences, chosen_model, notices, parent=chosen_model)
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
        queue,
        queue_runner,
        activity,
        AskingAgain(engine, chat, conversations, notices),
        exports,
        recovery,
        branches,
        edited_pictures,
        UnsentEdits(conversations, history_thread, notices),
        reading_ahead,
        picture_detail,
        picture_advice,
        chosen_model,
        idle_unload,
        history_thread,
        files,
        throttle,
        model_throttle,
        Tuner(engine, make_weights=weight_measurement),
    )


def run_window(pictures: Sequence[str] = ()) -> int:
    """Open the window with pictures attached, or send them to an open window; returns the exit code."""
    # Qt Widgets are imported only here, because the command line does not need them.
    try:
        paths.make_folders()
        # First of all: a double click must open only one window.
        instance = receive_or_hand_over(paths.window_key_file(), pictures)
    except UserError as error:
        if sys.stderr is not None:  # None in a program without a console
            sys.stderr.write(f"{error}\n")
        from desktop_app.ui.application import show_startup_error

        show_startup_error(error)
        return 2
    if instance is None:
        return 0
    from desktop_app.ui.application import make_application
    from desktop_app.ui.ending import Ending
    from desktop_app.ui.window import MainWindow

    logs.start(paths.log_folder())
    application = make_application(sys.argv[:1])
    services = build()
    window = MainWindow(services)
    instance.arrived.connect(window.come_forward)
    instance.arrived.connect(services.add_pictures)
    application.opened.connect(window.come_forward)
    application.opened.connect(services.add_pictures)

    def begin() -> None:
        if services.is_closed():
            return  # the program was ended before its first paint
        gc.freeze()  # objects that exist now stay alive until the end
        gc.enable()
        services.start()
        services.add_pictures(list(pictures))
        application.listen()
        QTimer.singleShot(_AFTER_PAINT_MS, instance, instance.listen)
        services.import_then("desktop_app.ui.models.offer_card", window.offer_models)

    def save() -> None:
        window.remember()
        services.save()

    ending = Ending(application, save)
    application.aboutToQuit.connect(services.close)  # on some systems exec() does not return when a session ends
    # Only now, since the engine, the history and waiting later starts would delay the first paint.
    window.painted.connect(begin)
    window.show()
    try:
        return application.exec()
    finally:
        ending.release()
        instance.close()
        services.close()


def check_window() -> int:
    """Print the facts about Qt that the self-test needs, as JSON; returns the exit code."""
    import json

    from desktop_app.ui.self_check import check

    sys.stdout.write(json.dumps(check()) + "\n")
    return 0
