"""The built-in model answers in the engine as it does in transformers, with the same weights.

`packaging/demo_model/record_reference.py` wrote what transformers computed in float32.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from desktop_app.engine.client import EngineClient
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings, PictureRef, Sampling, Turn
from desktop_app.engine.weights.model_files import check_files
from desktop_app.images.preprocess import fit_square
from desktop_app.images.reading import open_picture
from desktop_app.paths import demo_model
from tests.engine.clip_reference import mean_cosine
from tests.engine.questions import ask
from tests.helpers.paths import DATA

GREEDY = Sampling(temperature=0, max_tokens=100)


@dataclass(frozen=True)
class Recorded:
    """A conversation about one picture, as transformers had it."""

    seed: int
    picture: PictureRef
    turns: list[dict[str, Any]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    folder = tmp_path_factory.mktemp("scenes")
    conversations = []
    for entry in json.loads((DATA / "transformers_reference.json").read_text(encoding="utf-8")):
        raw = base64.b64decode(entry["picture"])
        path = folder / f"{entry['seed']}.png"
        path.write_bytes(raw)
        picture = PictureRef(hashlib.sha256(raw).hexdigest(), str(path), path.name)
        conversations.append(Recorded(entry["seed"], picture, entry["turns"]))
    return conversations


def test_pictures_become_the_same_embeddings(recorded: list[Recorded]) -> None:
    files = check_files(*demo_model())
    assert files.projector is not None
    pictures = {str(conversation.seed): conversation.picture for conversation in recorded}
    model = Model(files, EngineSettings(), Interrupt())
    cosines = {}
    with np.load(DATA / "transformers_embeddings.npz") as features:
        for seed, expected in features.items():
            image = open_picture(pictures[seed].path, pictures[seed].name)
            square = fit_square(image, files.projector.side, files.projector.fill)
            cosines[seed] = mean_cosine(model.encode(square.tobytes()), expected.astype(np.float64))
    model.close()
    assert len(cosines) >= 10
    assert min(cosines.values()) >= 0.9999, cosines


def test_answers_are_the_same_token_for_token(shared: EngineClient, recorded: list[Recorded]) -> None:
    """Rounding may turn a close decision now and then: 98 of 100 conversations must agree to the end."""
    assert len(recorded) == 100
    different = []
    for conversation in recorded:
        turns: tuple[Turn, ...] = ()
        for index, expected in enumerate(conversation.turns):
            pictures = (conversation.picture,) if index == 0 else ()
            turns = (*turns, Turn(expected["question"], pictures))
            finished = ask(shared, *turns, sampling=GREEDY)
            if list(finished.token_ids) != expected["token_ids"]:
                different.append((conversation.seed, expected["question"], expected["answer"], finished.text))
                break
            assert finished.text == expected["answer"]
            turns = (*turns[:-1], turns[-1]._replace(answer=finished.text))
    assert len(different) <= 2, different
