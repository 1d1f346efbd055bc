"""The cost of encoding pictures is known before a message is sent, and the person chooses how closely they are seen."""

import pytest

from desktop_app.chat.conversation import Picture
from desktop_app.engine.messages import (
    Ask,
    Load,
    ModelInfo,
    PartsReduced,
    Phase,
    PhaseChanged,
    PictureRead,
    ReadAhead,
    ReadAheadDone,
    Ready,
    ThroughputMeasured,
    Tuning,
)
from desktop_app.images.internvl_tiling import InternVLTiling
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.llava_tiling import LlavaTiling
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling, MiniCPMTiling
from desktop_app.images.tiling import WHOLE, AnySize, Filled, Tiling
from desktop_app.services.conversation.picture_detail import DetailCost, DetailOptions, WholeCost
from tests.helpers.fake_engine import finished
from tests.helpers.waiting import pump, wait_until
from tests.services.conftest import DEMO, Desk

TILED = DEMO._replace(
    is_demo=False, n_ctx=4096, image_tokens=576, tiling=LlavaTiling(336, 24), part_s=4.0, token_s=0.01
)
#: The desk's pictures are 64 x 48 pixels: seen in 1 x 2 tiles, each line of which holds 32 of 48 image tokens.
FULL, GLANCE = 576 + 24 * 33, 577


def ready(desk: Desk, info: object = TILED) -> None:
    assert isinstance(info, type(TILED))
    desk.client.emit(Ready(desk.client.of(Load)[-1].request, info))
    wait_until(lambda: desk.services.engine.info() == info)


def ahead(desk: Desk, most_tiles: int | None) -> ReadAhead:
    """The newest read-ahead, once it wants the picture to be seen so."""

    def wanted() -> bool:
        sent = desk.client.of(ReadAhead)
        return bool(sent and sent[-1].pictures and sent[-1].pictures[0].most_tiles == most_tiles)

    wait_until(wanted)
    return desk.client.of(ReadAhead)[-1]


def test_nothing_is_offered_where_pictures_are_one_square(desk: Desk) -> None:
    desk.ready()
    desk.attach()
    assert desk.services.picture_detail.options() is None
    desk.services.preferences.set("picture_glance", True)
    assert not desk.services.picture_detail.is_quick()
    assert ahead(desk, None).pictures[0].width == 64


def test_both_ways_are_told_with_their_cost(desk: Desk) -> None:
    ready(desk)
    assert desk.services.picture_detail.options() is None  # no picture yet
    desk.attach()
    assert desk.services.picture_detail.whole_cost() is None
    full, quick = DetailCost(3, 12.0 + FULL / 100), DetailCost(1, 4.0 + GLANCE / 100)
    assert desk.services.picture_detail.options() == DetailOptions(full, quick, False)
    desk.attach("another.png", "blue")
    two = desk.services.picture_detail.options()
    assert two is not None
    assert (two.full.parts, two.quick.parts) == (6, 2)


@pytest.mark.parametrize(
    ("tiling", "parts", "tokens"),
    [
        (InternVLTiling(448), 13, 13 * 256),
        (MiniCPMTiling(28, 14), 5, 5 * 64 + 4 * 2 + 1),
        (MiniCPM46Tiling(28, 14, 4), 5, 5 * 4 + 4 * 2 + 1),
        (Lfm2Tiling(32, 16, 1, 2), 7, 6 * (4 + 1) + 1 + 1),
    ],
)
def test_every_way_to_divide_a_picture_has_its_cost(desk: Desk, tiling: Tiling, parts: int, tokens: int) -> None:
    ready(desk, TILED._replace(tiling=tiling))
    desk.attach()
    options = desk.services.picture_detail.options()
    assert options is not None
    assert options.full == DetailCost(parts, parts * 4.0 + tokens / 100)
    assert options.quick == DetailCost(1, 4.0 + tiling.tokens(64, 48, WHOLE) / 100)
    assert desk.services.picture_detail.whole_cost() is None


