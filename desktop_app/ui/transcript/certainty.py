"""What is said of how sure the model was of an answer: under it, at its words, and to screen readers."""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication

from desktop_app.chat.certainty import Certainty, Sureness, WordScore, from_details
from desktop_app.chat.conversation import Message, State

_MOST_NAMED = 20  # words
_MOST_TIMES = 1000
translate = QCoreApplication.translate


def of(message: Message) -> Certainty | None:
    """Return how sure the model was of an answer, None if nothing is known of it."""
    return None if message.state is State.STREAMING else from_details(message.details, len(message.text))


def verdict(message: Message) -> str:
    """Return the sentence under an answer, "" if it needs none."""
    certainty = of(message)
    sureness = certainty.sureness if certainty is not None else Sureness.UNKNOWN
    if sureness is Sureness.NOT_SURE:
        return translate("transcript", "The model was not sure of this answer.")
    if sureness is Sureness.SURE:
        return translate("transcript", "The model was sure of this answer.")
    if sureness is Sureness.DID_NOT_LOOK:
        return translate("transcript", "The model did not look: without the picture it would have answered the same.")
    return ""


def unsure_words(message: Message) -> list[WordScore]:
    """Return the words of which the model was not sure."""
    certainty = of(message)
    return [] if certainty is None else [word for word in certainty.words if word.is_unsure]


def spoken_words(message: Message) -> str:
    """Return the sentence that names these words, "" if there are none."""
    found = dict.fromkeys(message.text[word.start : word.end] for word in unsure_words(message))
    if not found:
        return ""
    named = ", ".join(list(found)[:_MOST_NAMED])
    return translate("transcript", "The model was not sure of these words: {words}.").format(words=named)


def remark(message: Message) -> str:
    """Return what is said of an answer in an export."""
    return " ".join(filter(None, (verdict(message), spoken_words(message))))


def tip(word: WordScore) -> str:
    """Return what is said of a word under the pointer."""
    percent = max(1, round(100 * word.probability))
    said = translate("transcript", "The model was {percent}% sure of this word.").format(percent=percent)
    if word.picture is None:
        return said
    if word.picture >= math.log(_MOST_TIMES):
        looked = translate("transcript", "Without the picture it would hardly have written it.")
    elif word.picture >= math.log(2):
        looked = translate("transcript", "The picture made it {times} times as likely.")
        looked = looked.format(times=round(math.exp(word.picture)))
    elif word.picture <= -math.log(2):
        looked = translate("transcript", "Without the picture it would have been more likely.")
    else:
        looked = translate("transcript", "Without the picture it would have been about as likely.")
    return f"{said} {looked}"
