"""Models of other families than LLaVA-1.5 converse with their own prompts; some of them also see pictures."""

from pathlib import Path

import pytest

from desktop_app.chat.families.signs import FAMILIES
from desktop_app.engine.client import EngineClient
from desktop_app.engine.messages import FinishReason, PictureRef, Turn
from desktop_app.errors import UserError
from tests.engine.questions import ask, read_ahead
from tests.random_models.architectures import write_architecture
from tests.random_models.llava import Sizes, write_projector

ARCHITECTURES = {"qwen2vl": "qwen2.5_vl", "gemma3": "gemma3", "phi2": "moondream2"}


def write(folder: Path, architecture: str) -> Path:
    family = next(family for family in FAMILIES if family.name == ARCHITECTURES[architecture])
    return write_architecture(folder / "model.gguf", architecture, tuple(sorted(family.specials)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_they_answer_in_words(empty: EngineClient, tmp_path: Path, architecture: str) -> None:
    info = empty.load(write(tmp_path, architecture), None)
    assert info.family == ARCHITECTURES[architecture]
    question = Turn("What is red?")
    first = ask(empty, question)
    assert first.stats.finish_reason is FinishReason.LENGTH
    second = ask(empty, Turn("What is red?", (), first.text), Turn("Which colour?"))
    # All that was read or written is still there, but for the last token written, which was never read.
    assert second.stats.reused_tokens >= first.stats.prompt_tokens + first.stats.answer_tokens - 1
    # The KV cache can be cut, whatever windows or positions the architecture has.
    again = ask(empty, question)
    assert again.token_ids == first.token_ids


def test_moondream_reads_pictures(empty: EngineClient, tmp_path: Path, star: PictureRef, moon: PictureRef) -> None:
    sizes = Sizes(class_token=False)
    projector = write_projector(tmp_path / "mmproj.gguf", sizes)
    info = empty.load(write(tmp_path, "phi2"), projector)
    assert (info.family, info.image_tokens, info.class_token) == ("moondream2", sizes.image_tokens, "not-needed")
    ahead = read_ahead(empty, pictures=(star,)).context_used
    assert ahead > 1 + sizes.image_tokens  # the words between the picture and the question as well
    first = ask(empty, Turn("What is red?", (star,)))
    assert first.stats.reused_tokens == ahead
    other = ask(empty, Turn("What is red?", (moon,)))
    assert other.stats.prompt_tokens == first.stats.prompt_tokens
    assert other.stats.reused_tokens == 1


def test_projectors_of_other_kinds_are_refused_with_a_way_out(empty: EngineClient, tmp_path: Path) -> None:
    model = write(tmp_path, "gemma3")
    with pytest.raises(UserError) as caught:
        empty.load(model, write_projector(tmp_path / "mmproj-other.gguf", Sizes(kind="pixtral")))
    assert "mmproj-other.gguf" in str(caught.value)
    assert "without its projector" in str(caught.value)
    assert empty.load(model, None).image_tokens == 0
