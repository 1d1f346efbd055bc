"""What the window needs of the program: the services, wherever they were built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from desktop_app.services.chat import Chat
from desktop_app.services.conversations import Conversations
from desktop_app.services.engine import Engine
from desktop_app.services.exports import Exports
from desktop_app.services.looks import Looks
from desktop_app.services.notices import Notices
from desktop_app.services.pictures import Draft
from desktop_app.services.preferences import Preferences
from desktop_app.services.previews import Previews
from desktop_app.services.read_ahead import ReadingAhead
from desktop_app.services.tuner import Tuner

if TYPE_CHECKING:
    from desktop_app.services.model_tasks import ModelTasks
    from desktop_app.services.models import Models
    from desktop_app.services.updates import Updates


class Services(Protocol):
    """All services; the composition root's bundle is one of these."""

    notices: Notices
    preferences: Preferences
    engine: Engine
    conversations: Conversations
    previews: Previews
    draft: Draft
    chat: Chat
    exports: Exports
    reading_ahead: ReadingAhead
    looks: Looks
    tuner: Tuner

    @property
    def models(self) -> Models:
        """Return the model store, which is built when it is first asked for."""

    @property
    def model_tasks(self) -> ModelTasks:
        """Return what does long work on model files."""

    @property
    def updates(self) -> Updates:
        """Return what asks for a newer version; the same goes for it."""
