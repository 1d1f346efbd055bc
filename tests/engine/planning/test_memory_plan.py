"""The memory estimate, compared with measurements and with llama.cpp; and which way of loading is chosen."""

from __future__ import annotations

import io
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.engine.llama.kv_state import SEQUENCES
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.planning.memory_budget import MemoryBudget, find_memory_budget
from desktop_app.engine.planning.memory_estimate import PICTURES_BASE, Shape
from desktop_app.engine.planning.memory_plan import plan_from_headers, plan_load, plan_shape, smaller_quantisation
from desktop_app.engine.weights.model_files import ModelFiles, check_files
from desktop_app.errors import UserError
from model_store.gguf_header import read_header, read_header_from
from tests.engine.planning.dry_runs import asked
from tests.random_models.headers_only import (
    LLAMA_3_8B,
    LLAVA_7B,
    LLAVA_13B,
    LLAVA_34B,
    MISTRAL_7B,
    PHI_3,
    Decoder,
    write_decoder,
    write_tower,
)
from tests.random_models.llava import Sizes, write_language_model, write_projector

MIB, GIB = 1 << 20, 1 << 30
Pair = Callable[[Decoder], ModelFiles]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Make a pair of files that are nothing but headers."""

    def make(shape: Decoder) -> ModelFiles:
        model = write_decoder(tmp_path / "llava.gguf", shape)
        return check_files(model, write_tower(tmp_path / "mmproj.gguf", shape.width))

    return make


def planned(files: ModelFiles, gib: float, settings: EngineSettings | None = None) -> LoadPlan:
    return plan_load(files, settings or EngineSettings(), find_memory_budget(int(gib * GIB)))


def test_the_parts_of_llava_7b_are_as_measured(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    assert files.model.stat().st_blocks * 512 < MIB  # the test writes no gigabytes
    shape = Shape.of_files(files)
    f16, q8_0 = (shape.estimate(LoadPlan(4096, 512, kv)) for kv in ("f16", "q8_0"))
    assert f16.weights / MIB == pytest.approx(3891, rel=0.01)
    assert f16.projector / MIB == pytest.approx(598, rel=0.01)
    assert f16.kv_cache == 4096 * MIB // 2
    assert q8_0.kv_cache / 4096 / MIB == pytest.approx(0.27, rel=0.02)
    assert f16.compute_buffers / MIB == pytest.approx(320, rel=0.01)
    assert q8_0.compute_buffers / MIB == pytest.approx(100.6, rel=0.01)
    assert f16.encoder_buffers / MIB == pytest.approx(21.6 + 9, rel=0.05)
    assert f16.decoded_photo == 2 * 4 * 12e6
    small = shape.estimate(LoadPlan(4096, 512, small_projector=True, embedding_cache=64 * MIB))
    assert small.projector / MIB == pytest.approx(318, rel=0.01)
    assert small.embeddings == 64 * MIB
    assert (f16.save_buffers / MIB, q8_0.save_buffers / MIB) == (64, 34)
    assert f16.repacked == 0
    assert shape.estimate(LoadPlan(4096, 512, repacked=True)).repacked / MIB == pytest.approx(2943, abs=1)
    assert shape.estimate(LoadPlan(4096, 512, mapped=False, repacked=True)).repacked == 0


def test_on_arm_matrices_of_q6_k_are_repacked_too(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    shape = Shape.of_files(pair(LLAVA_7B))
    everything_but_the_embeddings = shape.weights - 32000 * 4096 * 144 // 256
    assert shape.repackable == pytest.approx(everything_but_the_embeddings, rel=0.001)


@pytest.mark.parametrize(
    ("kv", "repacked", "mapped", "measured"),
    [
        ("f16", True, True, 9675),
        ("f16", False, True, 6732),
        ("f16", True, False, 6748),
        ("q8_0", True, False, 5780),
    ],
)
def test_the_sum_is_within_a_tenth_of_measured_peaks(
    pair: Pair, kv: str, repacked: bool, mapped: bool, measured: int
) -> None:
    """Peaks of llama.cpp's own program with micro-batches of 512 tokens, which has no window."""
    need = Shape.of_files(pair(LLAVA_7B)).estimate(LoadPlan(4096, 512, kv, mapped, repacked))
    assert (need.total - need.program) / MIB == pytest.approx(measured, rel=0.1)


