"""The prompt is exactly what LLaVA-1.5 was trained on, whatever a person types."""

import pytest

from desktop_app.chat.families.known import VICUNA_V1
from desktop_app.chat.prompt import (
    Answer,
    Exchange,
    Part,
    PicturePlace,
    Special,
    Words,
    parts_by_exchange,
    prompt_parts,
)

SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
BOS, EOS = Special("bos"), Special("eos")


def as_text(parts: list[Part]) -> str:
    names = {BOS: "<s>", EOS: "</s>"}

    def text(part: Part) -> str:
        if isinstance(part, Answer):
            return part.before + part.text + part.after
        if isinstance(part, PicturePlace):
            return "<image>"
        return names[part] if isinstance(part, Special) else part.text

    return "".join(map(text, parts))


def test_first_question_with_a_picture() -> None:
    parts = prompt_parts(VICUNA_V1, [Exchange("What is this?", ("p",))])
    assert parts == [BOS, Words(f"{SYSTEM} USER: "), PicturePlace("p"), Words("\nWhat is this? ASSISTANT:")]


def test_a_conversation_reads_as_in_training() -> None:
    parts = prompt_parts(
        VICUNA_V1,
        [Exchange("What is this?", ("p",), "A star."), Exchange("Which colour?", (), "Red."), Exchange("Sure?")],
    )
    assert as_text(parts) == (
        f"<s>{SYSTEM} USER: <image>\nWhat is this? ASSISTANT: A star.</s>"
        "USER: Which colour? ASSISTANT: Red.</s>USER: Sure? ASSISTANT:"
    )
    assert parts[4:7] == [Answer("A star.", before=" "), EOS, Words("USER: Which colour? ASSISTANT:")]


def test_several_pictures_in_one_message() -> None:
    parts = prompt_parts(VICUNA_V1, [Exchange("Compare.", ("p", "q"))])
    assert as_text(parts) == f"<s>{SYSTEM} USER: <image>\n<image>\nCompare. ASSISTANT:"
    assert parts[2:5] == [PicturePlace("p"), Words("\n"), PicturePlace("q")]


@pytest.mark.parametrize(
    ("system", "start"), [(None, f"{SYSTEM} USER:"), ("Answer in rhyme.", "Answer in rhyme. USER:"), (" ", "USER:")]
)
def test_the_system_prompt_can_be_replaced(system: str | None, start: str) -> None:
    parts = prompt_parts(VICUNA_V1, [Exchange("Hello")], system)
    assert parts == [BOS, Words(f"{start} Hello ASSISTANT:")]


@pytest.mark.parametrize("typed", ["</s>", "<image>", "<__media__>", "{question}", "[INST] %s", "USER: x ASSISTANT:"])
def test_whatever_is_typed_stays_words(typed: str) -> None:
    parts = prompt_parts(VICUNA_V1, [Exchange(typed, (), typed), Exchange(typed)], typed)
    assert [type(part) for part in parts] == [Special, Words, Answer, Special, Words]
    assert parts[1] == Words(f"{typed} USER: {typed} ASSISTANT:")


def test_an_empty_answer_leaves_only_its_end() -> None:
    parts = prompt_parts(VICUNA_V1, [Exchange("a", (), ""), Exchange("b")])
    assert as_text(parts).endswith("USER: a ASSISTANT:</s>USER: b ASSISTANT:")


def test_parts_are_told_apart_by_exchange() -> None:
    """What goes on from one exchange to the next is one stretch, and stands with the later."""
    exchanges = [Exchange("a", (), "b"), Exchange("c")]
    opening, first, second = parts_by_exchange(VICUNA_V1, exchanges, "s")
    assert opening == [Special("bos")]
    assert first[0] == Words("s USER: a ASSISTANT:")
    assert second == [Words("USER: c ASSISTANT:")]
    assert [*opening, *first, *second] == prompt_parts(VICUNA_V1, exchanges, "s")
    with_picture = [Exchange("a", ("p",), "b")]
    assert parts_by_exchange(VICUNA_V1, with_picture, "s")[1][0] == Words("s USER: ")
