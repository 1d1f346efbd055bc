"""The sentences that are shown between messages: how answers ended, progress, screen reader texts."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from desktop_app.chat.conversation import Message, Role, State
from desktop_app.engine.messages import Phase
from desktop_app.errors import SENTENCES
from desktop_app.services.conversation.answer import ENGINE_STOPPED_KEY, TOO_LONG_KEY, is_measured
from desktop_app.services.conversation.chat import NOTES
from desktop_app.ui.sentences import duration, error_of, number, saved_model_name
from desktop_app.ui.transcript import certainty
from desktop_app.ui.widgets.plain_text import shortened

_LONGEST_NAME = 100  # characters
_MOST_SPOKEN = 20_000  # characters of a message: half an hour
_LONGEST_THOUGHT = 1e6  # s
_FASTEST = 1e6  # tokens per second
translate = QCoreApplication.translate


def note(message: Message) -> str:
    """Return the sentence of a note."""
    template = NOTES.get(message.details.get("note", ""))
    if template is None:  # written by a newer version
        return message.text
    parameters = message.details.get("parameters", {})
    return translate("notes", template).format(**{**parameters, "name": saved_model_name(parameters.get("name", ""))})


def mark(message: Message) -> str:
    """Return why an answer is incomplete, how closely the model looked, and how sure it was; "" for nothing."""
    is_too_long = message.details.get(TOO_LONG_KEY)
    too_long = translate("transcript", "It is too long to be continued.") if is_too_long else ""
    return " ".join(filter(None, (_ending(message), too_long, look(message), certainty.verdict(message))))


def look(message: Message) -> str:
    """Return how much of the pictures was read, if that was not all."""
    quick = [(rows, of_rows) for rows, of_rows in message.looks if rows < of_rows]
    if not quick or message.state is State.STREAMING:
        return ""
    read, there = (number(sum(each)) for each in zip(*quick, strict=True))
    if len(message.looks) == 1:
        return translate("transcript", "Quick look: {rows} of {all} tokens.").format(rows=read, all=there)
    return translate("transcript", "Quick look at {count} of {pictures} pictures: {rows} of {all} tokens.").format(
        count=len(quick), pictures=len(message.looks), rows=read, all=there
    )


def _ending(message: Message) -> str:
    was_thinking = message.is_inside_thought
    if message.state is State.STOPPED:
        if was_thinking:
            return translate("transcript", "You stopped this answer while it was still thinking.")
        if not message.text:
            return translate("transcript", "You stopped this answer before it began.")
        return translate("transcript", "You stopped this answer.")
    if message.state is State.INTERRUPTED and message.details.get(ENGINE_STOPPED_KEY):
        return translate("transcript", "The engine stopped while this was being answered.")
    if message.state is State.INTERRUPTED:
        if was_thinking:
            return translate("transcript", "This answer was interrupted while it was still thinking.")
        if not message.text:
            return translate("transcript", "This answer was interrupted before it began.")
        return translate("transcript", "This answer was interrupted. The text so far is kept.")
    if message.state is State.FAILED:
        code = message.details.get("error", {}).get("code")
        if code not in SENTENCES:  # written by a newer version
            return translate("transcript", "This answer failed.")
        return error_of(message.details)
    if message.details.get("finish_reason") == "length" and was_thinking:
        return translate(
            "transcript",
            "It was still thinking when the maximum length was reached. Allow longer answers in the settings, or let "
            "it answer without thinking first.",
        )
    if message.details.get("finish_reason") == "length":
        return translate("transcript", "The answer was cut off at the maximum length.")
    if message.role is Role.ASSISTANT and message.state is State.COMPLETE and not message.text.strip():
        return _without_a_word(message)
    return ""


def _without_a_word(message: Message) -> str:
    if message.thought.strip():
        return translate(
            "transcript", "It thought, but wrote no answer. Ask again, or let it answer without thinking first."
        )
    return translate(
        "transcript", "The model ended this answer before it wrote a word. Ask again, or ask in other words."
    )


def thought(message: Message) -> str:
    """Return the line above an answer before which something was thought, "" if nothing was."""
    if not message.thought.strip():
        return ""
    seconds = message.details.get("thought_s")  # a history may hold anything
    if isinstance(seconds, float) and 0.5 <= seconds < _LONGEST_THOUGHT:
        return translate("transcript", "Thought for {duration}").format(duration=duration(seconds))
    return translate("transcript", "Thought first")


def figures(message: Message) -> str:
    """Return the line under an answer: the model and its speed."""
    model = shortened(saved_model_name(message.details.get("model", "")), _LONGEST_NAME)
    speed = message.details.get("tokens_per_second", 0.0)
    # A history may hold anything: earlier versions took the details of imported answers as they were.
    tokens = message.details.get("answer_tokens")
    rate = ""
    is_known = isinstance(speed, int | float) and 0 < speed < _FASTEST
    if is_known and not (isinstance(tokens, int) and not is_measured(tokens, speed)):
        rate = translate("transcript", "{speed} tokens per second").format(speed=f"{speed:.1f}")
    return " · ".join(filter(None, (model, rate)))


def waiting(
    phase: Phase | None,
    done: int,
    total: int,
    left_s: float,
    engine: str,
    part: int = 0,
    parts: int = 1,
    since_s: float = 0.0,
) -> str:
    """Return what the engine does before it writes.

    `done` of `total` pictures (looking) or tokens (reading) are done; `part` of `parts` of a picture is encoded now.
    `left_s`: seconds left of the phase, 0 when unknown, negative when it takes longer than expected.
    `since_s`: for how long the phase has lasted. `engine`: the state of the engine, shown when there is no phase yet.
    """
    if engine == "silent":  # of which a notice tells, with a button
        return translate("transcript", "Waiting for the engine")
    if phase is Phase.LOOKING:
        if total > 1:
            text = translate("transcript", "Looking at picture {number} of {total}")
            text = text.format(number=min(done + 1, total), total=total)
        else:
            text = translate("transcript", "Looking at the picture")
        if parts > 1:
            text += translate("transcript", ", part {number} of {total}").format(number=part + 1, total=parts)
        return text + _time_left(left_s)
    if phase is Phase.READING:
        if total:
            text = translate("transcript", "Reading {done} of {total} tokens").format(done=done, total=total)
        else:
            text = translate("transcript", "Reading the question")
        return text + _time_left(left_s)
    if phase is Phase.THINKING:
        seconds = round(since_s)
        if seconds < 1:
            return translate("transcript", "Thinking…")
        return translate("transcript", "Thinking… {duration}").format(duration=duration(seconds))
    if phase is Phase.WRITING:
        return translate("transcript", "Writing")
    if engine in ("starting", "loading"):
        return translate("transcript", "Loading the model")
    return translate("transcript", "Waiting for the engine")


def longest_thinking() -> str:
    """Return the longest of usual sentences that it is thinking."""
    return waiting(Phase.THINKING, 0, 0, 0.0, "", since_s=3599)


def behind(title: str) -> str:
    """Return for what a question waits while an answer is written in the conversation with that title."""
    return translate("transcript", "Waits for the answer in “{title}”").format(title=title)


def _time_left(seconds: float) -> str:
    if seconds == 0:
        return ""
    if seconds < 0:
        return translate("transcript", ", taking longer than expected")
    if seconds < 60:
        return translate("transcript", ", about {seconds} s").format(seconds=max(1, round(seconds)))
    minutes = max(1, round(seconds / 60))
    return translate("transcript", ", about {minutes} min").format(minutes=minutes)


def border(is_all_above: bool) -> str:
    """Return the sentence on the line below the messages that the model no longer sees."""
    if is_all_above:
        return translate("transcript", "The model no longer sees the messages above this line.")
    return translate("transcript", "The model no longer sees the grey messages above this line.")


def border_explained(n_ctx: int) -> tuple[str, str]:
    """Return title and text of the explanation of that line. `n_ctx`: the context length in tokens."""
    text = translate(
        "transcript",
        "The model's context holds {tokens} tokens, about {words} words. A picture takes as many as several hundred "
        "words. When the context is full, the oldest questions and answers are dropped from it, those with pictures "
        "last. They stay in your conversation, and you can attach a picture again. A longer context can be set in the "
        "settings; it takes more memory.",
    )
    title = translate("transcript", "What the model sees")
    return title, text.format(tokens=n_ctx, words=max(100, round(n_ctx * 0.7, -2)))


def spoken(message: Message, is_dropped: bool = False) -> str:
    """Return the text of a message for screen readers."""
    if message.role is Role.NOTE:
        return note(message)
    if message.role is Role.USER:
        parts = [translate("transcript", "You: {text}").format(text=shortened(message.text, _MOST_SPOKEN))]
        if message.pictures:
            names = ", ".join(picture.name for picture in message.pictures)
            parts.append(translate("transcript", "Pictures: {names}.").format(names=names))
    else:
        parts = [thought(message) and f"{thought(message)}."]
        parts.append(translate("transcript", "Answer: {text}").format(text=shortened(message.text, _MOST_SPOKEN)))
        parts.append(mark(message))
        parts.append(certainty.spoken_words(message))
    if is_dropped:
        parts.append(translate("transcript", "The model no longer sees this."))
    index, count = message.sibling
    if count > 1:
        parts.append(translate("transcript", "Version {number} of {count}.").format(number=index + 1, count=count))
    return " ".join(part for part in parts if part)
