"""What a sentence says can be done has a button, wherever the sentence is shown."""

from __future__ import annotations

import re

import pytest

from desktop_app.errors import SENTENCES as ERRORS
from desktop_app.services.notices import LABELS, REMEDIES, SENTENCES, Notice
from model_store.errors import SENTENCES as STORE_ERRORS

#: What a sentence says -> the actions of which one must be there.
_NAMED = {
    r"hoose (another|a smaller|a full|one of your) ?(model|LLaVA)": {"choose-model", "open-models"},
    r"in the settings|set a longer context": {"open-settings"},
    r"Sources|access token|proxy address|Write its address": {"open-sources"},
    r"Add (it|the projector), or|Choose the projector|Choose two files that": {"add-projector"},
    r"(without|out) its projector\.$|model without a projector\.$": {"use-text-only"},
    r"Restart the engine|restart the engine": {"restart-engine"},
    r"Choose another picture|Choose another file\.$|add the file|pictures inside it": {"choose-picture"},
    r"Shorten the message": {"edit-question"},
    r"Repair the model|emove the model|it first\.$|and resume": {"open-models"},
    r"repair downloads": {"repair-model"},
    r"you can continue": {"go-on-moving"},
    r"release page": {"open-releases"},
}
#: Shown in a dialog that has what they name, or by the command line alone.
_ELSEWHERE = {
    *("pair-mismatch", "pair-other-kind", "pair-other-version"),  # of files that a person just named
    *("not-a-model", "other-weights"),
    *("cannot-think", "no-picture-tokens"),  # of the command line
}
ALL = {**SENTENCES, **ERRORS, **STORE_ERRORS}


@pytest.mark.parametrize("code", sorted(ALL.keys() - _ELSEWHERE))
def test_what_a_sentence_names_has_a_button(code: str) -> None:
    buttons = {each.code for each in Notice(code).buttons}
    for said, actions in _NAMED.items():
        if re.search(said, ALL[code]):
            assert buttons & actions, (ALL[code], said)
    assert len(buttons) <= 2, "the bar has room for two"


def test_every_action_has_its_words() -> None:
    assert {code for codes in REMEDIES.values() for code in codes} <= LABELS.keys()
    assert REMEDIES.keys() <= ALL.keys()
