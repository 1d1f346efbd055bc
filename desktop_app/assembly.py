"""The composition root: builds the parts of the window program and joins them. Nothing else does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop_app import logs, paths
from desktop_app.chat.attachments import Attachments
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import EngineSettings, ModelInfo
from desktop_app.services.background import Background
from desktop_app.services.chat import Chat
from desktop_app.services.conversations import Conversations
from desktop_app.services.engine import Engine, Handler
from desktop_app.services.handover import Reception, hand_over
from desktop_app.services.notices import Notices
from desktop_app.services.pictures import Draft
from desktop_app.services.preferences import Preferences
from desktop_app.services.previews import Previews
from desktop_app.services.read_ahead import ReadingAhead
from desktop_app.services.storage import Storage
from desktop_app.settings import Settings


@dataclass
class Services:
    """All that the window may use, and the two threads behind it."""

    notices: Notices
    preferences: Preferences
    engine: Engine
    conversations: Conversations
    previews: Previews
    draft: Draft
    chat: Chat
    reading_ahead: ReadingAhead
    storage: Storage
    files: Background
    _model_name: str = ""
    _closed: bool = False

    def start(self) -> None:
        """Start the engine on the chosen model and read the list of conversations."""
        self.engine.model_changed.connect(self._model_changed)
        self.preferences.changed.connect(self._preference_changed)
        self.engine.start()
        self.load_model()
        self.draft.restore("")
        self.conversations.refresh()

    def load_model(self) -> None:
        """Load the model that the settings name, or the built-in one."""
        value = self.preferences.value
        model, mmproj = value("model"), value("mmproj")
        if not model:
            model, mmproj = (str(path) for path in paths.demo_model())
        self.engine.load(model, mmproj or None, EngineSettings(n_ctx=value("n_ctx"), threads=value("threads")))

    def examples(self) -> list[tuple[str, str]]:
        """Return the example pictures of the empty window: (file, question)."""
        folder = paths.resources_folder() / "examples"
        entries = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
        return [(str(folder / entry["file"]), entry["question"]) for entry in entries]

    def close(self) -> None:
        """Save what is under way and end everything that was started; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.chat.close()
        self.reading_ahead.close()
        self.draft.save()
        self.files.close()
        self.storage.close()
        self.engine.close()

    def _preference_changed(self, name: str) -> None:
        if name in ("model", "mmproj", "n_ctx", "threads"):
            self.load_model()

    def _model_changed(self, info: ModelInfo | None) -> None:
        if info is None:
            return
        if self._model_name and info.name != self._model_name:
            self.chat.note("model-changed", name=info.name)
        self._model_name = info.name


def build(make_client: Callable[[Handler], EngineClient] = EngineClient) -> Services:
    """Build the services; nothing is started but two idle threads."""
    settings, problem = Settings.load(paths.settings_file())
    notices = Notices()
    if problem is not None:
        notices.error(problem)
    preferences = Preferences(settings)
    attachments = Attachments(paths.attachments_folder())
    files = Background("files", notices)
    storage = Storage(paths.history_file(), attachments, Background("history", notices), notices)
    engine = Engine(notices, make_client)
    conversations = Conversations(storage, notices)
    previews = Previews(attachments, engine, files)
    draft = Draft(engine, attachments, previews, files, conversations, storage, notices)
    chat = Chat(conversations, draft, engine, storage, previews, preferences, notices)
    reading_ahead = ReadingAhead(engine, draft, chat, previews, preferences)
    return Services(
        notices,
        preferences,
        engine,
        conversations,
        previews,
        draft,
        chat,
        reading_ahead,
        storage,
        files,
    )


def run_window(pictures: Sequence[str] = ()) -> int:
    """Open the window with pictures attached, or hand them to the one that is open; returns the exit code."""
    if hand_over(paths.window_key_file(), pictures):
        return 0
    # Qt Widgets are imported here only: the command line lives without them.
    from desktop_app.ui.application import make_application
    from desktop_app.ui.window import MainWindow

    logs.start(paths.log_folder())
    application = make_application(sys.argv[:1])
    services = build()
    window = MainWindow(services)
    reception = Reception(paths.window_key_file())
    reception.arrived.connect(window.come_forward)
    reception.arrived.connect(services.draft.add_files)
    services.start()
    window.show()
    services.draft.add_files(list(pictures))
    try:
        return application.exec()
    finally:
        reception.close()
        services.close()
