"""The cost of encoding pictures is known before a message is sent, and the person chooses how closely they are seen."""

import pytest

from desktop_app.chat.conversation import Picture
from desktop_app.engine.messages import (
    Ask,
    Load,
    Look,
    ModelInfo,
    PartsReduced,
    Phase,
    PhaseChanged,
    PictureRead,
    ReadAhead,
    ReadAheadDone,
    Ready,
    Seen,
    Stop,
    ThroughputMeasured,
    Tuning,
)
from desktop_app.images.internvl_tiling import InternVLTiling
from desktop_app.images.lfm2_tiling import Lfm2Tiling
from desktop_app.images.llava_tiling import LlavaTiling
from desktop_app.images.minicpm_tiling import MiniCPM46Tiling, MiniCPMTiling
from desktop_app.images.tiling import LLAVA_TILES, WHOLE, AnySize, Filled, QuickLook, Tiling
from desktop_app.look_choice import Wish
from desktop_app.services.conversation.picture_detail import Detail, DetailCost, DetailOptions, WholeCost
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
    desk.services.preferences.set("picture_look", "quick")
    assert desk.services.picture_detail.chosen() == Detail()
    assert ahead(desk, None).pictures[0].width == 64


def test_both_ways_are_told_with_their_cost(desk: Desk) -> None:
    ready(desk)
    assert desk.services.picture_detail.options() is None  # no picture yet
    desk.attach()
    assert desk.services.picture_detail.whole_cost() is None
    whole, quick = DetailCost(3, FULL, 12.0 + FULL / 100), DetailCost(1, GLANCE, 4.0 + GLANCE / 100)
    assert desk.services.picture_detail.options() == DetailOptions(whole, quick, Wish.AUTOMATIC)
    desk.attach("another.png", "blue")
    two = desk.services.picture_detail.options()
    assert two is not None
    assert (two.whole.parts, two.quick.parts) == (6, 2)


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
    assert options.whole == DetailCost(parts, tokens, parts * 4.0 + tokens / 100)
    one = tiling.tokens(64, 48, WHOLE)
    assert options.quick == DetailCost(1, one, 4.0 + one / 100)
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
    after = before._replace(whole=before.whole._replace(seconds=0.0), is_read=True)
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
        seconds.append(options.whole.seconds)
    assert seconds == [0.0, 6.0 + FULL / 50 if tuned else 0.0, 6.0 + FULL / 10]


def test_another_choice_costs_an_abort_and_goes_with_the_message(desk: Desk) -> None:
    ready(desk)
    desk.attach()
    first = ahead(desk, None)
    sha256 = first.pictures[0].sha256
    desk.client.emit(PhaseChanged(first.request, Phase.LOOKING, 0, 1, 8.0, sha256, 1, 3))
    wait_until(lambda: desk.services.draft.pictures()[0].state == "reading")
    assert desk.services.draft.pictures()[0].progress >= 1 / 3
    desk.services.picture_detail.choose(Wish.QUICK)
    second = ahead(desk, 0)
    assert second.request != first.request
    assert desk.services.draft.pictures()[0].state == "attached"
    desk.client.emit(ReadAheadDone(second.request, True, 700, 700, 1))
    wait_until(lambda: desk.services.draft.pictures()[0].state == "read")
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    asked = desk.client.of(Ask)[-1]
    assert (asked.turns[0].pictures[0].most_tiles, asked.turns[0].pictures[0].width) == (0, 64)
    assert desk.services.picture_detail.wish() is Wish.AUTOMATIC  # the next message begins anew
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
    desk.services.preferences.set("picture_look", "quick")
    desk.attach()
    wait_until(lambda: bool(desk.client.of(ReadAhead)) and desk.client.of(ReadAhead)[-1].pictures[0].most_tokens == 70)
    desk.services.picture_detail.choose_tokens(280)
    wait_until(lambda: desk.client.of(ReadAhead)[-1].pictures[0].most_tokens == 280)


def test_the_setting_is_what_messages_begin_with(desk: Desk) -> None:
    ready(desk)
    desk.services.preferences.set("picture_look", "quick")
    desk.attach()
    ahead(desk, 0)
    options = desk.services.picture_detail.options()
    assert options is not None
    assert options.wish is Wish.QUICK
    desk.services.picture_detail.choose(Wish.WHOLE)
    ahead(desk, None)


