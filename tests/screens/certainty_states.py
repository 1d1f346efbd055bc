"""Functions for screenshots of what is said of how sure the model was and how it looked; see window_states.py."""

from __future__ import annotations

from desktop_app.chat.certainty import KEY, Certainty, Sureness, WordScore, to_details
from desktop_app.chat.conversation import LOOKS_KEY, Message
from tests.helpers.fakes.conversation import answer, question
from tests.helpers.fakes.engine import LLAVA
from tests.helpers.waiting import pump
from tests.screens.window_states import Stage, state


def said(text: str, sureness: Sureness, **words: float) -> Message:
    """Return an answer, and how probable some of its words were."""
    found = sorted((text.index(word), text.index(word) + len(word), share) for word, share in words.items())
    scores = tuple(WordScore(start, end, share, 0.2) for start, end, share in found)
    least = min(words.values(), default=0.99)
    figures = {"model": LLAVA.name, "tokens_per_second": 5.4, "answer_tokens": 40}
    return answer(text, details={**figures, KEY: to_details(Certainty(sureness, least, scores))})


def _talk(stage: Stage) -> None:
    stage.services.engine.become("ready", LLAVA)
    stage.open_first()
    stage.services.chat.show(
        question("What do you see in this picture?", stage.lake),
        said(
            "A lake between **mountains**. On the left two people sit in a wooden boat, and one of them holds a "
            "fishing rod.\n\n- The sky is clear\n- It looks like early *autumn*",
            Sureness.NOT_SURE,
            two=0.55,
            wooden=0.71,
            fishing=0.38,
            autumn=0.62,
        ),
        question("Thank you!"),
        said("You are welcome! Ask me anything else about it.", Sureness.DID_NOT_LOOK),
        question("Is the sky blue?"),
        said("Yes, the sky is blue.", Sureness.SURE),
    )
    pump(100)


@state
def guessing(stage: Stage) -> None:
    """All is told of how sure it was."""
    stage.services.preferences.set("certainty", "full")
    _talk(stage)


@state
def guessing_quiet(stage: Stage) -> None:
    """Only of which answers it was not sure."""
    stage.services.preferences.set("certainty", "quiet")
    _talk(stage)


@state
def looked_quickly(stage: Stage) -> None:
    """An answer after a quick look, and the whole is looked at while nothing else is to be done."""
    stage.services.engine.become("ready", LLAVA)
    stage.open_first()
    figures = {"model": LLAVA.name, "tokens_per_second": 5.4, "answer_tokens": 40, LOOKS_KEY: [[192, 576]]}
    stage.services.chat.show(
        question("What do you see in this picture?", stage.lake),
        answer("A lake between **mountains**, and two people in a boat. The sun is low.", details=figures),
    )
    stage.services.reading_ahead.looking_closely.emit(True)
    pump(100)
