"""The services that the window uses, as a protocol: the window does not know who builds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # only for annotations, so the window does not wait for them
    from desktop_app.services.notices import Notices
    from desktop_app.ui.protocols.conversation import (
        Activity,
        Answers,
        Branches,
        Chat,
        Conversations,
        Draft,
        EditedPictures,
        Exports,
        PictureDetail,
        Previews,
        QuestionQueue,
        QueueRunner,
        ReadingAhead,
        Recovery,
        UnsentEdits,
    )
    from desktop_app.ui.protocols.engine import Engine, Tuner
    from desktop_app.ui.protocols.models import Models, ModelTasks
    from desktop_app.ui.protocols.program import Preferences, Updates


class Services(Protocol):
    """All services that the window uses.

    `notices` is the real class: it depends on no other service, so tests use it too.
    """

    @property
    def notices(self) -> Notices: ...
    @property
    def preferences(self) -> Preferences: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def previews(self) -> Previews: ...
    @property
    def draft(self) -> Draft: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def chat(self) -> Chat: ...
    @property
    def queue(self) -> QuestionQueue: ...
    @property
    def queue_runner(self) -> QueueRunner: ...
    @property
    def activity(self) -> Activity: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def edited_pictures(self) -> EditedPictures: ...
    @property
    def unsent_edits(self) -> UnsentEdits: ...
    @property
    def branches(self) -> Branches: ...
    @property
    def recovery(self) -> Recovery: ...
    @property
    def reading_ahead(self) -> ReadingAhead: ...
    @property
    def picture_detail(self) -> PictureDetail: ...
    @property
    def tuner(self) -> Tuner: ...
    @property
    def models(self) -> Models: ...
    @property
    def model_tasks(self) -> ModelTasks: ...
    @property
    def updates(self) -> Updates: ...