def test_too_small_a_context_is_told_before_sending_and_once_after(desk: Desk) -> None:
    ready(desk)
    desk.attach()
    command = ahead(desk, None)
    desk.client.emit(PartsReduced(command.request, 1, 3))
    wait_until(lambda: bool(desk.services.picture_detail.options() and desk.services.picture_detail.options().fitting))  # type: ignore[union-attr]
    options = desk.services.picture_detail.options()
    assert options is not None
    assert (options.fitting, options.wished, options.whole.parts) == (1, 3, 1)
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


ROWS = TILED._replace(tiling=None, quick=QuickLook())


def look_ahead(desk: Desk, look: Look) -> ReadAhead:
    """The newest read-ahead, once the draft's picture is looked at so."""
    wait_until(lambda: bool(desk.client.of(ReadAhead)) and looks(desk.client.of(ReadAhead)[-1])[-1:] == [look])
    return desk.client.of(ReadAhead)[-1]


def looks(command: ReadAhead | Ask) -> list[Look]:
    """How all pictures are looked at."""
    pictures = [picture for turn in command.turns for picture in turn.pictures]
    return [picture.look for picture in (*pictures, *getattr(command, "pictures", ()))]


def test_rows_and_seconds_of_both_looks_are_told_for_all_pictures(desk: Desk) -> None:
    ready(desk, ROWS)
    desk.attach()
    whole, quick = DetailCost(1, 576, 4.0 + 5.76), DetailCost(1, 192, 4.0 + 1.92)
    options = desk.services.picture_detail.options()
    assert options == DetailOptions(whole, quick, Wish.AUTOMATIC, Look.QUICK, in_parts=False)
    desk.attach("another.png", "blue")
    options = desk.services.picture_detail.options()
    assert options is not None
    assert (options.whole.tokens, options.quick.tokens, options.quick.seconds) == (1152, 384, 8.0 + 3.84)
    desk.services.picture_detail.set_reduced(100, 192, True)
    options = desk.services.picture_detail.options()
    assert options is not None
    assert (options.fitting, options.wished, options.in_tokens, options.whole.tokens) == (100, 192, True, 1152)


def test_a_quick_look_at_tiles_takes_a_share_of_all_of_them(desk: Desk) -> None:
    ready(desk, TILED._replace(quick=LLAVA_TILES))
    desk.attach()
    options = desk.services.picture_detail.options()
    assert options is not None
    assert (options.quick.parts, options.quick.tokens) == (3, LLAVA_TILES.rows(FULL, tiled=True))
    assert options.quick.seconds == pytest.approx(12.0 + options.quick.tokens / 100)


def test_of_few_rows_there_is_nothing_to_choose(desk: Desk) -> None:
    ready(desk, ROWS._replace(image_tokens=64))
    desk.attach()
    assert desk.services.picture_detail.options() is None


