"""One queue of short messages to the person. What is posted before there is a window is shown with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_app.chat.conversation import new_id
from desktop_app.errors import QT_TRANSLATE_NOOP, UserError
from desktop_app.errors import SENTENCES as ERROR_SENTENCES
from model_store.errors import SENTENCES as STORE_SENTENCES
from model_store.errors import StoreError

Owner = Literal["", "draft", "conversation", "models", "engine", "updates"]
"""What a notice is about, and leaves with: the question being written, the open conversation, the manager of models,
the engine or newer versions; "" the program as a whole."""

SENTENCES: dict[str, str] = {
    "conversation-deleted": QT_TRANSLATE_NOOP("notices", "“{title}” was deleted."),
    "pair-deleted": QT_TRANSLATE_NOOP("notices", "The question and its answer were deleted."),
    "question-deleted": QT_TRANSLATE_NOOP("notices", "The question was deleted."),
    "version-deleted": QT_TRANSLATE_NOOP("notices", "This version was deleted."),
    "untitled-deleted": QT_TRANSLATE_NOOP("notices", "The conversation was deleted."),
    "edit-discarded": QT_TRANSLATE_NOOP("notices", "Your changes were not sent."),
    "several-removed": QT_TRANSLATE_NOOP("notices", "{count} waiting questions were removed."),
    "queued-removed": QT_TRANSLATE_NOOP("notices", "The waiting question was removed."),
    "backup-restored": QT_TRANSLATE_NOOP("notices", "Messages that were brought back from the backup: {added}."),
    "backup-repaired": QT_TRANSLATE_NOOP(
        "notices",
        "Messages that were brought back from the backup: {added}. Damaged messages that were repaired with it: "
        "{repaired}.",
    ),
    "backup-damaged": QT_TRANSLATE_NOOP(
        "notices",
        "Messages that were brought back from the backup: {added}. Damaged messages that were repaired with it: "
        "{repaired}. The backup is damaged too: messages that it has otherwise and that were left as they are: {kept}.",
    ),
    "backup-has-nothing": QT_TRANSLATE_NOOP("notices", "Nothing is missing that this backup has."),
    "exported": QT_TRANSLATE_NOOP("notices", "The conversation was exported to {name}."),
    "original-saved": QT_TRANSLATE_NOOP("notices", "The picture was saved as {name}."),
    "turns-dropped": QT_TRANSLATE_NOOP(
        "notices",
        "The conversation has become too long for the model. Questions at its start that the model no longer "
        "sees: {turns}.",
    ),
    "turns-and-pictures-dropped": QT_TRANSLATE_NOOP(
        "notices",
        "The conversation has become too long for the model. Questions at its start that the model no longer "
        "sees: {turns}. Pictures that it no longer sees: {pictures}.",
    ),
    "parts-reduced": QT_TRANSLATE_NOOP(
        "notices",
        "The context is too small for all parts of the pictures. The model sees a picture in {parts} parts "
        "instead of {wished}. Choose a larger context in the settings.",
    ),
    "parts-reduced-to-one": QT_TRANSLATE_NOOP(
        "notices",
        "The context is too small for the {wished} parts of a picture. The model sees it only as a whole. "
        "Choose a larger context in the settings.",
    ),
    "picture-tokens-reduced": QT_TRANSLATE_NOOP(
        "notices",
        "The context is too small for so many tokens of a picture. The model sees it in {parts} instead of {wished}. "
        "Choose a larger context in the settings.",
    ),
    "context-reduced": QT_TRANSLATE_NOOP(
        "notices",
        "The context has {n_ctx} tokens instead of {wished}. With {wished} tokens the model would need "
        "{needed} GB of memory, and only {available} GB can be used. Close other programs, or choose a "
        "smaller model.",
    ),
    "thoughtless": QT_TRANSLATE_NOOP(
        "notices",
        "{name} answered without thinking first. With “Think first” it may think; whether it does, the model decides.",
    ),
    "load-waits": QT_TRANSLATE_NOOP("notices", "Your change takes effect when this answer is finished."),
    "files-refused": QT_TRANSLATE_NOOP("notices", "{failed} of {count} files could not be added."),
    "downloads-failed": QT_TRANSLATE_NOOP("notices", "{failed} downloads have failed."),
    "models-failed": QT_TRANSLATE_NOOP("notices", "Something went wrong with {failed} models."),
    "demo-photo": QT_TRANSLATE_NOOP(
        "notices",
        "{name} looks like a photograph. The built-in model understands only simple drawings.",
    ),
    "demo-photos": QT_TRANSLATE_NOOP(
        "notices",
        "{name} and {count} more look like photographs. The built-in model understands only simple drawings.",
    ),
    "model-ready": QT_TRANSLATE_NOOP("notices", "{title} is ready to use."),
    "model-here": QT_TRANSLATE_NOOP("notices", "{title} is here already."),
    "model-here-as": QT_TRANSLATE_NOOP("notices", "{name} is here already, as {title}."),
    "model-gone": QT_TRANSLATE_NOOP(
        "notices", "{title} was deleted outside of this window. The built-in model is used. Choose another model."
    ),
    "models-ready": QT_TRANSLATE_NOOP("notices", "These models are ready to use: {titles}."),
    "model-sees": QT_TRANSLATE_NOOP("notices", "{title} can see pictures now."),
    "model-removed": QT_TRANSLATE_NOOP("notices", "{title} was deleted. This freed {size} of disk space."),
    "model-verified": QT_TRANSLATE_NOOP("notices", "{title} is complete and undamaged."),
    "model-wrong": QT_TRANSLATE_NOOP("notices", "{title} is damaged or incomplete. Delete it and download it again."),
    "model-wrong-repair": QT_TRANSLATE_NOOP(
        "notices", "{title} is damaged or incomplete. A repair downloads only the damaged or missing parts."
    ),
    "model-exported": QT_TRANSLATE_NOOP(
        "notices", "The model was copied to {folder}. On the other computer, drop that folder onto Eyebright."
    ),
    "downloads-unfinished": QT_TRANSLATE_NOOP("notices", "Not yet downloaded completely: {titles}."),
    "move-unfinished": QT_TRANSLATE_NOOP(
        "notices", "Moving the models to {folder} was interrupted. Nothing is lost, and you can continue."
    ),
    "models-moved": QT_TRANSLATE_NOOP("notices", "The models are now in {folder}."),
    "projector-uncorrected": QT_TRANSLATE_NOOP(
        "notices",
        "The model sees pictures less well than it should, because a corrected copy of its projector could "
        "not be written. Free some disk space and start Eyebright again.",
    ),
    "class-token-unknown": QT_TRANSLATE_NOOP(
        "notices",
        "This version of llama.cpp could not be checked for a known fault, so the model may see pictures "
        "wrongly. Install Eyebright again, with the llama.cpp that belongs to it.",
    ),
    "updates-asking": QT_TRANSLATE_NOOP("notices", "Checking {host} for a newer version…"),
    "updates-found": QT_TRANSLATE_NOOP("notices", "Eyebright {newest} is available. You have {version}."),
    "updates-none": QT_TRANSLATE_NOOP("notices", "Eyebright {version} is the newest version."),
    "updates-no-address": QT_TRANSLATE_NOOP(
        "notices",
        "This copy of Eyebright does not know where its releases are published. Look for a newer one where you got it.",
    ),
}

LABELS: dict[str, str] = {
    "load-again": QT_TRANSLATE_NOOP("notices", "Try again"),
    "restart-engine": QT_TRANSLATE_NOOP("notices", "Restart the engine"),
    "undo-delete": QT_TRANSLATE_NOOP("notices", "Undo"),
    "undo-delete-message": QT_TRANSLATE_NOOP("notices", "Undo"),
    "undo-queued": QT_TRANSLATE_NOOP("notices", "Undo"),
    "undo-edit": QT_TRANSLATE_NOOP("notices", "Undo"),
    "cancel-question": QT_TRANSLATE_NOOP("notices", "Cancel"),
    "show-in-folder": QT_TRANSLATE_NOOP("notices", "Show in folder"),
    "remove-damaged": QT_TRANSLATE_NOOP("notices", "Delete the damaged file"),
    "open-recovery": QT_TRANSLATE_NOOP("notices", "Show backups…"),
    "load-now": QT_TRANSLATE_NOOP("notices", "Stop the answer now"),
    "use-model": QT_TRANSLATE_NOOP("notices", "Use it now"),
    "get-model": QT_TRANSLATE_NOOP("notices", "Talk about photos"),
    "repair-model": QT_TRANSLATE_NOOP("notices", "Repair"),
    "go-on-downloading": QT_TRANSLATE_NOOP("notices", "Continue downloading"),
    "go-on-moving": QT_TRANSLATE_NOOP("notices", "Continue"),
    "open-models": QT_TRANSLATE_NOOP("notices", "Show models"),
    "choose-model": QT_TRANSLATE_NOOP("notices", "Choose a model…"),
    "open-releases": QT_TRANSLATE_NOOP("notices", "Open the release page"),
    "add-projector": QT_TRANSLATE_NOOP("notices", "Add its projector…"),
    "use-text-only": QT_TRANSLATE_NOOP("notices", "Use it for text only"),
    "open-settings": QT_TRANSLATE_NOOP("notices", "Open the settings…"),
    "open-sources": QT_TRANSLATE_NOOP("notices", "Open the sources…"),
    "choose-picture": QT_TRANSLATE_NOOP("notices", "Choose a picture…"),
    "edit-question": QT_TRANSLATE_NOOP("notices", "Edit the question"),
    "ask-again": QT_TRANSLATE_NOOP("notices", "Ask again"),
    "look-closely": QT_TRANSLATE_NOOP("notices", "Look closely and answer again"),
}

_UNDOES = frozenset({"undo-delete", "undo-delete-message", "undo-queued", "undo-edit"})

#: Code of a sentence -> codes of the actions that it names: every one gets a button, wherever the sentence is shown.
REMEDIES: dict[str, tuple[str, ...]] = {
    "context-reduced": ("choose-model",),
    "parts-reduced": ("open-settings",),
    "parts-reduced-to-one": ("open-settings",),
    "picture-tokens-reduced": ("open-settings",),
    "demo-photo": ("get-model",),
    "demo-photos": ("get-model",),
    "load-waits": ("load-now",),
    "model-ready": ("use-model",),
    "model-here": ("use-model",),
    "model-here-as": ("use-model",),
    "model-gone": ("choose-model",),
    "models-ready": ("open-models",),
    "downloads-failed": ("open-models",),
    "model-wrong": ("open-models",),
    "model-wrong-repair": ("repair-model",),
    "downloads-unfinished": ("go-on-downloading",),
    "move-unfinished": ("go-on-moving",),
    "updates-found": ("open-releases",),
    # Errors of pictures
    "is-a-folder": ("choose-picture",),
    "file-empty": ("choose-picture",),
    "file-too-large": ("choose-picture",),
    "web-address": ("choose-picture",),
    # Errors of models
    "model-missing": ("load-again", "choose-model"),
    "model-away": ("load-again", "choose-model"),
    "not-gguf": ("choose-model",),
    "family-unknown": ("choose-model", "use-text-only"),
    "model-damaged": ("choose-model",),
    "model-unsupported": ("choose-model",),
    "model-ends-engine": ("choose-model",),
    "model-ends-engine-back": ("choose-model",),
    "model-ends-engine-built-in": ("choose-model",),
    "projector-damaged": ("choose-model", "use-text-only"),
    "projector-unsupported": ("choose-model", "use-text-only"),
    "projector-other-kind": ("add-projector", "use-text-only"),
    "projector-other-version": ("add-projector", "choose-model"),
    "projector-mismatch": ("add-projector", "choose-model"),
    "projector-needed": ("add-projector", "choose-model"),
    "swapped-files": ("choose-model",),
    "not-a-projector": ("add-projector", "choose-model"),
    "out-of-memory": ("load-again", "choose-model"),
    "does-not-fit": ("choose-model",),
    "does-not-fit-offer": ("choose-model",),
    "context-too-small": ("edit-question", "open-settings"),
    "engine-died": ("restart-engine",),
    "engine-silent": ("restart-engine",),
    "another-model": ("ask-again",),
    # Errors of the model store
    "endpoint-wrong": ("open-sources",),
    "proxy-wrong": ("open-sources",),
    "system-proxy-wrong": ("open-sources",),
    "proxy-refused": ("open-sources",),
    "repository-missing": ("open-sources", "open-models"),
    "gated": ("open-sources", "open-models"),
    "token-refused": ("open-sources", "open-models"),
    "remote-file-missing": ("open-models",),
    "checksum-unexpected": ("open-models",),
    "no-room": ("open-models",),
    "no-room-for-the-rest": ("open-models",),
    "folder-taken": ("open-models",),
    "no-room-to-copy": ("open-models",),
    "files-wrong": ("open-models",),
    "not-repairable": ("open-models",),
    "not-removed": ("choose-model",),
    "release-not-understood": ("open-releases",),
}


class NoticeAction(NamedTuple):
    """A button of a notice. `code` names what it does, `label_code` its text in `LABELS`."""

    code: str
    label_code: str
    argument: str = ""  # what it is done with, such as a file


class Part(NamedTuple):
    """One of several things that went wrong together: what it is called, and what happened to it."""

    name: str
    error: UserError | StoreError


@dataclass(frozen=True)
class Notice:
    """One sentence above the composer. Posting one with the id of another puts it in its place."""

    text_code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["info", "warning", "error"] = "info"
    actions: tuple[NoticeAction, ...] = ()
    sticky: bool = False  # shown until it is closed or withdrawn
    owner: Owner = ""
    parts: tuple[Part, ...] = ()  # what the sentence counts, to be listed
    id: str = field(default_factory=new_id)

    @property
    def buttons(self) -> tuple[NoticeAction, ...]:
        """Return its actions, or those that its sentence names."""
        return self.actions or remedies(self.text_code)

    @property
    def can_be_undone(self) -> bool:
        """Return whether one of its buttons takes back what was done."""
        return any(each.code in _UNDOES for each in self.buttons)

    @property
    def is_passing(self) -> bool:
        """Return whether it tells of something done, with nothing to decide: nobody misses it once more is told."""
        decides = any(each.code != "show-in-folder" for each in self.buttons)
        return self.kind == "info" and not self.sticky and not decides


def remedies(code: str) -> tuple[NoticeAction, ...]:
    """Return the actions that the sentence of this code names."""
    return tuple(action(each) for each in REMEDIES.get(code, ()))


def action(code: str, argument: str = "") -> NoticeAction:
    """Return the action whose label stands under its own code."""
    return NoticeAction(code, code, argument)


def template(notice: Notice) -> tuple[str, str]:
    """Return (translation context, English template) of a notice."""
    if notice.text_code in SENTENCES:
        return "notices", SENTENCES[notice.text_code]
    sentences = STORE_SENTENCES if notice.text_code in STORE_SENTENCES else ERROR_SENTENCES
    return "errors", sentences[notice.text_code]


class Notices(QObject):
    """Keeps the notices that are to be shown.

    `posted(Notice)` when one is to be shown; `withdrawn(id)` when it is to go, and before that
    `dismissed(id)` if the person has closed it.
    `relabelled()`: the words of an action are others now, or it can do nothing any more.
    `undo_changed()`: something can be undone now, or no longer. That outlives its notice, until `expire`.
    """

    posted = Signal(object)
    withdrawn = Signal(str)
    dismissed = Signal(str)
    relabelled = Signal()
    undo_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.has_window = False
        self._standing: list[Notice] = []
        self._changed: set[str] = set()  # ids of notices whose new words are still to be told
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._tell_changed)
        self._callbacks: dict[str, Callable[..., Any]] = {}
        self._labels: dict[str, Callable[[], str]] = {"get-model": str}  # str(): nothing, until it is registered
        self._details: dict[str, Callable[[], str]] = {}
        self._undoes: list[tuple[str, NoticeAction]] = []  # (id of its notice, what undoes it), the last at the end

    def start(self) -> None:
        """Emit notices from now on, first those that were posted before there was a window."""
        self.has_window = True
        for notice in self.standing():
            self.posted.emit(notice)

    def standing(self) -> list[Notice]:
        """Return the notices that were not withdrawn, the newest last."""
        return list(self._standing)

    def register(
        self,
        action_code: str,
        callback: Callable[..., Any],
        label: Callable[[], str] | None = None,
        details: Callable[[], str] | None = None,
    ) -> None:
        """Set what an action runs; it gets the action's argument, if it has one.

        `label` returns the words on its button where these change, "" while it can do nothing; `details` what is said
        below it, such as what it costs.
        """
        self._callbacks[action_code] = callback
        if label is not None:
            self._labels[action_code] = label
            self._details[action_code] = details or str
            self.relabelled.emit()

    def own_label(self, action_code: str) -> str | None:
        """Return the words of an action whose words change, "" while it can do nothing; None for all others."""
        label = self._labels.get(action_code)
        return label() if label is not None else None

    def details(self, action_code: str) -> str:
        """Return what is said below the button of an action, "" for most."""
        return self._details.get(action_code, str)()

    def post(self, notice: Notice) -> None:
        """Show a notice, now or as soon as there is a window. What only told of something done before it leaves.

        New words of one that is shown follow a moment later, however often they change until then.
        """
        is_known = any(known.id == notice.id for known in self._standing)
        self._standing = [known for known in self._standing if not _same(known, notice)]
        for known in self.standing():
            together = known.owner == notice.owner == "draft"  # such as of two pictures that were dropped at once
            if known.is_passing and not notice.sticky and not together:
                self.withdraw(known.id)
        self._standing.append(notice)
        self._undoes += [(notice.id, each) for each in notice.buttons if each.code in _UNDOES]
        self.undo_changed.emit()
        if self.has_window and is_known:
            self._changed.add(notice.id)
            self._soon.start()
        elif self.has_window:
            self.posted.emit(notice)

    def error(
        self, error: UserError | StoreError, *actions: NoticeAction, sticky: bool = False, owner: Owner = ""
    ) -> Notice:
        """Show an expected error and return its notice."""
        notice = Notice(error.code, error.parameters, "error", actions, sticky, owner)
        self.post(notice)
        return notice

    def withdraw(self, notice_id: str) -> None:
        """Remove a notice."""
        self._standing = [known for known in self._standing if known.id != notice_id]
        self.withdrawn.emit(notice_id)

    def is_standing(self, notice_id: str) -> bool:
        """Return whether a notice was not withdrawn yet."""
        return any(known.id == notice_id for known in self._standing)

    def expire(self, notice_id: str) -> None:
        """Remove a notice; what it tells of cannot be undone any more, or was."""
        self._undoes = [each for each in self._undoes if each[0] != notice_id]
        self.withdraw(notice_id)
        self.undo_changed.emit()

    def can_undo(self) -> bool:
        """Return whether something can be undone."""
        return bool(self._undoes)

    def undo(self) -> None:
        """Undo what was done last."""
        if self._undoes:
            notice_id, chosen = self._undoes[-1]
            self.expire(notice_id)
            self.run(chosen)

    def dismiss(self, notice_id: str) -> None:
        """Remove a notice because the person has closed it."""
        self.dismissed.emit(notice_id)
        self.withdraw(notice_id)

    def leave(self, *owners: Owner) -> None:
        """Remove what was said of these, because the person has gone on, but what stays until its cause is gone."""
        for notice in self.standing():
            if notice.owner in owners and not notice.sticky:
                self.expire(notice.id)

    def conversation_opened(self) -> None:
        """Remove what was said of the conversation that was open; an error of nothing else is one of it."""
        for notice in self.standing():
            if not notice.owner and not notice.sticky and notice.kind != "info":
                self.withdraw(notice.id)
        self.leave("draft", "conversation")

    def act(self, notice_id: str, action_code: str, argument: str = "") -> None:
        """Run the action of a notice's button, and remove the notice, unless its button says how that gets on."""
        if not self.details(action_code):
            self.withdraw(notice_id)
        self.run(NoticeAction(action_code, action_code, argument))

    def run(self, chosen: NoticeAction) -> None:
        """Run an action that is offered elsewhere than in a notice."""
        self._callbacks[chosen.code](*([chosen.argument] if chosen.argument else []))

    def _tell_changed(self) -> None:
        changed, self._changed = self._changed, set()
        for notice in self.standing():
            if notice.id in changed:
                self.posted.emit(notice)


def _same(one: Notice, other: Notice) -> bool:
    return one.id == other.id or (
        (one.text_code, one.parameters, one.owner) == (other.text_code, other.parameters, other.owner)
    )
