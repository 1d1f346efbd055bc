"""The tree of a conversation: which messages follow which, and which branch was used last."""

from __future__ import annotations

from collections.abc import Collection, Iterable


class Tree:
    """Message ids of one conversation. Several first messages are siblings, too."""

    def __init__(self, messages: Iterable[tuple[str, str | None, int]]) -> None:
        """Take (id, parent's id, used) of all messages, parents before their children.

        The larger `used`, the later the message was the leaf.
        """
        self._parent: dict[str, str | None] = {}
        self._children: dict[str | None, list[str]] = {}
        self._index: dict[str, int] = {}
        self._last_use: dict[str | None, int] = {}  # of the message or anything below it
        used_last = 0
        self.leaf: str | None = None
        for message, its_parent, used in messages:
            # None also where the parent was lost: what is left is shown.
            parent = its_parent if its_parent in self._parent else None
            siblings = self._children.setdefault(parent, [])
            self._index[message] = len(siblings)
            siblings.append(message)
            self._parent[message] = parent
            self._last_use[message] = used
            if used > used_last:
                used_last, self.leaf = used, message
        for message, parent in reversed(self._parent.items()):
            self._last_use[parent] = max(self._last_use.get(parent, 0), self._last_use[message])

    def __contains__(self, message: object) -> bool:
        return message in self._index

    def path_to(self, message: str | None) -> list[str]:
        """Return the ids from the root to `message`; nothing for None."""
        path = []
        while message is not None:
            path.append(message)
            message = self._parent[message]
        return path[::-1]

    def sibling(self, message: str) -> tuple[int, int]:
        """Return the message's position among its siblings and how many there are."""
        return self._index[message], len(self._children[self._parent[message]])

    def neighbour(self, message: str, step: int) -> str:
        """Return the sibling `step` places further, or the first or last one."""
        siblings = self._children[self._parent[message]]
        return siblings[min(max(self._index[message] + step, 0), len(siblings) - 1)]

    def below(self, message: str) -> list[str]:
        """Return the message and all that follows it in any branch, parents before their children."""
        found = [message]
        for one in found:
            found += self._children.get(one, ())
        return found

    def removal(self, message: str, answers: Collection[str]) -> tuple[list[str], str | None]:
        """Return what goes when a message is deleted, and what is shown then; None: what was used last.

        One of several versions goes with all that follows it, and the version beside it is shown. Otherwise a question
        goes with its answers, or an answer with its question, and what follows them follows the message before:
        so questions and answers still take turns. `answers`: the ids of all that are answers.
        """
        parent = self._parent[message]
        if message in answers and parent is not None and parent not in answers and self.sibling(message)[1] == 1:
            message, parent = parent, self._parent[parent]
        place, count = self.sibling(message)
        if count > 1:
            return self.below(message), self.neighbour(message, -1 if place else 1)
        gone = [message, *(child for child in self._children.get(message, ()) if child in answers)]
        return gone, parent if self.leaf in gone else self.leaf

    def end_of(self, message: str) -> str:
        """Return where the branch through `message` ends, following the child used last."""
        while children := self._children.get(message):
            message = max(children, key=self._last_use.__getitem__)
        return message
