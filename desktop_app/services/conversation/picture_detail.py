"""How closely the model is to see the draft's pictures: in parts or whole, in how many tokens. And what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Picture
from desktop_app.engine.messages import ModelInfo, ThroughputMeasured
from desktop_app.images.tiling import WHOLE, AnySize, Grid, Tiling
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

# Name of the setting: whether pictures are seen as a whole only, unless the person chooses for a message.
# Stored in settings files, so its value stays.
QUICK_LOOK_SETTING = "picture_glance"


class DetailCost(NamedTuple):
    """What one way to see the pictures costs."""

    parts: int  # of all pictures together
    seconds: float  # to encode and read those that are not read yet; 0: nothing, or not known yet


class WholeCost(NamedTuple):
    """What pictures cost that are seen in one piece, whose size decides, and that are not read yet."""

    pictures: int
    tokens: int
    seconds: float  # to encode and read them all; 0: not known yet
    read: int = 0  # pictures besides them that are read already


class TokenOptions(NamedTuple):
    """How many tokens each picture may take, what that costs, and which of it is chosen."""

    costs: dict[int, WholeCost]
    chosen: int
    usual: int  # as in training
    fitting: int = 0  # tokens of a picture that the context has room for, instead of `wished`; 0: all
    wished: int = 0


class Detail(NamedTuple):
    """How closely a message's pictures are seen: see `PictureRef`."""

    most_tiles: int | None = None
    most_tokens: int | None = None


class DetailOptions(NamedTuple):
    """The two ways to see the pictures, and which of them is chosen."""

    full: DetailCost
    quick: DetailCost
    is_quick: bool
    fitting: int = 0  # parts of a picture that the context has room for, instead of `wished`; 0: all
    wished: int = 0