@pytest.mark.parametrize(
    ("tiling", "tokens"),
    [(MiniCPMTiling(448, 14), 64), (MiniCPM46Tiling(448, 56, 64), 63), (Lfm2Tiling(512), 70)],
)
def test_nothing_is_offered_where_a_picture_is_small_enough_for_one_piece(
    desk: Desk, tiling: Tiling, tokens: int
) -> None:
    ready(desk, TILED._replace(tiling=tiling))
    assert desk.services.picture_detail.whole_cost() is None  # no picture yet
    desk.attach()
    assert desk.services.picture_detail.options() is None
    assert desk.services.picture_detail.whole_cost() == WholeCost(1, tokens, 4.0 + tokens / 100)


def test_a_picture_in_one_piece_costs_as_much_as_it_is_large(desk: Desk) -> None:
    any_size = AnySize(32, 64, 1280)
    ready(desk, TILED._replace(tiling=None, any_size=any_size, image_tokens=768))
    assert desk.services.picture_detail.whole_cost() is None  # no picture yet
    desk.attach()  # 64 x 48 pixels: enlarged to 10 x 7 tokens
    assert desk.services.picture_detail.options() is None
    cost = desk.services.picture_detail.whole_cost()
    assert cost is not None
    assert cost[:2] == (1, 70)
    assert cost.seconds == pytest.approx(4.0 * 70 / 768 + 0.7)
    desk.attach("another.png", "blue")
    cost = desk.services.picture_detail.whole_cost()
    assert cost is not None
    assert cost.tokens == 140


def be_read(desk: Desk, name: str) -> None:
    """The engine has read the picture."""
    [held] = [each for each in desk.services.draft.pictures() if each.name == name]
    assert held.picture is not None
    desk.client.emit(PictureRead(desk.client.of(ReadAhead)[-1].request, held.picture.sha256))
    wait_until(lambda: any(each.name == name and each.state == "read" for each in desk.services.draft.pictures()))


@pytest.mark.parametrize(
    "info",
    [
        TILED._replace(tiling=None, any_size=AnySize(32, 64, 1280), image_tokens=768),
        TILED._replace(tiling=Lfm2Tiling(512)),
        TILED._replace(tiling=None, any_size=Filled(48, 1, 280, (70, 140, 280)), image_tokens=266),
    ],
)
def test_pictures_that_are_read_cost_nothing_more(desk: Desk, info: ModelInfo) -> None:
    ready(desk, info)
    detail = desk.services.picture_detail
    desk.attach("one.png")
    one = detail.whole_cost()
    assert one is not None
    ahead(desk, None)
    be_read(desk, "one.png")
    assert detail.whole_cost() == WholeCost(0, 0, 0.0, read=1)
    desk.attach("another.png", "blue")
    assert detail.whole_cost() == one._replace(read=1)
    options = detail.token_options()
    if options is not None:  # with other numbers of tokens both are read anew
        assert options.costs[280] == one._replace(read=1)
        assert options.costs[70][0] == 2


def test_only_the_way_in_which_pictures_are_read_costs_nothing_more(desk: Desk) -> None:
    ready(desk)
    desk.attach("one.png")
    before = desk.services.picture_detail.options()
    assert before is not None
    ahead(desk, None)
    be_read(desk, "one.png")
    after = before._replace(full=before.full._replace(seconds=0.0))
    assert desk.services.picture_detail.options() == after


@pytest.mark.parametrize("tuned", [True, False])
def test_times_are_told_as_soon_as_they_are_known(desk: Desk, tuned: bool) -> None:
    tuning = Tuning(2, 2, 128, reading=50.0) if tuned else None
    ready(desk, TILED._replace(part_s=0.0, token_s=0.0, tuning=tuning))
    desk.attach()
    seconds = []
    for pace in (ThroughputMeasured(0), ThroughputMeasured(0, part_s=2.0), ThroughputMeasured(0, token_s=0.1)):
        desk.client.emit(pace)
        pump(0)
        options = desk.services.picture_detail.options()
        assert options is not None
        seconds.append(options.full.seconds)
    assert seconds == [0.0, 6.0 + FULL / 50 if tuned else 0.0, 6.0 + FULL / 10]


