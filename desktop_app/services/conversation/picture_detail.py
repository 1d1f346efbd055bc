"""How closely the model is to see the draft's pictures: a part or all of them, in how many tokens; and the cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from desktop_app.chat.conversation import Picture
from desktop_app.engine.messages import Look, ModelInfo, PictureRef, ThroughputMeasured
from desktop_app.images.tiling import WHOLE, AnySize, Tiling
from desktop_app.look_choice import Wish, asks_to_read, look_for
from desktop_app.services.conversation.draft import Draft
from desktop_app.services.engine import Engine
from desktop_app.services.preferences import Preferences

# Name of the setting: how closely to look, unless the person chooses for a message.
LOOK_SETTING = "picture_look"


class DetailCost(NamedTuple):
    """What one way to see the pictures costs."""

    parts: int  # of all pictures together
    tokens: int
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
    """How closely a message's pictures are seen: see `PictureRef`, and why."""

    most_tiles: int | None = None
    most_tokens: int | None = None
    look: Look = Look.WHOLE
    wish: Wish = Wish.WHOLE  # where the model can read a part of the rows
    fine: bool = False  # one of the pictures has much fine structure

    def of(self, picture: PictureRef) -> PictureRef:
        """Return a picture that is seen so."""
        return picture._replace(most_tiles=self.most_tiles, most_tokens=self.most_tokens, look=self.look)


class DetailOptions(NamedTuple):
    """The ways to see the pictures, and which of them is chosen."""

    whole: DetailCost
    quick: DetailCost
    wish: Wish
    look: Look = Look.WHOLE  # what that means for the question as it is now
    fine: bool = False  # one of the pictures has much fine structure
    in_parts: bool = True  # a quick look is one part instead of several; else a part of the tokens, and the rest later
    fitting: int = 0  # parts of a picture that the context has room for, instead of `wished`; 0: all
    wished: int = 0
    in_tokens: bool = False  # these are tokens
    is_read: bool = False  # in the way that is chosen: nothing is left to be read before the answer
    reads_later: bool = True  # what a quick look leaves out; not if nothing is read ahead


class _Reduced(NamedTuple):
    """The context has room for `fitting` parts, or tokens, of a picture only, instead of `wished`."""

    fitting: int = 0
    wished: int = 0
    in_tokens: bool = False


