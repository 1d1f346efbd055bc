"""Builds the prompt of a request from the turns of a conversation, in the format of the model's family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from desktop_app.chat.budget import TurnSize, finest_way, kept_turns, room_for_answer
from desktop_app.chat.prompt import (
    Answer,
    Exchange,
    Family,
    Part,
    PicturePlace,
    Special,
    Words,
    parts_by_exchange,
)
from desktop_app.engine.conversation.answer_tokens import AnswerTokens
from desktop_app.engine.conversation.prompt import Prompt
from desktop_app.engine.conversation.text_tokens import TextTokens, Tokenizer
from desktop_app.engine.llama.kv_cache import Cell, common_start, positions
from desktop_app.engine.messages import Look, PictureRef, Turn
from desktop_app.engine.vision.picture_processor import PictureLayout, PictureProcessor, chosen_size, with_less_detail
from desktop_app.errors import UserError

# Tokens of a question that is not written yet: when it is, its pictures are not to be seen in fewer parts.
_ROOM_FOR_WORDS = 64

_BEGINNINGS = ("A", "is", "7", "(")  # of questions


class PromptBuilder:
    """Makes the prompts of one loaded model, and remembers how its answers were written.

    `n_ctx` is how many cells the context holds, `trained` how many positions the decoder was trained for (0: unknown).
    `stops` are tokens that end an answer, besides those that the file itself marks so.
    """

    def __init__(
        self,
        vocabulary: Tokenizer,
        n_ctx: int,
        family: Family,
        processor: PictureProcessor,
        answers: AnswerTokens | None = None,
        trained: int = 0,
    ) -> None:
        self.family = family
        self.answers = answers or AnswerTokens()
        self._n_ctx = n_ctx
        self._most_positions = max(n_ctx, trained)
        self.stops = frozenset(vocabulary.special(name) for name in (*family.stops, *family.role_tokens))
        self._vocabulary = vocabulary
        self._processor = processor
        spoken = family.unframed if processor.includes_special_tokens else family
        self._ways = {False: spoken, True: spoken.thinking_first}
        self._spoken = spoken
        specials = {*family.specials, *(family.thinking.specials if family.thinking is not None else ())}
        self._text = TextTokens(vocabulary, specials, composed=family.composed)

    def asking(self, turns: Sequence[Turn], system: str | None) -> list[Cell]:
        """Return the cells that ask the last of `turns`, whether they fit the context or not."""
        self._text.start_prompt()
        return self._lay_out(turns, system).cells

    def prompt(self, requested: Sequence[Turn], system: str | None, max_tokens: int, *, think: bool = False) -> Prompt:
        """Return the prompt that asks the last of the requested turns, with as many others as fit the context.

        If the last turn has no text yet, the prompt ends where its question will begin; if it has an answer, or only a
        thought, with that.
        `think`: whether the model is to think first.
        Raises `UserError("context-too-small")`.
        """
        newest = requested[-1]
        if needed := max(map(self._far_too_long, (newest.text, newest.answer or "", newest.thought))):
            raise UserError("context-too-small", needed=needed, available=self._n_ctx)
        self._text.start_prompt()
        self._spoken = self._ways[think]
        requested = [*requested[:-1], self._without_loose_end(newest)]
        opening = len(self._lay_out([], system).cells)
        # What cannot fit is not tokenised: of a pasted book, imported, that takes from seconds to minutes.
        lost = [self._far_too_long(turn.text) + self._far_too_long(turn.answer or "") for turn in requested]
        short = [
            turn._replace(text="", answer="") if size else turn for turn, size in zip(requested, lost, strict=True)
        ]
        turns = self._with_fitting_pictures(short, lost, system, opening, max_tokens)
        layout = self._lay_out(turns, system)
        kept = kept_turns(_sizes(turns, lost, layout, opening), opening, self._n_ctx, max_tokens, len(layout.begun))
        dropped = sorted({*range(len(turns))}.difference(kept))
        if dropped:
            turns = [turns[index] for index in kept]
            layout = self._lay_out(turns, system)
        if positions(layout.cells) + room_for_answer(max_tokens, self._n_ctx, len(layout.begun)) > self._most_positions:
            turns = _closed_up(turns)
            layout = self._lay_out(turns, system)
        certain, closing = self._around_question(turns, layout, system)
        written = bool(turns[-1].text.strip())
        cells = layout.cells if written else certain
        pictures = {(seen := self._processor.layout(picture)).key: seen for turn in turns for picture in turn.pictures}
        return Prompt(
            cells=cells,
            certain=common_start(certain, cells),
            closing=closing if written else 0,
            opening=opening,
            lasting=self._lasting(turns, layout, system) if written else 0,
            pictures=pictures,
            dropped_turns=tuple(dropped),
            dropped_pictures=sum(len(requested[index].pictures) for index in dropped),
            reduced=self._reduced(requested, pictures.values()),
            goes_on=turns[-1].goes_on,
            begun=turns[-1].answer or "",
            begun_thought=turns[-1].thought if turns[-1].answer is None else "",
            begun_tokens=layout.begun,
        )

    def _without_loose_end(self, turn: Turn) -> Turn:
        """Return a turn whose answer or thought is to go on without the spaces at its end, unless its tokens are known.

        Mostly they would have been part of the next token.
        """
        if turn.answer is None:
            return turn._replace(thought=self._without_spaces(turn.thought))
        answer = self._without_spaces(turn.answer)
        return turn._replace(answer=answer if answer or turn.thought else None)

    def _without_spaces(self, text: str) -> str:
        return text if self.answers.get(text) is not None else text.rstrip()

    def _far_too_long(self, text: str) -> int:
        """Return about how many tokens a text takes whose beginning alone does not fit the context; else 0.

        llama.cpp takes time by the square for a word, and some scripts have no spaces: minutes for a pasted book.
        """
        size = 2 * self._n_ctx
        while size < len(text):
            tokens = self._text.count(text[:size])
            if tokens > self._n_ctx + _ROOM_FOR_WORDS:
                return round(tokens * len(text) / size)
            size *= 2
        return 0

    def _with_fitting_pictures(
        self, requested: Sequence[Turn], lost: Sequence[int], system: str | None, opening: int, max_tokens: int
    ) -> Sequence[Turn]:
        """Return the turns with their pictures in as many parts as there is room for. `lost`: see `_sizes`."""
        ways = list(with_less_detail(requested, self._processor))
        if len(ways) == 1:
            return requested
        *earlier, newest = requested
        whole = self._lay_out(requested, system)
        begun = len(whole.begun)
        unwritten = self._lay_out([*earlier, newest._replace(text="", answer=None, thought="")], system)
        words = len(whole.cells) - begun - len(unwritten.cells)
        missing = max(0, _ROOM_FOR_WORDS - words)

        def sizes(turns: Sequence[Turn]) -> list[TurnSize]:
            *others, last = _sizes(turns, lost, self._lay_out(turns, system), opening)
            return [*others, TurnSize(last.tokens + missing, last.pictures)]

        return ways[finest_way(map(sizes, ways), opening, self._n_ctx, max_tokens, begun)]

    def _around_question(self, turns: Sequence[Turn], layout: _Layout, system: str | None) -> tuple[list[Cell], int]:
        """Return the cells that are certain before the last turn's question is written, and how many come after it.

        How the words around a question are tokenised may depend on its beginning; what is the same for quite
        different ones is taken to be certain.
        """
        *earlier, newest = turns

        def cells_of_newest(question: str) -> list[Cell]:
            asked = [*earlier, Turn(question, newest.pictures)]
            *_, before, parts = parts_by_exchange(self._spoken, _exchanges(asked), system)
            return self._cells(parts, _text_of(before[-1:]), _by_name(asked))

        first, *others = map(cells_of_newest, _BEGINNINGS)
        common = min(common_start(first, other) for other in others)
        closing = len(first) - common - 1  # the beginning is one token
        return layout.cells[: layout.ends[-2]] + first[:common], closing

    def _lasting(self, turns: Sequence[Turn], layout: _Layout, system: str | None) -> int:
        """Return how many cells will be the same when the last turn is answered, and another follows."""
        if not self._spoken.without_thinking and not turns[-1].thought:
            return len(layout.cells)
        answered = [*turns[:-1], turns[-1]._replace(answer=_BEGINNINGS[0]), Turn(_BEGINNINGS[0])]
        return common_start(layout.cells, self._lay_out(answered, system).cells)

    def _reduced(self, requested: Sequence[Turn], pictures: Iterable[PictureLayout]) -> tuple[int, int, bool] | None:
        """Return how a picture is seen that is worth more: see `Prompt`. Only the first such is told of."""
        wished: dict[str, list[PictureLayout]] = {}
        for picture in (picture for turn in requested for picture in turn.pictures):
            wished.setdefault(picture.sha256, []).append(self._processor.layout(picture))
        sizes = self._processor.any_size
        for seen in pictures:
            best = max(wished[seen.picture.sha256], key=lambda layout: layout.rows)
            if len(seen.parts) < len(best.parts):
                return len(seen.parts), len(best.parts), False
            chosen = sizes is not None and sizes.choices and chosen_size(sizes, seen.picture).most
            if chosen and sizes is not None and chosen < chosen_size(sizes, best.picture).most:
                return seen.rows, best.rows, True
            if seen.of_rows and not any(layout.of_rows for layout in wished[seen.picture.sha256]):
                return seen.rows, best.rows, True
        return None

    def _lay_out(self, turns: Sequence[Turn], system: str | None) -> _Layout:
        pictures = _by_name(turns)
        cells: list[Cell] = []
        ends: list[int] = []
        before, begun = "", tuple[int, ...]()
        for parts in parts_by_exchange(self._spoken, _exchanges(turns), system):
            cells += self._cells(parts, before, pictures)
            ends.append(len(cells))
            before = _text_of(parts[-1:])
            last = parts[-1] if parts else None
            begun = tuple(self._answer(last, _text_of(parts[-2:-1]))) if isinstance(last, Answer) else ()
        return _Layout(cells, ends, begun)

    def _cells(self, parts: Sequence[Part], before: str, pictures: Mapping[str, PictureRef]) -> list[Cell]:
        """Return the cells of parts; `before` are the words right before them, with no special token between."""
        cells: list[Cell] = []
        for part in parts:
            if isinstance(part, Special):
                token = self._vocabulary.special(part.name)
                cells += [] if token is None else [token]
            elif isinstance(part, Words):
                cells += self._text.tokens_after(before, part.text)
            elif isinstance(part, PicturePlace):
                cells += self._processor.cells(pictures[part.picture])
            elif isinstance(part, Answer):
                cells += self._answer(part, before)
            before = _text_of([part])
        return cells

    def _answer(self, answer: Answer, before: str) -> Sequence[int]:
        after = "" if answer.text.endswith(answer.after) else answer.after
        written = self.answers.get(answer.text)
        if written is None:
            return self._text.tokens_after(before, answer.before + answer.text + after)
        return [*written, *self._text.tokens_after(answer.text, after)]


@dataclass(frozen=True)
class _Layout:
    """The cells of turns, all of them, and where they end: those before the first turn, and those of each turn.

    `begun`: the last of them, if they are those of an answer or a thought that is to go on.
    """

    cells: list[Cell]
    ends: list[int]
    begun: tuple[int, ...]


def _sizes(turns: Iterable[Turn], lost: Iterable[int], layout: _Layout, opening: int) -> list[TurnSize]:
    """Return what each turn takes where it stands, the first without the `opening` cells before it.

    `lost`: how many more each would take, whose words were left out.
    """
    ends = [opening, *layout.ends[1:]]
    return [
        TurnSize(last - first + more, len(turn.pictures))
        for turn, more, (first, last) in zip(turns, lost, pairwise(ends), strict=True)
    ]


def _closed_up(turns: Iterable[Turn]) -> list[Turn]:
    """Return turns without places that nothing stands at: so many quick looks would go beyond the training."""
    return [
        turn._replace(
            pictures=tuple(
                picture if picture.look is Look.WHOLE else picture._replace(look=Look.CLOSED_UP)
                for picture in turn.pictures
            )
        )
        for turn in turns
    ]


def _text_of(parts: Sequence[Part]) -> str:
    """Return the words of the last part, "" if it has none."""
    last = parts[-1] if parts else None
    return last.text if isinstance(last, (Words, Answer)) else ""


def _exchanges(turns: Iterable[Turn]) -> list[Exchange]:
    return [Exchange(turn.text, tuple(map(_name, turn.pictures)), turn.answer, turn.thought) for turn in turns]


def _by_name(turns: Iterable[Turn]) -> dict[str, PictureRef]:
    return {_name(picture): picture for turn in turns for picture in turn.pictures}


def _name(picture: PictureRef) -> str:
    return f"{picture.sha256} {picture.most_tiles} {picture.most_tokens} {picture.look.value}"
