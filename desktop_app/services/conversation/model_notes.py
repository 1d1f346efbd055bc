"""Notes between the messages where another model answers than before.

They are made of the answers when these are shown: a note that was written when the model was changed would become
untrue with the next change, or with another version of an answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from desktop_app.chat.conversation import Message, Role, State

MODEL_CHANGED = "model-changed"  # also in old histories, which hold such notes themselves


def with_model_notes(path: Iterable[Message]) -> list[Message]:
    """Return a path with a note before each question that another model answered, or answers now."""
    shown: list[Message] = []
    before = ""  # the model of the answer before
    question = 0  # where the newest question is in `shown`
    for message in path:
        role = message.role
        if role is Role.NOTE and message.details.get("note") == MODEL_CHANGED:
            continue
        if role is Role.USER:
            question = len(shown)
        shown.append(message)
        if role is not Role.ASSISTANT:
            continue
        model = _model_of(message)
        if before and model and model != before:
            asked = shown[question]
            details = {"note": MODEL_CHANGED, "parameters": {"name": model}}
            note = Message(f"model before {asked.id}", Role.NOTE, "", created=asked.created, details=details)
            shown.insert(question, note)
        before = model or before
    return shown


def _model_of(answer: Message) -> str:
    """Return the name of the model that wrote an answer, or writes it; "" where nothing was written."""
    is_written = answer.text or answer.thought.strip() or answer.state is State.STREAMING
    return str(answer.details.get("model", "")) if is_written else ""
