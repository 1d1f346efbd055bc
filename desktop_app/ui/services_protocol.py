"""The services that the window uses, as a protocol: the window does not know who builds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from desktop_app.services.conversation.answers import Answers
from desktop_app.services.conversation.chat import Chat
from desktop_app.services.conversation.conversation_list import Conversations
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.conversation.exports import Exports
from desktop_app.services.conversation.picture_detail import PictureDetail
from desktop_app.services.conversation.previews import Previews
from desktop_app.services.conversation.read_ahead import ReadingAhead
from desktop_app.services.engine import Engine
from desktop_app.services.notices import Notices
from desktop_app.services.preferences import Preferences
from desktop_app.services.tuner import Tuner

if TYPE_CHECKING:
    from desktop_app.services.models.manager import Models
    from desktop_app.services.models.tasks import ModelTasks
    from desktop_app.services.updates import Updates


class Services(Protocol):
    """All services; the composition root's bundle is one of these."""

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
