"""Says which models have become ready to use: one notice, however many they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from desktop_app.chat.conversation import new_id
from desktop_app.services.notices import Notice, Notices, action


class ReadyModels:
    """The models that were not used yet since they were told of. The notice of a single one has a button to use it."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._id = new_id()  # of the notice
        self._told: dict[str, Notice] = {}  # by the model's id

    def add(self, model_id: str, code: str, parameters: Mapping[str, str]) -> None:
        """Tell of a model. `parameters` of the sentence `code` hold its `title`."""
        if all(notice.id != self._id for notice in self._notices.standing()):
            self._told.clear()  # it was closed, and is not told again
        self._told[model_id] = Notice(code, parameters, actions=(action("use-model", model_id),))
        self._show()

    def used(self, model_id: str) -> None:
        """Speak of none of them any more when one is used: another would seem to be the one that was chosen."""
        if model_id in self._told:
            self._told.clear()
            self._notices.withdraw(self._id)

    def drop(self, model_id: str) -> None:
        """Speak no more of a model that is gone."""
        if self._told.pop(model_id, None) is None:
            return
        if self._told:
            self._show()
        else:
            self._notices.withdraw(self._id)

    def _show(self) -> None:
        notice = next(iter(self._told.values()))
        if len(self._told) > 1:
            titles = ", ".join(str(each.parameters["title"]) for each in self._told.values())
            notice = Notice("models-ready", {"titles": titles})
        self._notices.post(replace(notice, sticky=True, owner="models", id=self._id))
