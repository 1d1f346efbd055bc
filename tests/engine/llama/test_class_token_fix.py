"""The class token is corrected only where llama.cpp's graph is as expected; any other graph is left alone."""

import ctypes
from typing import Any

import pytest

from desktop_app.engine.llama.class_token_fix import ClassToken, ClassTokenOrder
from desktop_app.engine.llama.ggml_tensor import Tensor
from tests.helpers.strays import Expected

I32, F32 = 26, 0


class Graph:
    """Tensors in memory as llama.cpp would lay them out."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def tensor(self, name: str, *sources: Any, kind: int = F32, values: list[int] | None = None) -> Any:
        tensor = Tensor(type=kind, name=name.encode())
        tensor.ne[:] = [len(values) if values else 8, 1, 1, 1]
        tensor.nb[:] = [4, 32, 32, 32]
        for index, source in enumerate(sources):
            tensor.src[index] = ctypes.pointer(source)
        if values is not None:
            data = (ctypes.c_int32 * len(values))(*values)
            tensor.data = ctypes.addressof(data)
            self._kept.append(data)
        self._kept.append(tensor)
        return tensor


def values_of(tensor: Any) -> list[int]:
    return list((ctypes.c_int32 * tensor.ne[0]).from_address(tensor.data))


class Clip:
    """The nodes that matter, in the order in which they are computed."""

    def __init__(self, class_last: bool, positions: list[int], patches: list[int], kind: int = I32) -> None:
        graph = Graph()
        self._graph = graph
        pixels, embedding = graph.tensor("pixels"), graph.tensor("v.class_embd")
        table = graph.tensor("v.position_embd.weight")
        self.positions = graph.tensor("positions", kind=kind, values=positions)
        self.patches = graph.tensor("patches", kind=kind, values=patches)
        joined = (pixels, embedding) if class_last else (embedding, pixels)
        self.nodes = [
            graph.tensor("conv", pixels, graph.tensor("v.patch_embd.weight")),
            graph.tensor("reshaped", pixels),
            graph.tensor("concat", *joined),
            graph.tensor("places", table, self.positions),
            graph.tensor("layer", pixels, table),
            graph.tensor("chosen", pixels, self.patches),
        ]

    def run(self, order: ClassTokenOrder, nodes: list[Any] | None = None) -> None:
        order.begin()
        for node in self.nodes if nodes is None else nodes:
            order.on_node(ctypes.addressof(node))
        order.end()


def test_a_class_token_at_the_end_is_put_first() -> None:
    order = ClassTokenOrder(True)
    for _ in range(2):  # every encode has a graph of its own
        clip = Clip(True, [0, 1, 2, 3, 4], [1, 2, 3, 4])
        clip.run(order)
        assert values_of(clip.positions) == [1, 2, 3, 4, 0]
        assert values_of(clip.patches) == [0, 1, 2, 3]
        assert order.state is ClassToken.CORRECTED


def test_it_is_decided_before_the_layers_are_computed() -> None:
    order = ClassTokenOrder(True)
    clip = Clip(True, [0, 1, 2], [1, 2])
    order.begin()
    for node in clip.nodes[:4]:
        assert not order.decided
        order.on_node(ctypes.addressof(node))
    assert order.decided


def test_a_corrected_llama_cpp_is_left_alone() -> None:
    order = ClassTokenOrder(True)
    clip = Clip(False, [0, 1, 2, 3, 4], [1, 2, 3, 4])
    clip.run(order)
    assert values_of(clip.positions) == [0, 1, 2, 3, 4]
    assert values_of(clip.patches) == [1, 2, 3, 4]
    assert order.state is ClassToken.NOT_NEEDED


@pytest.mark.parametrize(
    ("positions", "patches", "kind"),
    [
        ([1, 2, 3, 4, 0], [0, 1, 2, 3], I32),  # somebody else has put it right
        ([0, 1, 2, 3, 4], [0, 1, 2, 3], I32),
        ([0, 1, 2, 3, 4], [1, 2, 3, 4], F32),
    ],
)
def test_other_numbers_are_left_alone_and_reported(
    positions: list[int], patches: list[int], kind: int, expected: Expected
) -> None:
    expected.log("order of the class token is unknown")
    order = ClassTokenOrder(True)
    clip = Clip(True, positions, patches, kind)
    clip.run(order)
    assert values_of(clip.patches) == patches
    assert order.state is ClassToken.UNKNOWN
    assert order.decided


@pytest.mark.parametrize("left_out", [2, 3, 5])
def test_what_is_not_met_is_reported(left_out: int, expected: Expected) -> None:
    expected.log("order of the class token is unknown")
    order = ClassTokenOrder(True)
    clip = Clip(True, [0, 1, 2], [1, 2])
    clip.run(order, [node for index, node in enumerate(clip.nodes) if index != left_out])
    assert order.state is ClassToken.UNKNOWN


class InternVL:
    """The nodes of InternVL's graph: the table of positions is added as it lies, and the first tokens are taken."""

    def __init__(self, class_last: bool, count: int = 4, size: int = 8) -> None:
        graph = Graph()
        self.rows = (ctypes.c_uint8 * (count * size))(*(row for row in range(count) for _ in range(size)))
        self._size = size
        pixels, table = graph.tensor("pixels"), graph.tensor("v.position_embd.weight")
        table.ne[:] = [size // 4, count, 1, 1]
        table.nb[:] = [4, size, count * size, count * size]
        table.data = ctypes.addressof(self.rows)
        repeated = graph.tensor("", graph.tensor("v.class_embd"))
        joined = (pixels, repeated) if class_last else (repeated, pixels)
        self.nodes = [graph.tensor("concat", *joined), graph.tensor("pos_embed", pixels, table)]
        self.table = table

    @property
    def order(self) -> list[int]:
        return list(self.rows[:: self._size])

    def run(self, order: ClassTokenOrder) -> None:
        order.begin()
        for node in self.nodes:
            order.on_node(ctypes.addressof(node))
        order.end()


def test_a_table_of_positions_is_put_in_order_once() -> None:
    clip, order = InternVL(True), ClassTokenOrder(True)
    for _ in range(3):  # the weights are the same in every graph
        clip.run(order)
        assert clip.order == [1, 2, 3, 0]
    assert order.state is ClassToken.CORRECTED
    assert order.decided


def test_a_table_that_fits_is_left_alone() -> None:
    clip, order = InternVL(False), ClassTokenOrder(True)
    clip.run(order)
    assert clip.order == [0, 1, 2, 3]
    assert order.state is ClassToken.NOT_NEEDED


def test_a_table_of_another_layout_is_left_alone_and_reported(expected: Expected) -> None:
    expected.log("order of the class token is unknown")
    clip, order = InternVL(True), ClassTokenOrder(True)
    clip.table.nb[2] = 1000
    clip.run(order)
    assert clip.order == [0, 1, 2, 3]
    assert order.state is ClassToken.UNKNOWN


def test_memory_that_is_no_tensor_is_not_touched(expected: Expected) -> None:
    expected.log("is not a tensor as expected")
    order = ClassTokenOrder(True)
    rubbish = (ctypes.c_uint8 * ctypes.sizeof(Tensor))(*([0xA5] * ctypes.sizeof(Tensor)))
    order.on_node(ctypes.addressof(rubbish))
    assert order.state is ClassToken.UNKNOWN
    assert set(bytes(rubbish)) == {0xA5}


def test_towers_without_a_class_token_are_not_looked_at() -> None:
    order = ClassTokenOrder(False)
    order.on_node(0)  # would crash if it were read
    order.end()
    assert order.state is ClassToken.NOT_NEEDED
