"""Tensors are read only where llama.cpp's own functions say that they lie in memory as expected."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama import backend, ggml_tensor
from desktop_app.engine.llama.bindings import VERSION, ggml_functions
from desktop_app.engine.llama.class_token_fix import ClassToken, ClassTokenOrder
from desktop_app.engine.llama.dual_layout import RepackedWeights
from desktop_app.engine.llama.ggml_tensor import Tensor, struct_matches
from desktop_app.engine.llama.model import Model
from desktop_app.engine.llama.pixel_override import PixelOverride
from desktop_app.engine.messages import EngineSettings, LoadPlan
from desktop_app.engine.weights.model_files import check_files
from tests.helpers.strays import Expected
from tests.random_models.divided import WIDTHS, write_model
from tests.random_models.llava import Sizes, write_language_model, write_projector
from tests.random_models.projectors import write_eyes


class OtherLlama:
    """The real library, but for one function."""

    def __init__(self, name: str, instead: Callable[..., Any] | None) -> None:
        self._library = ggml_functions()
        self._name = name
        self._instead = instead
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.asked.append(name)
        if name != self._name:
            return self._library[name]
        if self._instead is None:
            raise AttributeError(name)
        return _Function(self._instead)


class _Function:
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def other_size() -> int:
    return ctypes.sizeof(Tensor) + 40


#: A llama.cpp whose struct is larger; without one of the functions; with other fields.
OTHERS: dict[str, tuple[str, Callable[..., Any] | None]] = {
    "size": ("ggml_tensor_overhead", other_size),
    "gone": ("ggml_get_data", None),
    "name": ("ggml_get_name", lambda tensor: tensor + 200),
    "data": ("ggml_get_data", lambda tensor: tensor),
    "extents": ("ggml_nbytes", lambda _tensor: 105),
    "type": ("ggml_element_size", lambda _tensor: 2),
    "sources": ("ggml_add", lambda _context, one, _other: one),
}


def test_the_llama_cpp_in_use_matches() -> None:
    assert struct_matches(ggml_functions())


@pytest.mark.parametrize("differs", OTHERS)
def test_another_struct_is_noticed(differs: str) -> None:
    assert not struct_matches(OtherLlama(*OTHERS[differs]))


def test_nothing_is_read_when_the_size_differs() -> None:
    other = OtherLlama("ggml_tensor_overhead", other_size)
    assert not struct_matches(other)
    assert other.asked == ["ggml_tensor_overhead"]


@pytest.mark.parametrize("field", ["type", "buffer", "ne", "nb", "src", "data", "name"])
def test_every_field_that_is_read_is_compared(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shifted(Tensor):
        pass

    setattr(Shifted, field, _Shifted(field))
    monkeypatch.setattr(ggml_tensor, "Tensor", Shifted)
    assert not struct_matches(ggml_functions())


class _Shifted:
    """A field of a structure that lies eight bytes further."""

    def __init__(self, field: str) -> None:
        (self._kind,) = (kind for name, kind, *_ in Tensor._fields_ if name == field)
        self.offset = getattr(Tensor, field).offset + 8

    def __get__(self, tensor: Any, _owner: type) -> Any:
        if tensor is None:
            return self
        value: Any = self._kind.from_address(ctypes.addressof(tensor) + self.offset)
        return getattr(value, "value", value)


# ---- who reads tensors ----------------------------------------------------------------------------


@pytest.fixture(params=["size", "name"])
def other_llama(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, expected: Expected) -> Iterator[None]:
    """A llama.cpp that has another struct, in which nobody may look."""
    expected.log(f"llama.cpp {VERSION} has other tensors", logger="desktop_app.engine.llama.backend")

    def read(*_: object) -> None:
        raise AssertionError("a tensor was read")

    other = OtherLlama(*OTHERS[request.param])
    monkeypatch.setattr(backend, "ggml_functions", lambda: other)
    backend.prepare.cache_clear()
    monkeypatch.setattr(PixelOverride, "on_node", read)
    monkeypatch.setattr(RepackedWeights, "_tensors", read)
    monkeypatch.setattr(ClassTokenOrder, "_positions", read)
    yield
    backend.prepare.cache_clear()


@pytest.mark.usefixtures("other_llama")
def test_the_class_token_is_reported_as_not_corrected(tmp_path: Path) -> None:
    files = check_files(write_language_model(tmp_path / "m.gguf"), write_projector(tmp_path / "mmproj.gguf"))
    model = Model(files, EngineSettings(n_ctx=512, threads=1), Interrupt())
    try:
        rows = model.encode(bytes(Sizes().side ** 2 * 3))
        assert rows.shape == (Sizes().image_tokens, Sizes().width)
        assert model.class_token is ClassToken.UNKNOWN
    finally:
        model.close()


@pytest.mark.usefixtures("other_llama")
def test_the_pixels_of_minicpm_v_are_refused(tmp_path: Path) -> None:
    projector = write_eyes(tmp_path / "mmproj.gguf", "resampler", WIDTHS["minicpm_v"], side=56)
    files = check_files(write_model(tmp_path, "minicpm_v"), projector)
    model = Model(files, EngineSettings(n_ctx=512, threads=1), Interrupt())
    try:
        with pytest.raises(RuntimeError, match="into the graph"):
            model.encode_sized(bytes(56 * 56 * 3), 56, 56)
    finally:
        model.close()


@pytest.mark.usefixtures("other_llama")
def test_there_is_no_second_layout_of_the_weights(tmp_path: Path) -> None:
    sizes = Sizes(width=128, feed_forward=256, blocks=True)
    files = check_files(write_language_model(tmp_path / "m.gguf", sizes), None)
    model = Model(files, EngineSettings(threads=1), Interrupt(), LoadPlan(256, 32, repacked=True))
    try:
        assert not model.dual_layout.wanted
        assert not model.dual_layout.make(lambda: False)
        model.read_tokens([260, 261], 0, logits=True)
    finally:
        model.close()
