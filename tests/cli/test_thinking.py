"""`eyebright ask --think`, and what the verbs say of the words in which a model is spoken to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.engine.cache.embeddings import EmbeddingStore
from desktop_app.engine.conversation.session import Session
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import Ask, EngineSettings, Event, Finished, LoadPlan, Sampling, Turn
from desktop_app.engine.weights.model_files import check_files
from tests.cli.running import run_verb
from tests.random_models.gemma4 import write_gemma4
from tests.random_models.qwen3_vl import write_qwen3_vl
from tests.random_models.qwen35 import write_qwen35

ASK = ("-p", "What is a star?", "--greedy", "--max-tokens", "12", "--json")
OTHER_WORDS = "{{ '<|im_start|>system\\nYou are Bob.<|im_end|>\\n' }}"
SAID = "It is spoken to as Qwen3-VL; its file has other words"


def test_what_it_thinks_is_in_the_json_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(write_qwen35(tmp_path / "model.gguf"))
    assert run_verb("ask", "--model", model, *ASK) == 0
    assert json.loads(capsys.readouterr().out)["thought"] == ""
    assert run_verb("ask", "--model", model, *ASK, "--think") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["thought"]
    assert figures["answer_tokens"] == 12
    assert run_verb("ask", "--model", model, *ASK[:-1], "--think") == 0
    assert figures["thought"] not in capsys.readouterr().out


def test_a_thought_that_was_too_long_says_so_and_leaves_no_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(write_qwen35(tmp_path / "model.gguf"))
    several = ("--model", model, *ASK, "-p", "What is a moon?", "--think")
    assert run_verb("ask", *several) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["answer"], second["answer"]) == ("", "")
    assert run_verb("ask", "--model", model, "-p", "What is a moon?", *ASK[2:], "--think") == 0
    assert json.loads(capsys.readouterr().out)["thought"] == second["thought"]
    assert run_verb("ask", "--model", model, *ASK[:-1], "--think") == 0
    assert "It was still thinking after 12 tokens." in capsys.readouterr().err


def test_a_model_that_cannot_think_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb("ask", *ASK, "--think") == 2
    assert "cannot think before it answers. Leave out --think" in capsys.readouterr().err


def test_other_words_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(write_qwen3_vl(tmp_path / "model.gguf", chat_template=OTHER_WORDS))
    assert run_verb("plan", model) == 0
    assert SAID in capsys.readouterr().out
    assert run_verb("plan", model, "--json") == 0
    assert json.loads(capsys.readouterr().out)["wording"] == "other"
    assert run_verb("ask", "--model", model, *ASK) == 0
    assert SAID in capsys.readouterr().err
    assert run_verb("models", "import", model) == 0
    capsys.readouterr()
    assert run_verb("models", "list") == 0
    assert SAID in capsys.readouterr().out
    same = str(write_qwen3_vl(tmp_path / "same.gguf"))
    assert run_verb("plan", same) == 0
    assert "spoken to" not in capsys.readouterr().out


@pytest.mark.parametrize("write", [write_qwen35, write_gemma4])
def test_the_prompt_of_a_second_question_is_as_the_template_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write: Callable[[Path], Path]
) -> None:
    """The empty thought stands before the newest answer alone, though the first was written behind one."""
    model = write(tmp_path / "model.gguf")
    assert run_verb("ask", "--model", str(model), *ASK, "-p", "What is a moon?") == 0
    first, found = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    engine = Model(check_files(model, None), EngineSettings(threads=1), Interrupt(), LoadPlan(1024, 64))
    heard: list[Event] = []
    session = Session(engine, Interrupt(), EmbeddingStore(), heard.append)
    greedy = Sampling(temperature=0, max_tokens=12)
    try:
        session.ask(Ask(1, (Turn("What is a star?"),), greedy), 0.0)
        session.forget()  # so that the second prompt is evaluated as a whole
        turns = (Turn("What is a star?", answer=first["answer"]), Turn("What is a moon?"))
        session.ask(Ask(2, turns, greedy), 0.0)
    finally:
        session.close()
    same, fresh = (event for event in heard if isinstance(event, Finished))
    assert same.text == first["answer"]
    assert (fresh.text, fresh.stats.prompt_tokens) == (found["answer"], found["prompt_tokens"])
    assert 0 < found["reused_tokens"] < found["prompt_tokens"]