def test_another_choice_costs_an_abort_and_goes_with_the_message(desk: Desk) -> None:
    ready(desk)
    desk.attach()
    first = ahead(desk, None)
    sha256 = first.pictures[0].sha256
    desk.client.emit(PhaseChanged(first.request, Phase.LOOKING, 0, 1, 8.0, sha256, 1, 3))
    wait_until(lambda: desk.services.draft.pictures()[0].state == "reading")
    assert desk.services.draft.pictures()[0].progress >= 1 / 3
    desk.services.picture_detail.choose(True)
    second = ahead(desk, 0)
    assert second.request != first.request
    assert desk.services.draft.pictures()[0].state == "attached"
    desk.client.emit(ReadAheadDone(second.request, True, 700, 700, 1))
    wait_until(lambda: desk.services.draft.pictures()[0].state == "read")
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    asked = desk.client.of(Ask)[-1]
    assert (asked.turns[0].pictures[0].most_tiles, asked.turns[0].pictures[0].width) == (0, 64)
    assert not desk.services.picture_detail.is_quick()  # the next message begins anew
    desk.client.emit(finished(asked, "A circle."))
    wait_until(lambda: not desk.services.chat.is_busy())
    # It stays so: in the conversation when it is opened again, and when the question is asked otherwise.
    conversation = desk.services.conversations.current_id()
    desk.services.conversations.new()
    desk.services.conversations.open(conversation)
    wait_until(lambda: len(desk.services.chat.messages()) == 2)
    assert desk.services.chat.turns()[0].pictures[0].most_tiles == 0
    desk.services.chat.edit(desk.services.chat.messages()[0].id, "Which colour?")
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert desk.client.of(Ask)[-1].turns[0].pictures[0].most_tiles == 0


SIZES = Filled(48, 1, 280, (70, 140, 280, 560, 1120))
FILLED = TILED._replace(tiling=None, any_size=SIZES, image_tokens=266)


def test_how_many_tokens_a_picture_takes_is_chosen_and_goes_with_the_message(desk: Desk) -> None:
    ready(desk, FILLED)
    assert desk.services.picture_detail.token_options() is None  # no picture yet
    desk.attach()
    options = desk.services.picture_detail.token_options()
    assert options is not None
    assert {choice: cost.tokens for choice, cost in options.costs.items()} == {
        choice: SIZES.chosen(choice).tokens(64, 48) for choice in SIZES.choices
    }
    assert (options.chosen, options.usual, options.fitting) == (280, 280, 0)
    seconds = [cost.seconds for cost in options.costs.values()]
    assert seconds[2] == pytest.approx(4.0 + options.costs[280].tokens / 100, rel=0.05)
    assert seconds[4] > 4 * seconds[2] > 0  # attention grows with the square
    assert desk.services.picture_detail.whole_cost() == options.costs[280]
    first = ahead(desk, None)
    assert first.pictures[0].most_tokens is None
    desk.services.picture_detail.choose_tokens(1120)
    assert desk.services.picture_detail.whole_cost() == options.costs[1120]
    wait_until(lambda: desk.client.of(ReadAhead)[-1].pictures[0].most_tokens == 1120)
    desk.client.emit(PartsReduced(desk.client.of(ReadAhead)[-1].request, 266, 1107, True))
    wait_until(lambda: bool(desk.services.picture_detail.token_options().fitting))  # type: ignore[union-attr]
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    asked = desk.client.of(Ask)[-1]
    assert asked.turns[0].pictures[0].most_tokens == 1120
    desk.client.emit(PartsReduced(asked.request, 266, 1107, True))
    desk.client.emit(finished(asked, "A circle."))
    wait_until(lambda: not desk.services.chat.is_busy())
    assert [notice.text_code for notice in desk.notices] == ["picture-tokens-reduced"]
    conversation = desk.services.conversations.current_id()
    desk.services.conversations.new()
    desk.services.conversations.open(conversation)
    wait_until(lambda: len(desk.services.chat.messages()) == 2)
    assert desk.services.chat.turns()[0].pictures[0].most_tokens == 1120
    desk.attach("another.png", "blue")  # the next message begins anew
    options = desk.services.picture_detail.token_options()
    assert options is not None
    assert options.chosen == 280


