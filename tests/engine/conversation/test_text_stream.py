"""The text of an answer appears character by character, however its bytes are split into tokens."""

import pytest

from desktop_app.engine.conversation.text_stream import BATCH_S, RoleWords, TextBatches, TokenDecoder


def test_a_character_spread_over_tokens_appears_when_complete() -> None:
    text = TokenDecoder()
    snowman = "☃".encode()
    assert text.add(1, snowman[:1]) == ""
    assert text.add(2, snowman[1:2]) == ""
    assert text.add(3, snowman[2:] + b"!") == "☃!"
    assert text.text == "☃!"
    assert text.token_ids == (1, 2, 3)


def test_half_a_character_at_the_end_is_left_out_with_its_tokens() -> None:
    text = TokenDecoder()
    text.add(1, b"ok")
    text.add(2, "☃".encode()[:2])
    assert text.text == "ok"
    assert text.token_ids == (1,)


def test_bytes_that_are_no_text_become_the_replacement_character() -> None:
    text = TokenDecoder()
    assert text.add(1, b"\xff") + text.add(2, b"a") == "�a"


def test_only_the_first_space_goes() -> None:
    text = TokenDecoder()
    for token, piece in enumerate((b" The", b" star", b"  ")):
        text.add(token, piece)
    assert text.text == "The star  "


def test_portions_wait_for_each_other() -> None:
    now = 0.0
    sent: list[str] = []
    portions = TextBatches(sent.append, lambda: now)
    portions.add("a")
    portions.add("b")
    portions.add("c")
    assert sent == ["a"]
    now += BATCH_S
    portions.add("d")
    assert sent == ["a", "bcd"]
    portions.add("")
    portions.flush()
    assert sent == ["a", "bcd"]


def streamed(words: str, pieces: list[str]) -> tuple[str, bool]:
    role, text = RoleWords(words), ""
    for piece in pieces:
        text += piece
        if role.add(piece):
            return text[: role.length], True
        assert role.length <= len(text)
    return text, False


@pytest.mark.parametrize("step", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("A cat.USER: And now? ASSISTANT:", "A cat."),
        ("A cat. USER: And now?", "A cat."),
        ("A cat</s>USER: x", "A cat</s>"),
        ("Red\nUSER: x", "Red"),
        ("USER: x", ""),
        ("The log says USER: root and then goes on for long. See?", None),
        ("A user: somebody. USERS are many. US", None),
    ],
)
def test_an_answer_that_lost_its_end_stops_at_the_next_question(text: str, answer: str | None, step: int) -> None:
    pieces = [text[first : first + step] for first in range(0, len(text), step)]
    found = streamed("USER:", pieces)
    assert (found[0].rstrip(), found[1]) == ((text, False) if answer is None else (answer, True))


def test_without_such_words_all_is_certain() -> None:
    role = RoleWords("")
    assert [role.add(piece) for piece in ("a ", "b. ", "\n")] == [False] * 3
    assert role.length == 6


def test_a_text_that_is_cut_keeps_the_tokens_inside() -> None:
    decoder = TokenDecoder()
    for token, piece in enumerate((b" A", b" cat", b".", b"USER", b":")):
        decoder.add(token, piece)
    decoder.cut(6)
    assert (decoder.text, decoder.token_ids) == ("A cat.", (0, 1, 2))
