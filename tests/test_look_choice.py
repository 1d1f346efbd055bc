"""Where the program chooses how closely to look, words and kinds of pictures decide."""

from __future__ import annotations

import pytest

from desktop_app.engine.messages import Look
from desktop_app.look_choice import Wish, asks_to_read, look_for, wish_from

READING = """
What does it say? | Read the sign. | How many birds are there? | What number is on the door? | Is there any text?
Transcribe this page | WHAT IS WRITTEN HERE | how much is the total | When is the date of this invoice?
Was steht da? | Lies mir das vor. | Wie viele Vögel sind das? | Welche Zahl ist das? | Was kostet das?
Lis le panneau. | Combien d'oiseaux ? | Qu'est-ce qui est écrit ? | ¿Qué dice? | ¿Cuántos pájaros hay? | Lee esto
O que está escrito? | Quantos pássaros? | Cosa c'è scritto? | Quanti uccelli? | Что здесь написано? | Сколько птиц?
他写了什么 | 读一下 | 有多少只鸟 | 图里的文字是什么 | 何と書いてありますか
鳥はいくつ | 読んで | 뭐라고 쓰여 있나요 | 몇 마리예요
"""
LOOKING = """
Describe this picture. | Describe these pictures. | What is in this picture? | Is the bird blue? | Where is the dog?
Who is bread for? | A context | Is this a countryside? | What is on the table? | What animal is this?
Was ist auf dem Bild? | Wo steht der Hund? | Welche Farbe hat das Auto? | Que fait cet homme ? | ¿De qué color es?
Cosa fa il gatto? | Что на картинке? | 图里有什么 | これは何ですか | 이것은 무엇입니까
"""


def questions(lines: str) -> list[str]:
    return [question.strip() for line in lines.strip().splitlines() for question in line.split(" | ")]


@pytest.mark.parametrize("question", questions(READING))
def test_who_asks_for_text_or_numbers_wants_to_read(question: str) -> None:
    assert asks_to_read(question)


@pytest.mark.parametrize("question", ["", *questions(LOOKING)])
def test_who_asks_for_anything_else_does_not(question: str) -> None:
    assert not asks_to_read(question)


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize("fine", [False, True])
def test_only_automatic_depends_on_anything(*, reads: bool, fine: bool) -> None:
    assert look_for(Wish.QUICK, asks_to_read=reads, fine=fine) is Look.QUICK
    assert look_for(Wish.WHOLE, asks_to_read=reads, fine=fine) is Look.WHOLE
    assert (look_for(Wish.AUTOMATIC, asks_to_read=reads, fine=fine) is Look.WHOLE) == (reads or fine)


def test_a_history_may_hold_anything() -> None:
    assert [wish_from(value) for value in ("automatic", "quick", "whole")] == list(Wish)
    assert {wish_from(value) for value in (None, "", "closed up", 3, ["quick"])} == {Wish.WHOLE}