def test_with_the_setting_pictures_take_the_fewest_tokens(desk: Desk) -> None:
    ready(desk, FILLED)
    desk.services.preferences.set("picture_glance", True)
    desk.attach()
    wait_until(lambda: bool(desk.client.of(ReadAhead)) and desk.client.of(ReadAhead)[-1].pictures[0].most_tokens == 70)
    desk.services.picture_detail.choose_tokens(280)
    wait_until(lambda: desk.client.of(ReadAhead)[-1].pictures[0].most_tokens == 280)


def test_the_setting_is_what_messages_begin_with(desk: Desk) -> None:
    ready(desk)
    desk.services.preferences.set("picture_glance", True)
    desk.attach()
    ahead(desk, 0)
    options = desk.services.picture_detail.options()
    assert options is not None
    assert options.is_quick
    desk.services.picture_detail.choose(False)
    ahead(desk, None)


def test_too_small_a_context_is_told_before_sending_and_once_after(desk: Desk) -> None:
    ready(desk)
    desk.attach()
    command = ahead(desk, None)
    desk.client.emit(PartsReduced(command.request, 1, 3))
    wait_until(lambda: bool(desk.services.picture_detail.options() and desk.services.picture_detail.options().fitting))  # type: ignore[union-attr]
    options = desk.services.picture_detail.options()
    assert options is not None
    assert (options.fitting, options.wished, options.full.parts) == (1, 3, 1)
    for question in ("What is it?", "And why?"):
        count = len(desk.client.of(Ask))
        desk.services.chat.send(question)
        wait_until(lambda count=count: len(desk.client.of(Ask)) > count)  # type: ignore[misc]
        asked = desk.client.of(Ask)[-1]
        desk.client.emit(PartsReduced(asked.request, 1, 3))
        desk.client.emit(finished(asked, "Yes."))
        wait_until(lambda: not desk.services.chat.is_busy())
    assert [notice.text_code for notice in desk.notices] == ["parts-reduced-to-one"]


def test_too_small_a_context_is_told_in_the_conversation_that_has_it(desk: Desk) -> None:
    ready(desk)
    desk.attach()
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    asked = desk.client.of(Ask)[-1]
    conversation = desk.services.conversations.current_id()
    desk.services.conversations.new()
    desk.client.emit(PartsReduced(asked.request, 2, 5))
    desk.client.emit(finished(asked, "A circle."))
    wait_until(lambda: not desk.services.answers.is_under_way(conversation))
    assert desk.services.notices.standing() == [], "another conversation is open"
    desk.services.conversations.open(conversation)
    wait_until(lambda: bool(desk.services.notices.standing()))
    [notice] = desk.services.notices.standing()
    assert (notice.text_code, notice.owner) == ("parts-reduced", "conversation")
    assert notice.parameters == {"parts": 2, "wished": 5}
    desk.services.conversations.new()
    assert desk.services.notices.standing() == []
    desk.services.conversations.open(conversation)
    wait_until(lambda: len(desk.services.chat.messages()) == 2)
    assert desk.services.notices.standing() == [], "it was told"


def test_pictures_of_an_earlier_draft_say_nothing_of_the_next(desk: Desk) -> None:
    ready(desk)
    desk.attach()
    desk.services.picture_detail.set_reduced(1, 3)
    desk.services.draft.remove(desk.services.draft.pictures()[0].key)
    desk.attach("another.png", "blue")
    options = desk.services.picture_detail.options()
    assert options is not None
    assert options.fitting == 0
    assert isinstance(desk.services.draft.pictures()[0].picture, Picture)
