"""Words of code are told apart in languages that are named."""

from __future__ import annotations

import time

import pytest

from desktop_app.markdown.highlighting import LANGUAGES, LEXERS, highlight, is_known


def test_words_are_told_apart() -> None:
    code = 'def f(x):\n    return "a" + 1  # b'
    found = {code[begin:end]: kind for begin, end, kind in highlight(code, "Python")}
    assert (found["def"], found["f"], found["1"], found["# b"]) == ("keyword", "name", "number", "comment")
    assert "string" in found.values()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_that_is_named_is_there(language: str) -> None:
    places = [place for begin, end, _ in highlight("x = 1 # a\n'b' <c>", language) for place in (begin, end)]
    assert places == sorted(places)


def test_nothing_is_guessed() -> None:
    assert not is_known("")
    assert highlight("def f(): pass", "") == highlight("def f(): pass", "klingon") == []


@pytest.mark.parametrize("language", [names.split()[0] for lexers in LEXERS.values() for names in lexers.values()])
def test_no_code_takes_long(language: str) -> None:
    began = time.process_time()
    for piece in ("(", "'", "a ", "/*", "<a ", "\\", "$(("):
        highlight((piece * (300 // len(piece)) + "\n") * 26, language)
        highlight((piece * (300 // len(piece)) + "\n") * 13, language)
    for piece in ("a\n", "\n", "//\n", "a b\n", "/* '\n", "{\n", '"\\\n'):
        highlight(piece * 299, language)
        highlight(piece * (8_000 // len(piece)), language)
    for piece in ("//", "a ", "1.", '"\\'):
        highlight(piece * (8_000 // len(piece)), language)
    assert time.process_time() - began < 10
    assert highlight("x" * 8_001, language) == []
