"""Small models whose headers hold numbers that do not go together are refused: llama.cpp would hang or end."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.engine.weights.model_files import check_files
from desktop_app.errors import UserError
from tests.engine.weights.mutations import File, parse
from tests.random_models.small_models import SMALL_MODELS

ARRAY, U32, I32 = 9, 4, 5
MODELS = ("lfm2_vl", "qwen3_vl", "qwen3.5", "gemma4", "gemma4_e2b", "minicpm_v4.6")
Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    made = {}
    for name in MODELS:
        folder = tmp_path_factory.mktemp(name)
        made[name] = SMALL_MODELS[name].write(folder)
        check_files(*made[name])
    return made


def put(file: File, key: str, value: int | tuple[int, ...]) -> None:
    if isinstance(value, int):
        file.keys[key.encode()] = (U32, struct.pack("<I", value))
    else:
        file.keys[key.encode()] = (ARRAY, struct.pack(f"<IQ{len(value)}i", I32, len(value), *value))


def refusal(tmp_path: Path, pair: Pair, part: int, change: Callable[[File], None]) -> str:
    """Return why a pair is refused when one of its files is changed."""
    file = parse(pair[part].read_bytes())
    change(file)
    changed = tmp_path / "wrong.gguf"
    changed.write_bytes(file.raw())
    with pytest.raises(UserError) as caught:
        check_files(*((changed, pair[1]) if part == 0 else (pair[0], changed)))
    assert "wrong.gguf" in str(caught.value)
    return caught.value.code


def architecture(pair: Pair) -> str:
    return parse(pair[0].read_bytes()).keys[b"general.architecture"][1][8:].decode()


@pytest.mark.parametrize("turned", [0, 1, 5, 1 << 20])
@pytest.mark.parametrize("name", MODELS)
def test_values_of_a_head_are_turned_in_pairs(tmp_path: Path, pairs: dict[str, Pair], name: str, turned: int) -> None:
    key = f"{architecture(pairs[name])}.rope.dimension_count"
    assert refusal(tmp_path, pairs[name], 0, lambda file: put(file, key, turned)) == "model-damaged"


@pytest.mark.parametrize("turned", [0, 5, 1 << 20])
def test_values_of_a_head_are_turned_in_pairs_under_a_window(
    tmp_path: Path, pairs: dict[str, Pair], turned: int
) -> None:
    change = lambda file: put(file, "gemma4.rope.dimension_count_swa", turned)  # noqa: E731
    assert refusal(tmp_path, pairs["gemma4"], 0, change) == "model-damaged"


@pytest.mark.parametrize("name", ["qwen3_vl", "qwen3.5", "minicpm_v4.6"])
@pytest.mark.parametrize("sections", [(0, 0, 0, 0), (2, 2, 2, 64), (1 << 30, 2, 2, 0), (-1, 2, 2, 0)])
def test_time_line_and_column_turn_no_more_than_is_turned(
    tmp_path: Path, pairs: dict[str, Pair], name: str, sections: tuple[int, ...]
) -> None:
    key = f"{architecture(pairs[name])}.rope.dimension_sections"
    assert refusal(tmp_path, pairs[name], 0, lambda file: put(file, key, sections)) == "model-damaged"


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("lfm2_vl", "nextn_predict_layers", 5),
        ("qwen3.5", "nextn_predict_layers", 9),
        ("gemma4", "nextn_predict_layers", 1 << 31),
        ("gemma4", "attention.shared_kv_layers", 1),  # a layer that sees all would read keys of one with a window
        ("gemma4", "attention.shared_kv_layers", 5),
        ("gemma4", "attention.shared_kv_layers", 6),
        ("gemma4", "attention.shared_kv_layers", 1 << 31),
        ("qwen3.5", "full_attention_interval", 0),
        ("qwen3.5", "ssm.inner_size", 64),
        ("qwen3.5", "ssm.state_size", 0),
        ("qwen3.5", "ssm.group_count", 3),
        ("qwen3.5", "ssm.time_step_rank", 0),
        ("qwen3.5", "ssm.conv_kernel", 0),
    ],
)
def test_layers_leave_enough_others_and_states_have_one_size(
    tmp_path: Path, pairs: dict[str, Pair], name: str, key: str, value: int
) -> None:
    whole = f"{architecture(pairs[name])}.{key}"
    assert refusal(tmp_path, pairs[name], 0, lambda file: put(file, whole, value)) == "model-damaged"


@pytest.mark.parametrize("missing", ["attn_qkv", "attn_gate"])
def test_a_recurrent_layer_has_all_its_weights(tmp_path: Path, pairs: dict[str, Pair], missing: str) -> None:
    def change(file: File) -> None:
        file.tensors = [tensor for tensor in file.tensors if tensor.name != f"blk.0.{missing}.weight".encode()]

    assert refusal(tmp_path, pairs["qwen3.5"], 0, change) == "model-damaged"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attention.head_dim", 1),
        ("attention.head_dim", 1 << 12),
        ("attention.head_count_kv", 0),
        ("attention.head_count_kv", 5),
        ("image_grid_pinpoints", (56, 112)),  # LLaVA's alone; pictures would be cut by them
    ],
)
def test_a_projector_divides_its_width_into_its_heads(
    tmp_path: Path, pairs: dict[str, Pair], name: str, key: str, value: int | tuple[int, ...]
) -> None:
    change = lambda file: put(file, f"clip.vision.{key}", value)  # noqa: E731
    assert refusal(tmp_path, pairs[name], 1, change) == "projector-damaged"