class PictureDetail(QObject):
    """Offers the choice with models that can look quickly. `changed()`: what `options` returns is different."""

    changed = Signal()

    def __init__(self, engine: Engine, draft: Draft, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._draft = draft
        self._preferences = preferences
        self._part_s = self._token_s = 0.0
        self._reduced = _Reduced()
        self._reads = False
        engine.model_changed.connect(self._model_changed)
        engine.throughput_measured.connect(self._throughput_measured)
        preferences.changed.connect(self._preference_changed)
        draft.edited.connect(self._text_changed)
        draft.text_changed.connect(self._text_changed)
        for signal in (draft.added, draft.changed, draft.removed, draft.cleared):
            signal.connect(self._draft_changed)

    def options(self) -> DetailOptions | None:
        """Return what there is to choose for the draft's pictures; None: nothing, or only the number of tokens."""
        info, pictures = self._engine.info(), self._pictures()
        if info is None or not pictures or _has_token_choice(info):
            return None
        reduced = self._reduced
        most = reduced.fitting - 1 if reduced.fitting and not reduced.in_tokens else None
        whole = self._cost(_whole(info, picture, most) for picture in pictures)
        quick = self._cost(_quick(info, picture) for picture in pictures)
        if (quick.parts, quick.tokens) == (whole.parts, whole.tokens) and not reduced.fitting:
            return None
        wish = self.wish()
        look = Look.QUICK if wish is Wish.QUICK else self.chosen().look
        later = bool(self._preferences.value("reading_ahead"))
        unread = self._unread()  # in the other way all are read anew
        if look is Look.QUICK:
            quick = quick._replace(seconds=self._cost(_quick(info, picture) for picture in unread).seconds)
        else:
            whole = whole._replace(seconds=self._cost(_whole(info, picture, most) for picture in unread).seconds)
        shown = _Reduced() if look is Look.QUICK and not reduced.in_tokens else reduced
        return DetailOptions(whole, quick, wish, look, self._is_fine(), info.quick is None, *shown, not unread, later)

    def whole_cost(self) -> WholeCost | None:
        """Return what the draft's pictures cost, if there is no choice and their size decides; else None."""
        info, pictures = self._engine.info(), self._pictures()
        if info is None or not pictures or self.options() is not None:
            return None
        unread = self._unread()
        read = len(pictures) - len(unread)
        if info.any_size is not None:
            return self._cost_of_size(info.any_size, unread, self.chosen().most_tokens, read)
        if info.tiling is None:
            return None
        cost = self._cost(_whole(info, picture, None) for picture in unread)
        return WholeCost(len(unread), cost.tokens, cost.seconds, read)

    def token_options(self) -> TokenOptions | None:
        """Return how many tokens each picture may take, where one can choose that; None: one cannot."""
        info, pictures = self._engine.info(), self._pictures()
        if info is None or info.any_size is None or not _has_token_choice(info) or not pictures:
            return None
        chosen, unread = info.any_size.chosen(self.chosen().most_tokens).most, self._unread()
        costs = {choice: self._cost_of_size(info.any_size, pictures, choice) for choice in info.any_size.choices}
        costs[chosen] = self._cost_of_size(info.any_size, unread, chosen, len(pictures) - len(unread))
        return TokenOptions(costs, chosen, info.any_size.most, *self._reduced[:2])

    def chosen(self, text: str | None = None) -> Detail:
        """Return how closely the next message's pictures are seen; `text`: its question, None: that of the draft."""
        info, wish, fine = self._engine.info(), self.wish(), self._is_fine()
        if info is not None and info.any_size is not None and _has_token_choice(info):
            tokens = self._draft.picture_tokens()
            if tokens is None and wish is Wish.QUICK:
                tokens = info.any_size.choices[0]
            return Detail(most_tokens=tokens)
        if info is not None and info.quick is None:  # nothing would be looked at later, so only who wants it gets it
            return Detail(most_tiles=0 if wish is Wish.QUICK and info.tiling is not None else None)
        reads = asks_to_read(self._draft.text() if text is None else text)
        return Detail(look=look_for(wish, asks_to_read=reads, fine=fine), wish=wish, fine=fine)

    def choose_tokens(self, tokens: int) -> None:
        """Choose how many tokens each picture of this message may take."""
        if tokens != self.chosen().most_tokens:
            self._reduced = _Reduced()
            self._draft.set_picture_tokens(tokens)
            self.changed.emit()

    def _pictures(self) -> list[Picture]:
        return [draft.picture for draft in self._draft.pictures() if draft.picture is not None]

    def _unread(self) -> list[Picture]:
        """Return those that are still to be read in the way that is chosen."""
        drafts = self._draft.pictures()
        return [draft.picture for draft in drafts if draft.picture is not None and draft.state != "read"]

    def _is_fine(self) -> bool:
        return any(draft.fine for draft in self._draft.pictures())

    def wish(self) -> Wish:
        """Return how closely the person wants the next message's pictures to be seen."""
        return self._draft.look() or Wish(self._preferences.value(LOOK_SETTING))

    def choose(self, wish: Wish) -> None:
        """Choose for this message."""
        if wish is not self.wish():
            self._reduced = _Reduced()
            self._draft.set_look(wish)
            self.changed.emit()

    def set_reduced(self, fitting: int, wished: int, in_tokens: bool = False) -> None:
        """Note that the context has room for so many parts, or tokens, of a picture only."""
        reduced = _Reduced(fitting, wished, in_tokens)
        if self._reduced != reduced:
            self._reduced = reduced
            self.changed.emit()

    def _cost(self, seen: Iterable[tuple[int, float, int]]) -> DetailCost:
        parts, shares, tokens = (sum(each) for each in zip((0, 0.0, 0), *seen, strict=True))
        known = self._part_s and self._token_s
        return DetailCost(int(parts), int(tokens), shares * self._part_s + tokens * self._token_s if known else 0.0)

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
        self._reduced = _Reduced()
        self.changed.emit()

    def _throughput_measured(self, measured: ThroughputMeasured) -> None:
        self._part_s = measured.part_s or self._part_s
        self._token_s = measured.token_s or self._token_s
        self.changed.emit()

    def _preference_changed(self, name: str) -> None:
        if name in (LOOK_SETTING, "reading_ahead"):
            self.changed.emit()

    def _text_changed(self, _text: str = "") -> None:
        reads = asks_to_read(self._draft.text())
        if reads != self._reads:
            self._reads = reads
            self.changed.emit()

    def _draft_changed(self, _what: object = None) -> None:
        if not self._draft.pictures():
            self._reduced = _Reduced()
        self.changed.emit()


def _has_token_choice(info: ModelInfo) -> bool:
    return info.any_size is not None and bool(info.any_size.choices)


def _whole(info: ModelInfo, picture: Picture, most_tiles: int | None) -> tuple[int, float, int]:
    """Return the parts, the work to encode them (that of one part is 1) and the tokens of a picture."""
    if info.tiling is not None:
        return _in_tiles(info.tiling, picture, most_tiles)
    tokens = info.image_tokens
    if info.any_size is not None:
        tokens = info.any_size.tokens(picture.width, picture.height)
        return 1, info.any_size.shares(tokens), tokens
    return 1, 1.0, tokens


def _quick(info: ModelInfo, picture: Picture) -> tuple[int, float, int]:
    """Return the same of a quick look."""
    parts, work, tokens = _whole(info, picture, None if info.quick is not None else 0)
    return parts, work, tokens if info.quick is None else info.quick.rows(tokens, tiled=parts > 1)


def _in_tiles(tiling: Tiling, picture: Picture, most_tiles: int | None) -> tuple[int, float, int]:
    grid = WHOLE if most_tiles == 0 else tiling.grid_for(picture.width, picture.height, most_tiles)
    return grid.parts, float(grid.parts), tiling.tokens(picture.width, picture.height, grid)
