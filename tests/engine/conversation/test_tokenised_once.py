"""A question is tokenised once, from the composer to the tokens of its prompt: so is all that comes before it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import (
    Ask,
    EngineSettings,
    Event,
    Finished,
    PartsReduced,
    PictureRef,
    ReadAhead,
    Turn,
    TurnsDropped,
)
from desktop_app.engine.weights.model_files import check_files
from desktop_app.paths import demo_model
from tests.engine.questions import GREEDY
from tests.engine.vision.test_tiled_processor import USUAL, save, write


@dataclass
class Counted:
    """A session that notes what it tells, and every text that its vocabulary tokenises."""

    session: Session
    told: list[Event]
    texts: list[str] = field(default_factory=list)

    def tokenize(self, text: str) -> list[int]:
        self.texts.append(text)
        vocabulary = self.session.model.vocabulary
        return type(vocabulary).tokenize(vocabulary, text)

    def ask(self, *turns: Turn) -> str:
        self.session.ask(Ask(1, turns, GREEDY), 0.0)
        finished = self.told[-1]
        assert isinstance(finished, Finished)
        return finished.text

    def read_ahead(self, *turns: Turn, pictures: tuple[PictureRef, ...] = (), text: str = "") -> None:
        self.session.read_ahead(ReadAhead(2, turns, pictures, max_tokens=GREEDY.max_tokens, text=text))

    def converse(self, *questions: Turn) -> list[Turn]:
        """Ask one after the other, so that the answers are this model's own."""
        turns: list[Turn] = []
        for question in questions:
            turns.append(question._replace(answer=self.ask(*turns, question)))
        return turns

    def forget_texts(self) -> None:
        """Begin to count, with a session that remembers no text."""
        self.session.prompts.asking([], "")
        self.session.prompts.asking([], "")
        self.told.clear()
        self.texts.clear()

    def times(self, words: str) -> int:
        """How often a text with these words was tokenised."""
        return sum(words in text for text in self.texts)


@pytest.fixture
def counted(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """The built-in model; with the parameter "tiles" one that sees pictures in several parts."""
    pair = write(tmp_path, USUAL) if getattr(request, "param", "") == "tiles" else demo_model()
    model = Model(check_files(*pair), EngineSettings(n_ctx=512, threads=1), Interrupt())
    told: list[Event] = []
    counted = Counted(Session(model, Interrupt(), EmbeddingStore(), told.append), told)
    monkeypatch.setattr(model.vocabulary, "tokenize", counted.tokenize)
    yield counted
    counted.session.close()


def test_a_question_and_all_before_it(counted: Counted, star: PictureRef, moon: PictureRef) -> None:
    turns = counted.converse(Turn("The first question?", (star,)), Turn("The second question?"))
    counted.forget_texts()
    counted.ask(*turns, Turn("The third question?", (moon,)))
    assert max(Counter(counted.texts).values()) == 1
    assert [counted.times(f"The {which} question?") for which in ("first", "second", "third")] == [1, 1, 1]
    assert [counted.times(turn.answer or "") for turn in turns] == [0, 0], "the tokens are those that were written"


def test_from_the_composer_to_the_prompt(counted: Counted, star: PictureRef, moon: PictureRef) -> None:
    """What was read ahead is not tokenised again for the question."""
    turns = counted.converse(Turn("The first question?", (star,)))
    counted.forget_texts()
    words = "The second question is much longer. " * 12
    counted.read_ahead(*turns, pictures=(moon,))
    assert counted.times("The first question?") == 1
    counted.read_ahead(*turns, pictures=(moon,), text=words.strip())
    assert counted.times(words.strip()) == 1
    counted.ask(*turns, Turn(f"{words} What is it?", (moon,)))
    assert max(Counter(counted.texts).values()) == 1
    assert counted.times("The first question?") == 1
    assert counted.times("What is it?") == 1
    counted.ask(*turns, Turn("Another end?", (moon,)))
    assert counted.times("The first question?") == 1


@pytest.mark.parametrize("book", ["word and word " * 350_000, "\u8a9e" * 1_700_000])
@pytest.mark.parametrize("in_answer", [False, True])
def test_what_cannot_fit_is_not_tokenised(counted: Counted, book: str, in_answer: bool) -> None:
    """5 MB of an imported conversation, before every question. With no spaces in it that took minutes."""
    turns = [Turn("Short?", answer="Yes."), Turn("What?" if in_answer else book, answer=book if in_answer else "No.")]
    for question in ("What is in it?", "And now?"):
        counted.told.clear()
        counted.texts.clear()
        answer = counted.ask(*turns, Turn(question))
        assert max(map(len, counted.texts)) < 20_000
        assert [event.left for event in counted.told if isinstance(event, TurnsDropped)] == [(0, 1)]
        turns.append(Turn(question, answer=answer))


def test_where_turns_are_dropped(counted: Counted, star: PictureRef) -> None:
    asked = [Turn("Question 0?", (star,)), *(Turn(f"Question {n}? " + "Is it a star? " * 10) for n in range(1, 9))]
    turns = counted.converse(*asked)
    counted.forget_texts()
    counted.ask(*turns, Turn("Question 9?"))
    (dropped,) = [event for event in counted.told if isinstance(event, TurnsDropped)]
    assert dropped.turns > 0
    assert max(Counter(counted.texts).values()) == 1
    assert [counted.times(f"Question {number}?") for number in range(10)] == [1] * 10


@pytest.mark.parametrize("counted", ["tiles"], indirect=True)
def test_where_a_picture_is_seen_in_fewer_parts(counted: Counted, tmp_path: Path) -> None:
    pictures = (save(tmp_path, 160, 120),) * 7
    turns = counted.converse(Turn("The first question?", pictures[:1]))
    counted.forget_texts()
    counted.ask(*turns, Turn("The second question?", pictures))
    assert [event for event in counted.told if isinstance(event, PartsReduced)]
    assert max(Counter(counted.texts).values()) == 1
    assert [counted.times(f"The {which} question?") for which in ("first", "second")] == [1, 1]
