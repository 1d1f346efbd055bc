"""Tokens become words, in every script, and an answer is as sure as its least sure token."""

from __future__ import annotations

import math

import pytest

from desktop_app.chat.certainty import Sureness
from desktop_app.engine.conversation.certainty import TokenScore, certainty


def scored(*pieces: str, logs: tuple[float, ...] = (), without: tuple[float, ...] = ()) -> list[TokenScore]:
    """Return the tokens of a text that is made of these pieces."""
    found, start = [], 0
    for number, piece in enumerate(pieces):
        end = start + len(piece)
        log = logs[number] if logs else 0.0
        found.append(TokenScore(start, end, log, without[number] if without else None))
        start = end
    return found


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (("The", " cir", "cle", " is", " red", "."), ["The", "circle", "is", "red"]),
        (("don", "'t", " look", "-", "ahead", "!"), ["don't", "look", "ahead"]),
        (("**", "red", "**", ",", " green"), ["red", "green"]),
        (("它", "是", "红色", "。"), ["它", "是", "红色"]),
        (("कु", "त", "्ता"), ["कुत्ता"]),
        (("a", "", "é"), ["aé"]),  # a character of two tokens
        (("\n", "-", " one", "\n", "two"), ["one", "two"]),
        (("...", " !"), []),
        (("(red)", " 3", ".", "5"), ["red", "3", "5"]),
    ],
)
def test_tokens_without_a_space_between_are_a_word(pieces: tuple[str, ...], words: list[str]) -> None:
    text = "".join(pieces)
    found = certainty(text, scored(*pieces), None)
    assert [text[word.start : word.end] for word in found.words] == words


def test_a_word_is_as_probable_as_its_tokens_together() -> None:
    half = math.log(0.5)
    tokens = scored("The", " cir", "cle", logs=(0.0, half, half), without=(0.0, half, 2 * half))
    the, circle = certainty("The circle", tokens, None).words
    assert (the.probability, the.picture) == (1, 0)
    assert circle.probability == pytest.approx(0.25)
    assert circle.picture == pytest.approx(math.log(2))


def test_an_answer_is_as_sure_as_its_least_sure_token_or_its_end() -> None:
    assert certainty("It is", scored("It", " is"), None).sureness is Sureness.SURE
    assert certainty("It is", scored("It", " is", logs=(0.0, math.log(0.4))), None).sureness is Sureness.NOT_SURE
    assert certainty("It is", scored("It", " is"), math.log(0.4)).sureness is Sureness.NOT_SURE


def test_a_long_answer_could_have_been_said_in_many_ways() -> None:
    pieces = ["word", *[" word"] * 60]
    tokens = scored(*pieces, logs=(math.log(0.4), *[0.0] * 60))
    assert certainty("".join(pieces), tokens, None).sureness is Sureness.UNKNOWN


def test_it_did_not_look_if_no_token_was_more_probable_with_the_picture() -> None:
    tokens = scored("Hello", " you", logs=(-0.01, -0.01), without=(-0.01, -0.02))
    assert certainty("Hello you", tokens, None).sureness is Sureness.DID_NOT_LOOK
    tokens[1] = tokens[1]._replace(without=-3.0)
    assert certainty("Hello you", tokens, None).sureness is Sureness.SURE
    tokens[1] = tokens[1]._replace(without=None)  # it was not read so far
    assert certainty("Hello you", tokens, None).sureness is Sureness.SURE
