"""The text of an answer appears character by character, however its bytes are split into tokens."""

from desktop_app.engine.conversation.text_stream import BATCH_S, TextBatches, TokenDecoder


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
