"""Fake services for the window: they answer from memory and record what the window asks for."""

from __future__ import annotations

import time

from desktop_app.chat.conversation import ConversationSummary, Picture, new_id
from desktop_app.services.conversation.queue.questions import QuestionQueue
from desktop_app.services.notices import Notices
from tests.helpers.fakes import Call
from tests.helpers.fakes.conversation import (
    FakeActivity,
    FakeAnswers,
    FakeBranches,
    FakeChat,
    FakeConversations,
    FakeExports,
    FakeQueueRunner,
    FakeReadingAhead,
    FakeRecovery,
)
from tests.helpers.fakes.draft import FakeDraft, FakeEditedPictures, FakePictureDetail, FakeUnsentEdits
from tests.helpers.fakes.engine import FakeEngine, FakeTuner
from tests.helpers.fakes.models import FakeModels, FakeModelTasks
from tests.helpers.fakes.pictures import FakePreviews, picture, png
from tests.helpers.fakes.program import FakePreferences, FakeUpdates


class FakeServices:
    """All of them; `calls` holds what they were asked for, in order, but for previews."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.notices = Notices()
        self.preferences = FakePreferences(self.calls)
        self.engine = FakeEngine(self.calls, self.notices)
        self.conversations = FakeConversations(self.calls, self.notices)
        self.previews = FakePreviews()
        self.draft = FakeDraft(self.calls)
        self.edited_pictures = FakeEditedPictures([])
        self.unsent_edits = FakeUnsentEdits()
        self.answers = FakeAnswers()
        self.chat = FakeChat(self.calls, self.answers, self.conversations.current_id)
        self.queue = QuestionQueue()
        self.queue_runner = FakeQueueRunner(self.calls)
        self.activity = FakeActivity(self.calls)
        self.exports = FakeExports(self.calls)
        self.branches = FakeBranches(self.calls)
        self.recovery = FakeRecovery(self.calls)
        self.reading_ahead = FakeReadingAhead()
        self.picture_detail = FakePictureDetail(self.calls)
        self.tuner = FakeTuner(self.calls)
        self.updates = FakeUpdates(self.calls)
        self.models = FakeModels(self.calls, self.preferences)
        self.model_tasks = FakeModelTasks(self.calls)

    def add_conversation(self, title: str, picture: Picture | None = None, days_ago: float = 0) -> str:
        """Put a row into the sidebar; returns its id."""
        row = ConversationSummary(new_id(), title, time.time() - days_ago * 86_400, picture.sha256 if picture else None)
        self.conversations.rows.append(row)
        self.conversations.listed.emit()
        return row.id


def stored(services: FakeServices, name: str, width: int, height: int, first: str, second: str) -> Picture:
    """Return a picture that the services know, drawn in two colours."""
    made = picture(name, width, height)
    services.previews.drawn[made.sha256] = png(width, height, first, second)
    return made
