"""What the window needs of the program: the services, wherever they were built."""

from __future__ import annotations

from typing import Protocol

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

    def examples(self) -> list[tuple[str, str]]:
        """Return the example pictures of the empty window: (file, question)."""