class PictureDetail(QObject):
    """Offers the choice with models that see pictures in parts. `changed()`: what `options` returns is different."""

    changed = Signal()

    def __init__(self, engine: Engine, draft: Draft, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._draft = draft
        self._preferences = preferences
        self._part_s = self._token_s = 0.0
        self._reduced = (0, 0)
        engine.model_changed.connect(self._model_changed)
        engine.throughput_measured.connect(self._throughput_measured)
        preferences.changed.connect(self._preference_changed)
        for signal in (draft.added, draft.changed, draft.removed, draft.cleared):
            signal.connect(self._draft_changed)

    def options(self) -> DetailOptions | None:
        """Return what there is to choose for the draft's pictures; None: nothing, or all are seen in one piece."""
        info, pictures = self._engine.info(), self._pictures()
        if info is None or info.tiling is None or _in_one_piece(info.tiling, pictures):
            return None
        most = self._reduced[0] - 1 if self._reduced[0] else None
        is_quick = self.is_quick()
        ways = []
        for quick in (False, True):
            grids = [WHOLE if quick else info.tiling.grid_for(each.width, each.height, most) for each in pictures]
            ahead = self._unread() if quick == is_quick else pictures  # in the other way they are read anew
            unread = [(picture, grid) for picture, grid in zip(pictures, grids, strict=True) if picture in ahead]
            ways.append(DetailCost(sum(grid.parts for grid in grids), self._seconds(info.tiling, unread)))
        full, quick_look = ways
        return DetailOptions(full, quick_look, is_quick, *((0, 0) if is_quick else self._reduced))

    def whole_cost(self) -> WholeCost | None:
        """Return what the draft's pictures cost, if they are seen in one piece and its size decides; else None."""
        info, pictures = self._engine.info(), self._pictures()
        if info is None or not pictures:
            return None
        unread = self._unread()
        if info.tiling is not None and _in_one_piece(info.tiling, pictures):
            tokens = sum(info.tiling.tokens(picture.width, picture.height, WHOLE) for picture in unread)
            seconds = self._seconds(info.tiling, [(picture, WHOLE) for picture in unread])
            return WholeCost(len(unread), tokens, seconds, len(pictures) - len(unread))
        if info.any_size is None:
            return None
        return self._cost_of_size(info.any_size, unread, self.chosen().most_tokens, len(pictures) - len(unread))

    def token_options(self) -> TokenOptions | None:
        """Return how many tokens each picture may take, where one can choose that; None: one cannot."""
        info, pictures = self._engine.info(), self._pictures()
        if info is None or info.any_size is None or not info.any_size.choices or not pictures:
            return None
        chosen, unread = info.any_size.chosen(self.chosen().most_tokens).most, self._unread()
        costs = {choice: self._cost_of_size(info.any_size, pictures, choice) for choice in info.any_size.choices}
        costs[chosen] = self._cost_of_size(info.any_size, unread, chosen, len(pictures) - len(unread))
        return TokenOptions(costs, chosen, info.any_size.most, *self._reduced)

    def chosen(self) -> Detail:
        """Return how closely the next message's pictures are seen."""
        info = self._engine.info()
        if info is None or info.any_size is None or not info.any_size.choices:
            return Detail(most_tiles=0 if self.is_quick() else None)
        tokens = self._draft.picture_tokens()
        if tokens is None and self._preferences.value(QUICK_LOOK_SETTING):
            tokens = info.any_size.choices[0]
        return Detail(most_tokens=tokens)

    def choose_tokens(self, tokens: int) -> None:
        """Choose how many tokens each picture of this message may take."""
        if tokens != self.chosen().most_tokens:
            self._reduced = (0, 0)
            self._draft.set_picture_tokens(tokens)
            self.changed.emit()

    def _pictures(self) -> list[Picture]:
        return [draft.picture for draft in self._draft.pictures() if draft.picture is not None]

    def _unread(self) -> list[Picture]:
        """Return those that are still to be read in the way that is chosen."""
        drafts = self._draft.pictures()
        return [draft.picture for draft in drafts if draft.picture is not None and draft.state != "read"]

    def is_quick(self) -> bool:
        """Return whether the next message's pictures are seen as a whole only."""
        info = self._engine.info()
        if info is None or info.tiling is None:
            return False
        chosen = self._draft.quick()
        return bool(self._preferences.value(QUICK_LOOK_SETTING)) if chosen is None else chosen

    def choose(self, quick: bool) -> None:
        """Choose for this message."""
        if quick != self.is_quick():
            self._reduced = (0, 0)
            self._draft.set_quick(quick)
            self.changed.emit()

    def set_reduced(self, parts: int, wished: int) -> None:
        """Note that the context has room for `parts` parts of a picture only, instead of `wished`."""
        if self._reduced != (parts, wished):
            self._reduced = (parts, wished)
            self.changed.emit()

    def _seconds(self, tiling: Tiling, seen: list[tuple[Picture, Grid]]) -> float:
        if not (self._part_s and self._token_s):
            return 0.0
        tokens = sum(tiling.tokens(picture.width, picture.height, grid) for picture, grid in seen)
        return sum(grid.parts for _, grid in seen) * self._part_s + tokens * self._token_s

    def _cost_of_size(
        self, any_size: AnySize, pictures: Sequence[Picture], most_tokens: int | None, read: int = 0
    ) -> WholeCost:
        sizes = any_size.chosen(most_tokens)
        tokens = [sizes.tokens(picture.width, picture.height) for picture in pictures]
        seconds = 0.0
        if self._part_s and self._token_s:
            seconds = sum(map(any_size.shares, tokens)) * self._part_s + sum(tokens) * self._token_s
        return WholeCost(len(pictures), sum(tokens), seconds, read)

    def _model_changed(self, info: ModelInfo | None) -> None:
        self._part_s, self._token_s = (info.part_s, info.token_s) if info is not None else (0.0, 0.0)
        if info is not None and not self._token_s and info.tuning is not None and info.tuning.reading > 0:
            self._token_s = 1 / info.tuning.reading
        self._reduced = (0, 0)
        self.changed.emit()

    def _throughput_measured(self, measured: ThroughputMeasured) -> None:
        self._part_s = measured.part_s or self._part_s
        self._token_s = measured.token_s or self._token_s
        self.changed.emit()

    def _preference_changed(self, name: str) -> None:
        if name == QUICK_LOOK_SETTING:
            self.changed.emit()

    def _draft_changed(self, _what: object = None) -> None:
        if not self._draft.pictures():
            self._reduced = (0, 0)
        self.changed.emit()


def _in_one_piece(tiling: Tiling, pictures: Sequence[Picture]) -> bool:
    return all(tiling.grid_for(picture.width, picture.height) == WHOLE for picture in pictures)