def test_a_question_for_text_is_answered_from_the_whole(desk: Desk) -> None:
    """What is typed decides; who deletes it again keeps what is read as a whole."""
    ready(desk, ROWS)
    desk.attach()
    look_ahead(desk, Look.QUICK)
    desk.services.draft.set_text("What does it s")
    desk.services.draft.set_text("What does it say?")
    whole = look_ahead(desk, Look.WHOLE)
    options = desk.services.picture_detail.options()
    assert options is not None
    assert options.look is Look.WHOLE
    desk.services.draft.set_text("What is it?")
    pump(100)
    assert desk.client.of(ReadAhead)[-1] == whole
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    asked = desk.client.of(Ask)[-1]
    assert looks(asked) == [Look.QUICK], "the engine takes the whole, if that costs less"
    desk.client.emit(finished(asked, "A shop."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.chat.send("And what does the sign say?")
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert looks(desk.client.of(Ask)[-1]) == [Look.WHOLE]
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Bread."))
    wait_until(lambda: not desk.services.chat.is_busy())
    desk.services.chat.send("Is it open?")
    wait_until(lambda: len(desk.client.of(Ask)) == 3)
    assert looks(desk.client.of(Ask)[-1]) == [Look.WHOLE], "it was read for the question before"


def test_a_document_is_looked_at_as_a_whole(desk: Desk) -> None:
    ready(desk, ROWS)
    desk.attach(fine=True)
    look_ahead(desk, Look.WHOLE)
    options = desk.services.picture_detail.options()
    assert options is not None
    assert (options.wish, options.look, options.fine) == (Wish.AUTOMATIC, Look.WHOLE, True)
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    assert looks(desk.client.of(Ask)[-1]) == [Look.WHOLE]
    assert desk.services.chat.messages()[0].details == {"look": "automatic", "fine": True}


@pytest.mark.parametrize("wish", [Wish.QUICK, Wish.WHOLE])
def test_the_choice_goes_with_the_message_through_the_queue(desk: Desk, wish: Wish) -> None:
    ready(desk, ROWS)
    desk.services.chat.send("Hello!")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.attach()
    desk.services.picture_detail.choose(wish)
    desk.services.chat.send("How many are there?")
    pump(0)
    desk.client.emit(finished(desk.client.of(Ask)[-1], "Hello."))
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    assert looks(desk.client.of(Ask)[-1]) == [Look(wish.value)]


def test_afterwards_the_whole_is_looked_at_while_nothing_else_is_to_be_done(desk: Desk) -> None:
    ready(desk, ROWS)
    told: list[bool] = []
    desk.services.reading_ahead.looking_closely.connect(told.append)
    desk.attach()
    quick = look_ahead(desk, Look.QUICK)
    desk.client.emit(ReadAheadDone(quick.request, True, 200, 200, 1))
    closer = look_ahead(desk, Look.WHOLE)
    wait_until(lambda: told == [True])
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(ReadAheadDone(closer.request, False, 200, 0, 0))
    wait_until(lambda: told == [True, False])
    asked = desk.client.of(Ask)[-1]
    seen = (Seen(asked.turns[0].pictures[0].sha256, 192, 576),)
    desk.client.emit(finished(asked, "A circle.")._replace(looks=seen))
    wait_until(lambda: not desk.services.chat.is_busy())
    answer = desk.services.chat.messages()[-1]
    assert answer.looks == ((192, 576),)
    wait_until(lambda: bool(desk.client.of(ReadAhead)[-1].turns))
    first = desk.client.of(ReadAhead)[-1]
    assert looks(first) == [Look.QUICK]
    desk.client.emit(ReadAheadDone(first.request, True, 210, 0, 0))
    wait_until(lambda: looks(desk.client.of(ReadAhead)[-1]) == [Look.WHOLE])
    wait_until(lambda: told == [True, False, True])
    last = desk.client.of(ReadAhead)[-1]
    assert last.turns[0].answer == "A circle."
    desk.client.emit(ReadAheadDone(last.request, True, 594, 400, 0))
    wait_until(lambda: told == [True, False, True, False])
    pump(100)
    assert desk.client.of(ReadAhead)[-1] == last, "it is done"
    # Asked again closely, the answer is another version.
    desk.services.chat.look_closely(answer.id)
    wait_until(lambda: len(desk.client.of(Ask)) == 2)
    asked = desk.client.of(Ask)[-1]
    assert looks(asked) == [Look.WHOLE]
    desk.client.emit(finished(asked, "A red circle.")._replace(looks=(seen[0]._replace(rows=576),)))
    wait_until(lambda: not desk.services.chat.is_busy())
    again = desk.services.chat.messages()[-1]
    wait_until(lambda: desk.services.chat.messages()[-1].sibling == (1, 2))
    assert again.looks == ()


def test_a_quick_look_at_the_draft_that_was_chosen_stays_one(desk: Desk) -> None:
    ready(desk, ROWS)
    desk.services.preferences.set("picture_look", "quick")
    desk.attach()
    quick = look_ahead(desk, Look.QUICK)
    desk.client.emit(ReadAheadDone(quick.request, True, 200, 200, 1))
    pump(100)
    assert desk.client.of(ReadAhead)[-1] == quick


def test_what_would_take_the_room_of_others_is_not_looked_at_as_a_whole(desk: Desk) -> None:
    ready(desk, ROWS)
    desk.attach()
    quick = look_ahead(desk, Look.QUICK)
    desk.client.emit(ReadAheadDone(quick.request, True, 200, 200, 1))
    closer = look_ahead(desk, Look.WHOLE)
    desk.client.emit(PartsReduced(closer.request, 100, 576, True))
    wait_until(lambda: closer.request in [stop.request for stop in desk.client.of(Stop)])
    options = desk.services.picture_detail.options()
    assert options is not None
    assert options.fitting == 0, "as it will be looked at, it fits"


def test_without_reading_ahead_nothing_is_looked_at_afterwards(desk: Desk) -> None:
    ready(desk, ROWS)
    desk.services.preferences.set("reading_ahead", False)
    desk.attach()
    desk.services.chat.send("What is it?")
    wait_until(lambda: bool(desk.client.of(Ask)))
    desk.client.emit(finished(desk.client.of(Ask)[-1], "A circle."))
    wait_until(lambda: not desk.services.chat.is_busy())
    pump(100)
    assert not desk.client.of(ReadAhead)
