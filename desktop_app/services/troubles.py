"""Errors that belong together, such as those of one drop: one notice, however many they are."""

from __future__ import annotations

from dataclasses import replace

from desktop_app.chat.conversation import new_id
from desktop_app.errors import UserError
from desktop_app.services.notices import Notice, NoticeAction, Notices, Owner, Part
from model_store.errors import StoreError


class Troubles:
    """The errors of one kind. One is told by its own sentence, several are counted and listed."""

    def __init__(
        self, notices: Notices, owner: Owner, several: str, *, sticky: bool = False, **parameters: int | str
    ) -> None:
        """`several`: code of the sentence that counts them, as {failed}; it also gets the `parameters`."""
        self._notices = notices
        self._owner = owner
        self._several = several
        self._sticky = sticky
        self._parameters = parameters
        self._id = ""  # of the notice, "" while nothing was told
        self._told: dict[str, tuple[Part, tuple[NoticeAction, ...]]] = {}

    def put(
        self, key: str, name: str, error: UserError | StoreError, *actions: NoticeAction, seen: bool = True
    ) -> None:
        """Add what happened to `key`, which is called `name`. `seen`: tell it now, not at the next `show`."""
        self._forget_closed()
        self._told[key] = (Part(name, error), actions)
        if seen:
            self.show()

    def drop(self, key: str) -> None:
        """Take back what was told of `key`: it is tried again, or is gone."""
        self._forget_closed()
        if self._told.pop(key, None) is None:
            return
        if self._told:
            self.show()
        else:
            self._notices.withdraw(self._id)

    def clear(self) -> None:
        """Take back everything."""
        if self._told:
            self._told.clear()
            self._notices.withdraw(self._id)

    def show(self) -> None:
        """Post the notice about what is still to be told, or its new words."""
        if not self._told:
            return
        self._id = self._id or new_id()
        if len(self._told) == 1:
            [(part, actions)] = self._told.values()
            notice = Notice(part.error.code, part.error.parameters, "error", actions)
        else:
            what = self._parameters | {"failed": len(self._told)}
            parts = tuple(part for part, _actions in self._told.values())
            notice = Notice(self._several, what, "error", parts=parts)
        self._notices.post(replace(notice, sticky=self._sticky, owner=self._owner, id=self._id))

    def _forget_closed(self) -> None:
        """What was closed, or has left, is not told again with what follows."""
        if self._id and all(notice.id != self._id for notice in self._notices.standing()):
            self._told.clear()
            self._id = ""
