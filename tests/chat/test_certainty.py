"""How sure a model was: kept in the details of an answer, whatever else may stand there."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from desktop_app.chat.certainty import KEY, Certainty, Sureness, WordScore, as_wished, from_details, of_both, to_details
from desktop_app.chat.conversation import Message, Role
from desktop_app.chat.exporting import to_json
from desktop_app.chat.importing import from_json

TEXT = "It is red."
UNSURE = Certainty(
    Sureness.NOT_SURE, 0.41, (WordScore(0, 2, 1.0, 0.0), WordScore(3, 5, 0.999), WordScore(6, 9, 0.41, -2.5))
)


def details(certainty: Certainty) -> dict[str, Any]:
    return {"model": "a", KEY: json.loads(json.dumps(to_details(certainty)))}


def test_it_is_what_it_was() -> None:
    assert from_details(details(UNSURE), len(TEXT)) == UNSURE
    assert [word.is_unsure for word in UNSURE.words] == [False, False, True]


@pytest.mark.parametrize(
    "anything",
    [
        None,
        3,
        "sure",
        [],
        {},
        {"sureness": "sure", "least": 2, "words": []},
        {"sureness": "sure", "least": float("nan"), "words": []},
        {"sureness": "certain", "least": 1, "words": []},
        {"sureness": ["sure"], "least": 1, "words": []},
        {"sureness": "sure", "least": 1, "words": 7},
        {"sureness": "sure", "least": 1, "words": [[0, 99, 0.5]]},
        {"sureness": "sure", "least": 1, "words": [[-1, 3, 0.5]]},
        {"sureness": "sure", "least": 1, "words": [[4, 3, 0.5]]},
        {"sureness": "sure", "least": 1, "words": [[0, 3, 1.5]]},
        {"sureness": "sure", "least": 1, "words": [[0, 3, "likely"]]},
        {"sureness": "sure", "least": 1, "words": [[0, 3, 0.5, float("inf")]]},
        {"sureness": "sure", "least": 1, "words": [[0.0, 3, 0.5]]},
        {"sureness": "sure", "least": 1, "words": [[0, 3, 0.5], [2, 4, 0.5]]},
        {"sureness": "sure", "least": 1, "words": [[True, 3, 0.5]]},
        {"sureness": "sure", "least": 1, "words": [None]},
    ],
)
def test_whatever_a_history_holds_is_no_certainty(anything: object) -> None:
    assert from_details({KEY: anything}, len(TEXT)) is None
    assert as_wished({KEY: anything}, len(TEXT), "full") == {}


def test_as_much_of_it_is_shown_as_is_wished() -> None:
    assert as_wished(details(UNSURE), len(TEXT), "full") == details(UNSURE)
    assert as_wished(details(UNSURE), len(TEXT), "quiet") == details(UNSURE._replace(words=()))
    assert as_wished(details(UNSURE._replace(sureness=Sureness.DID_NOT_LOOK)), len(TEXT), "quiet") == {"model": "a"}
    assert as_wished(details(UNSURE), len(TEXT), "off") == {"model": "a"}


def test_an_answer_that_went_on_is_as_sure_as_its_least_sure_part() -> None:
    more = Certainty(Sureness.SURE, 0.9, (WordScore(11, 14, 0.95),))
    both = of_both(UNSURE, more, len(TEXT))
    assert both == Certainty(Sureness.NOT_SURE, 0.41, (*UNSURE.words, *more.words))
    assert of_both(None, more, 0) == more
    unlooked = more._replace(sureness=Sureness.DID_NOT_LOOK)
    assert of_both(more, unlooked, 0).sureness is Sureness.SURE
    assert of_both(unlooked, unlooked, 0).sureness is Sureness.DID_NOT_LOOK


def test_it_comes_back_from_an_export(tmp_path: object) -> None:
    asked = Message("1", Role.USER, "Which colour?")
    said = Message("2", Role.ASSISTANT, TEXT, parent="1", details=details(UNSURE))
    strange = Message("3", Role.ASSISTANT, "No", parent="1", details=details(UNSURE))  # of a longer text
    file = "".join(to_json("", [(asked, 0), (said, 1), (strange, 2)], lambda _: None)).encode()
    found = [message for message, _ in from_json(io.BytesIO(file), "a.json", lambda _: "").messages]
    assert from_details(found[1].details, len(TEXT)) == UNSURE
    assert KEY not in found[2].details
