"""One queue of short messages to the person. It waits until a window listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import new_id
from desktop_app.errors import QT_TRANSLATE_NOOP, UserError
from desktop_app.errors import SENTENCES as ERROR_SENTENCES
from model_store.errors import SENTENCES as STORE_SENTENCES
from model_store.errors import StoreError

SENTENCES: dict[str, str] = {
    "conversation-deleted": QT_TRANSLATE_NOOP("notices", "“{title}” was deleted."),
    "untitled-deleted": QT_TRANSLATE_NOOP("notices", "The conversation was deleted."),
    "turns-dropped": QT_TRANSLATE_NOOP(
        "notices",
        "The conversation is longer than the model can see: it no longer sees the first {turns} questions.",
    ),
    "turns-and-pictures-dropped": QT_TRANSLATE_NOOP(
        "notices",
        "The conversation is longer than the model can see: it no longer sees the first {turns} questions "
        "and {pictures} of the pictures.",
    ),
    "parts-reduced": QT_TRANSLATE_NOOP(
        "notices",
        "The context has no room for all parts of the pictures: the model sees one in {parts} parts instead of "
        "{wished}. A longer context, in the settings, has more room.",
    ),
    "parts-reduced-to-one": QT_TRANSLATE_NOOP(
        "notices",
        "The context has no room for the {wished} parts of a picture: the model sees it as a whole only. "
        "A longer context, in the settings, has more room.",
    ),
    "context-reduced": QT_TRANSLATE_NOOP(
        "notices",
        "The model sees {n_ctx} tokens of a conversation instead of {wished}: that would need {needed} GiB of memory, "
        "and {available} GiB can be used. Close other programs, or choose a smaller model.",
    ),
    "load-waits": QT_TRANSLATE_NOOP("notices", "What you changed counts as soon as this answer has ended."),
    "demo-photo": QT_TRANSLATE_NOOP(
        "notices",
        "This looks like a photograph. The built-in model is a demonstration and knows only simple drawn pictures; "
        "a full LLaVA can talk about photographs.",
    ),
    "model-ready": QT_TRANSLATE_NOOP("notices", "{title} is ready on this computer."),
    "model-removed": QT_TRANSLATE_NOOP("notices", "{title} was deleted; that freed {size}."),
    "model-verified": QT_TRANSLATE_NOOP("notices", "{title} is complete and as it was published."),
    "model-wrong": QT_TRANSLATE_NOOP("notices", "{title} is damaged or incomplete. Remove it and fetch it again."),
    "model-wrong-repair": QT_TRANSLATE_NOOP(
        "notices", "{title} is damaged or incomplete. A repair fetches only what is wrong."
    ),
    "model-exported": QT_TRANSLATE_NOOP(
        "notices", "The model was copied to {folder}. On the other computer, drop that folder on Eyebright."
    ),
    "move-unfinished": QT_TRANSLATE_NOOP(
        "notices", "Moving the models to {folder} was cut short. Nothing is lost; it can go on where it was."
    ),
    "models-moved": QT_TRANSLATE_NOOP("notices", "The models are now in {folder}."),
    "last-layer-missing": QT_TRANSLATE_NOOP(
        "notices",
        "The model sees pictures less well than it was trained to, since no corrected copy of its projector could be "
        "written. Free some space on the disk, and start Eyebright again.",
    ),
    "class-token-unknown": QT_TRANSLATE_NOOP(
        "notices",
        "This version of llama.cpp could not be checked for a known fault, so the model may see pictures wrongly. "
        "Install Eyebright anew, with the llama.cpp that belongs to it.",
    ),
    "updates-asking": QT_TRANSLATE_NOOP("notices", "Asking {host} for the newest version…"),
    "updates-found": QT_TRANSLATE_NOOP("notices", "Eyebright {newest} is out. You have {version}."),
    "updates-none": QT_TRANSLATE_NOOP("notices", "Eyebright {version} is the newest version."),
    "updates-no-address": QT_TRANSLATE_NOOP(
        "notices", "This build does not know where its releases are; look for a newer one where you got it."
    ),
}

LABELS: dict[str, str] = {
    "restart-engine": QT_TRANSLATE_NOOP("notices", "Restart the engine"),
    "undo-delete": QT_TRANSLATE_NOOP("notices", "Undo"),
    "load-now": QT_TRANSLATE_NOOP("notices", "End the answer now"),
    "use-model": QT_TRANSLATE_NOOP("notices", "Use it now"),
    "repair-model": QT_TRANSLATE_NOOP("notices", "Repair"),
    "go-on-moving": QT_TRANSLATE_NOOP("notices", "Go on"),
    "open-models": QT_TRANSLATE_NOOP("notices", "Show models"),
    "choose-model": QT_TRANSLATE_NOOP("notices", "Choose a model…"),
    "open-releases": QT_TRANSLATE_NOOP("notices", "Open the release page"),
}


class NoticeAction(NamedTuple):
    """A button of a notice. `code` names what it does, `label_code` its text in `LABELS`."""

    code: str
    label_code: str


@dataclass(frozen=True)
class Notice:
    """One sentence above the composer."""

    text_code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["info", "warning", "error"] = "info"
    actions: tuple[NoticeAction, ...] = ()
    sticky: bool = False  # stays until it is closed or withdrawn
    id: str = field(default_factory=new_id)


def action(code: str) -> NoticeAction:
    """Return the action whose label stands under its own code."""
    return NoticeAction(code, code)


def template(notice: Notice) -> tuple[str, str]:
    """Return (translation context, English template) of a notice."""
    if notice.text_code in SENTENCES:
        return "notices", SENTENCES[notice.text_code]
    sentences = STORE_SENTENCES if notice.text_code in STORE_SENTENCES else ERROR_SENTENCES
    return "errors", sentences[notice.text_code]


class Notices(QObject):
    """Posts and withdraws notices.

    `posted(Notice)` when one is to be shown; `withdrawn(id)` when it is to go.
    """

    posted = Signal(object)
    withdrawn = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Notice] | None = []
        self._callbacks: dict[str, Callable[[], Any]] = {}

    def attach(self) -> None:
        """Say that a window listens now; what waited is posted."""
        waiting, self._waiting = self._waiting or [], None
        for notice in waiting:
            self.posted.emit(notice)

    def register(self, action_code: str, callback: Callable[[], Any]) -> None:
        """Name what an action does."""
        self._callbacks[action_code] = callback

    def post(self, notice: Notice) -> None:
        """Show a notice, now or as soon as a window listens."""
        if self._waiting is None:
            self.posted.emit(notice)
        else:
            self._waiting.append(notice)

    def error(self, error: UserError | StoreError, *actions: NoticeAction, sticky: bool = False) -> Notice:
        """Show an expected error and return its notice."""
        notice = Notice(error.code, error.parameters, "error", actions, sticky)
        self.post(notice)
        return notice

    def withdraw(self, notice_id: str) -> None:
        """Take a notice away."""
        if self._waiting is not None:
            self._waiting = [notice for notice in self._waiting if notice.id != notice_id]
        self.withdrawn.emit(notice_id)

    def act(self, notice_id: str, action_code: str) -> None:
        """Do what a button of a notice says, and take the notice away."""
        self.withdraw(notice_id)
        self._callbacks[action_code]()
