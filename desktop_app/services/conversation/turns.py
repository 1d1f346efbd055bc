"""Makes the turns that the engine gets from the messages that are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop_app.chat.conversation import Message, Picture, Role, State, storable
from desktop_app.engine.messages import Look, PictureRef, Turn
from desktop_app.look_choice import Wish, asks_to_read, look_for, wish_from
from desktop_app.services.conversation.picture_detail import Detail

# Key in the `details` of a question that was sent with "quick": its pictures are seen as a whole only.
# Stored in every history, so its value stays.
QUICK_LOOK_KEY = "glance"
# Likewise, of one whose pictures take another number of tokens than in training: at most this.
PICTURE_TOKENS_KEY = "picture_tokens"
# Likewise, how closely the person wanted its pictures to be looked at, if not as a whole; and whether one of them has
# much fine structure. How they are looked at depends on what is asked about them, now and later.
LOOK_KEY, FINE_KEY = "look", "fine"


def details_of(detail: Detail) -> dict[str, Any]:
    """Return what the `details` of a question say of how closely its pictures are seen."""
    told: dict[str, Any] = {QUICK_LOOK_KEY: True} if detail.most_tiles == 0 else {}
    if detail.most_tokens is not None:
        told[PICTURE_TOKENS_KEY] = detail.most_tokens
    if detail.wish is not Wish.WHOLE:
        told[LOOK_KEY] = detail.wish.value
    return {**told, FINE_KEY: True} if detail.fine and LOOK_KEY in told else told


def as_whole(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return turns all of whose pictures are looked at as a whole."""
    return tuple(
        turn._replace(pictures=tuple(picture._replace(look=Look.WHOLE) for picture in turn.pictures)) for turn in turns
    )


def turns_of(messages: Sequence[Message], reference: Callable[[Picture], PictureRef]) -> tuple[Turn, ...]:
    """Return question and answer pairs; the last may have no answer yet.

    A question that was never answered (the engine died, its text was too long, the model had no projector) is
    left out, as if it had not been asked: models were trained on questions and answers in turn. Its pictures go to
    the next question, unless they were what went wrong (too many pictures, one whose file is gone).
    """
    return tuple(turn for turn, _ in _grouped(messages, reference))


def messages_of_turns(messages: Sequence[Message]) -> list[tuple[str, ...]]:
    """Return for each turn of `turns_of` the ids of the messages that it is made of."""
    return [ids for _, ids in _grouped(messages, lambda picture: PictureRef(picture.sha256, "", picture.name))]


def _grouped(
    messages: Sequence[Message], reference: Callable[[Picture], PictureRef]
) -> list[tuple[Turn, tuple[str, ...]]]:
    turns: list[tuple[Turn, tuple[str, ...]]] = []
    open_turn: Turn | None = None
    ids: tuple[str, ...] = ()
    # Pictures that were asked to be read stay whole for the questions after that.
    read = max((i for i, each in enumerate(messages) if _asks_to_read(each)), default=-1)
    for index, message in enumerate(messages):
        if message.state is State.FAILED and not message.text and open_turn is not None:
            left = _usable_pictures(open_turn, message.details.get("error", {}))
            open_turn, ids = (open_turn._replace(pictures=left), ids) if left else (None, ())
            continue
        if message.role is Role.USER:
            most_tiles = 0 if message.details.get(QUICK_LOOK_KEY) else None
            tokens = message.details.get(PICTURE_TOKENS_KEY)
            most_tokens = tokens if isinstance(tokens, int) else None  # a history may come from anywhere
            fine = message.details.get(FINE_KEY) is True
            look = look_for(wish_from(message.details.get(LOOK_KEY)), asks_to_read=index <= read, fine=fine)
            detail = Detail(most_tiles, most_tokens, look)
            pictures = tuple(detail.of(reference(picture)) for picture in message.pictures)
            shown = open_turn.pictures if open_turn is not None else ()
            open_turn, ids = Turn(message.text, shown + pictures), (*ids, message.id)
        elif message.role is Role.ASSISTANT and message.text and open_turn is not None:
            turns.append((open_turn._replace(answer=message.text), (*ids, message.id)))
            open_turn, ids = None, ()
    if open_turn is not None:
        turns.append((open_turn, ids))
    return turns


def _asks_to_read(message: Message) -> bool:
    return message.role is Role.USER and asks_to_read(message.text)


def _usable_pictures(turn: Turn, error: Mapping[str, Any]) -> tuple[PictureRef, ...]:
    """Return the pictures of a question that failed without those that made it fail."""
    parameters = error.get("parameters", {})
    if error.get("code") == "context-too-small":
        # A text has at most one token for each byte: beyond that, the pictures are what does not fit.
        without_text = parameters.get("needed", 0) - len(storable(turn.text).encode())
        return turn.pictures if without_text <= parameters.get("available", 0) else ()
    return tuple(picture for picture in turn.pictures if picture.name != parameters.get("name"))