def test_the_process_for_pictures_counts_where_pictures_are_seen(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    plan = LoadPlan(4096, 512, "f16")
    seeing, blind = Shape.of_files(files).estimate(plan), Shape.of(files.header).estimate(plan)
    assert seeing.program - blind.program == PICTURES_BASE > 0


#: Shape, computer in GiB -> the context and the type of keys and values, or the code of the refusal.
CHOICES: list[tuple[Decoder, int, tuple[int, str] | str]] = [
    (LLAVA_7B, 4, "does-not-fit"),
    (LLAVA_7B, 6, "does-not-fit-offer"),
    (LLAVA_7B, 8, (4096, "q8_0")),
    (LLAVA_7B, 16, (4096, "f16")),
    (LLAVA_7B, 32, (4096, "f16")),
    (LLAVA_13B, 8, "does-not-fit-offer"),
    (LLAVA_13B, 12, (3584, "q8_0")),
    (LLAVA_13B, 16, (4096, "f16")),
    (LLAVA_34B, 12, "does-not-fit"),
    (LLAVA_34B, 16, "does-not-fit-offer"),
    (LLAVA_34B, 24, "does-not-fit-offer"),
    (LLAVA_34B, 32, (4096, "f16")),
    (MISTRAL_7B, 8, (4096, "f16")),
    (PHI_3, 6, (4096, "q8_0")),
    (PHI_3, 8, (4096, "f16")),
]


@pytest.mark.parametrize(("shape", "gib", "outcome"), CHOICES)
def test_choices(pair: Pair, shape: Decoder, gib: int, outcome: tuple[int, str] | str) -> None:
    files = pair(shape)
    if isinstance(outcome, str):
        with pytest.raises(UserError) as refused:
            planned(files, gib)
        assert refused.value.code == outcome
        assert "llava needs at least" in str(refused.value)
        return
    plan = planned(files, gib)
    assert (plan.n_ctx, plan.kv_type) == outcome
    assert plan.needed <= plan.usable < gib * GIB
    assert plan.needed == Shape.of_files(files).estimate(plan).total
    assert plan.reduced == (plan.n_ctx < 4096)


def test_llava_7b_on_8_gb_stays_below_what_was_promised(pair: Pair) -> None:
    plan = planned(pair(LLAVA_7B), 8)
    assert plan.needed <= plan.usable == 5.75 * GIB
    assert (plan.mapped, plan.repacked, plan.flash_attention) == (True, False, True)


def test_what_is_given_to_pictures_shrinks_before_the_conversation_does(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    rooms = [MemoryBudget(size * MIB, size * MIB) for size in range(5600, 7800, 20)]
    plans = [plan_load(files, EngineSettings(), budget) for budget in rooms]
    for kv_type in ("f16", "q8_0"):
        whole = [plan for plan in plans if (plan.n_ctx, plan.kv_type, plan.n_ubatch) == (4096, kv_type, 256)]
        given = [(not plan.small_projector, plan.embedding_cache) for plan in whole]
        assert given == sorted(given)
        assert set(given) == {(True, 126 * MIB), (False, 126 * MIB), (False, 63 * MIB)}
    assert all(plan.small_projector for plan in plans if plan.n_ubatch < 256)
    kinds = [(plan.kv_type == "f16", plan.keeps_projector) for plan in plans if not plan.reduced]
    assert kinds == sorted(kinds)
    assert len(set(kinds)) == 4
    assert not any(plan_load(files, EngineSettings(), budget, may_copy=False).small_projector for budget in rooms[30:])


def test_embeddings_of_all_pictures_in_a_context_have_room(pair: Pair) -> None:
    shape = Shape.of_files(pair(LLAVA_7B))
    picture = 576 * 4096 * 4
    assert shape.embedding_cache(4096, ample=False) == 7 * picture
    assert shape.embedding_cache(2048, ample=False) == 3 * picture
    assert shape.embedding_cache(512, ample=False) == picture
    assert shape.embedding_cache(4096, ample=True) == 14 * picture
    assert replace(shape, most_picture_tokens=5 * 576).embedding_cache(4096, ample=False) == 2 * 7 * picture
    assert Shape.of(pair(LLAVA_7B).header).embedding_cache(4096, ample=True) == 0


def test_conversation_and_projector_can_take_turns(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    shape = Shape.of_files(files)
    kept = LoadPlan(4096, 256, "q8_0", small_projector=True)
    turns = shape.estimate(kept._replace(keeps_projector=False))
    spared = shape.estimate(kept).total - turns.total
    assert spared == turns.projector + turns.encoder_buffers
    assert turns.total == sum(turns.parts.values()) - spared
    small = kept._replace(n_ctx=256, keeps_projector=False)
    need = shape.estimate(small)
    assert need.total == sum(need.parts.values()) - need.kv_cache - need.compute_buffers - need.save_buffers
    other = dict(files.header.metadata)
    other["llama.attention.sliding_window"] = 2048
    assert files.projector is not None
    windowed = Shape.of(replace(files.header, metadata=other), files.projector.header)
    assert (shape.can_free_projector, windowed.can_free_projector) == (True, False)


def test_repacking_is_a_wish_and_then_the_file_is_not_mapped_as_well(pair: Pair) -> None:
    plan = planned(pair(LLAVA_7B), 8, EngineSettings(repack=True))
    assert (plan.mapped, plan.repacked, plan.n_ctx) == (False, True, 4096)


def test_the_context_is_shortened_last_and_says_what_the_wish_needs(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    full = planned(files, 32)
    rooms = [size * MIB for size in range(5000, 7200, 100)]
    plans = [
        plan_load(files, EngineSettings(), MemoryBudget(budget, budget)) for budget in rooms if budget > 5100 * MIB
    ]
    assert [plan.n_ctx for plan in plans] == sorted(plan.n_ctx for plan in plans)
    assert {plan.kv_type for plan in plans if plan.reduced} == {"q8_0"}
    kinds = [plan.kv_type for plan in plans]
    assert kinds == sorted(kinds, reverse=True)  # first q8_0, then f16
    for plan in plans:
        assert plan.needed_as_requested <= full.needed
        assert plan.reduced == (plan.needed_as_requested > plan.usable)
    assert plans[0].n_ctx >= 1024  # a picture, a question and an answer


def test_a_wish_is_bounded_by_what_the_model_was_trained_for(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    for wish in (8192, 0):
        plan = planned(files, 32, EngineSettings(n_ctx=wish))
        assert (plan.n_ctx, plan.requested_n_ctx, plan.reduced) == (4096, 4096, False)
    assert plan_load(files, EngineSettings(n_ctx=512)).n_ctx == 512


def test_little_that_is_free_now_shortens_but_does_not_refuse(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    assert plan_load(files, EngineSettings(), MemoryBudget(8 * GIB, 5 * GIB)).reduced
    pushed = plan_load(files, EngineSettings(), MemoryBudget(8 * GIB, 2 * GIB))
    assert (pushed.n_ctx, pushed.kv_type) == (4096, "f16")
    assert pushed.needed > pushed.free


def test_what_is_offered_instead(pair: Pair) -> None:
    shape = Shape.of_files(pair(LLAVA_7B))
    settings = EngineSettings()
    assert smaller_quantisation(shape, settings, 5 * GIB) == "Q3_K_M"  # 3.3 GB, with the whole context
    assert smaller_quantisation(shape, settings, int(4.5 * GIB)) == "Q2_K"
    assert smaller_quantisation(shape, settings, 2 * GIB) == ""
    found = plan_shape(shape, settings, find_memory_budget(6 * GIB))
    assert (found.fits, found.offer) == (False, "Q2_K")
    assert found.plan.needed > found.plan.usable
    reduced = plan_shape(shape, settings, MemoryBudget(5 * GIB, 5 * GIB))
    assert (reduced.fits, reduced.plan.reduced, reduced.offer) == (True, True, "Q3_K_M")
    assert plan_shape(shape, settings, find_memory_budget(16 * GIB)).offer == ""


def test_heads_that_differ_between_layers_are_added_up(tmp_path: Path) -> None:
    shape = Decoder(1024, 4, 8, 8, 2048, 1000, 2048, kv_heads_of_layers=(8, 4, 2, 2))
    header = read_header(write_decoder(tmp_path / "m.gguf", shape))
    assert Shape.of(header).cache_per_token == 2 * 128 * (8 + 4 + 2 + 2)


def test_heads_that_q8_0_cannot_hold_keep_f16(pair: Pair, tmp_path: Path) -> None:
    odd = replace(Shape.of_files(pair(LLAVA_7B)), head_sizes=(80, 80))
    assert plan_shape(odd, EngineSettings(), find_memory_budget(8 * GIB)).plan.kv_type == "f16"


def test_the_first_bytes_of_a_file_are_enough(pair: Pair) -> None:
    files = pair(LLAVA_7B)
    with files.model.open("rb") as file:
        start = file.read(64 * 1024)
    header = read_header_from(io.BytesIO(start), files.model.stat().st_size)
    assert Shape.of(header) == Shape.of(files.header)
    assert files.projector is not None
    for gib in (4, 8, 16):
        told = plan_from_headers(header, files.projector.header, EngineSettings(), find_memory_budget(gib * GIB))
        assert told == plan_shape(Shape.of_files(files), EngineSettings(), find_memory_budget(gib * GIB))


def test_what_usual_contexts_need_is_told(pair: Pair) -> None:
    shape = Shape.of_files(pair(LLAVA_7B))
    for wish in (512, 4096, 0):
        settings = EngineSettings(n_ctx=wish)
        told = plan_shape(shape, settings, find_memory_budget(8 * GIB)).needed_at
        assert list(told) == [2048, 4096]
        for n_ctx, needed in told.items():
            budget = MemoryBudget(needed, needed)
            assert plan_shape(shape, settings._replace(n_ctx=n_ctx), budget).plan.n_ctx == n_ctx
            assert (
                plan_shape(shape, settings._replace(n_ctx=n_ctx), MemoryBudget(needed - 1, needed - 1)).plan.n_ctx
                < n_ctx
            )
    short = replace(shape, trained_context=2048)
    assert list(plan_shape(short, EngineSettings(), find_memory_budget(8 * GIB)).needed_at) == [2048]


@pytest.mark.parametrize("shape", [LLAVA_7B, LLAVA_34B, MISTRAL_7B, LLAMA_3_8B, PHI_3])
def test_llama_cpp_would_allocate_the_same(shape: Decoder, tmp_path: Path) -> None:
    path = write_decoder(tmp_path / "m.gguf", shape)
    contexts = [(4096, 128, "f16"), (1024, 64, "f16"), (4096, 128, "q8_0"), (700, 32, "q8_0")]
    theirs_all = asked(path, *(f"{n_ctx},{n_ubatch},{kv},{SEQUENCES}" for n_ctx, n_ubatch, kv in contexts))
    ours = Shape.of(read_header(path))
    for (n_ctx, n_ubatch, kv), theirs in zip(contexts, theirs_all, strict=True):
        need = ours.estimate(LoadPlan(n_ctx, n_ubatch, kv))
        assert need.kv_cache / MIB == pytest.approx(theirs["kv"], rel=0.01), (n_ctx, kv)
        # It also reserves room for the logits of a whole micro-batch, where the attention's scores go otherwise.
        logits = n_ubatch * 4 * (ours.vocabulary + 2 * ours.width + -(-n_ctx // 256) * 256)
        of_last_token = 5 * 4 * ours.vocabulary
        reserved = max(need.compute_buffers - of_last_token, logits)
        assert reserved / MIB == pytest.approx(theirs["compute"], rel=0.1), (n_ctx, n_ubatch, kv)


def test_logits_that_are_never_computed_need_no_memory() -> None:
    """SmolLM2-135M: 48 MiB of 235 at 2048 tokens. With Gemma's vocabulary it would be 256 MiB."""
    small = Shape(92 * MIB, 0, 134_500_000, 8192, 576, 9, 192, 30 * 384, (64, 64), 1536, 49152)
    large = replace(small, vocabulary=262144)
    for shape in (small, large):
        assert shape.estimate(LoadPlan(2048, 256)).compute_buffers < 30 * MIB


def test_tiles_need_memory_but_no_longer_context(tmp_path: Path) -> None:
    """Five parts may be kept; yet a picture that has no room is seen as a whole, with one token more."""
    needs = []
    for newline in ("", "model.image_newline"):
        sizes = Sizes(newline=newline)
        model = write_language_model(tmp_path / "model.gguf", sizes)
        shape = Shape.of_files(check_files(model, write_projector(tmp_path / "mmproj.gguf", sizes)))
        needs.append((shape.image_tokens, shape.most_picture_tokens, shape.embedding_cache(64, ample=False)))
    # What of a part is only padding takes no place in the context: twice as much may be kept.
    assert needs == [(16, 16, 64 * 64 * 4), (17, 5 * 16, 2 * 5 * 16 * 64 * 4)]
