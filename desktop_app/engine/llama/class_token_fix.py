"""Corrects the order of CLIP's class token in the graphs of llama.cpp (ggml-org/llama.cpp#25814).

llama.cpp appends the class embedding after the patches, but numbers positions and patches as if it came first. So every
patch gets the position of its neighbour, the first patch is lost, and the class token becomes part of the picture. The
graph takes both numberings from two input tensors, `positions` and `patches`. Rewriting these few integers before they
are used gives exactly what LLaVA was trained with.

The graph of InternVL leaves out the right token at the end, but adds the position table in the order of the file, which
has the class token first. There the rows of the table in memory are reordered once.

`ClassTokenOrder.on_node` is called for every node before it is computed. It checks the `concat` node first: if a newer
llama.cpp puts the class embedding first, nothing is changed. Every tensor is compared with what is expected. Any
difference leads to `UNKNOWN` and no change at all.
"""

from __future__ import annotations

import ctypes
import logging
from enum import Enum
from typing import Any

from desktop_app.engine.llama.ggml_tensor import LONGEST, Tensor, integers, is_sane

_log = logging.getLogger(__name__)

_CLASS_EMBEDDING, _POSITION_TABLE = b"v.class_embd", b"v.position_embd.weight"
_WIDEST = 1 << 20  # bytes of a row of the position table


class ClassToken(str, Enum):
    """What is known about the order of the class token."""

    NONE = "none"  # no projector
    NOT_NEEDED = "not-needed"  # the order is right without a correction
    CORRECTED = "corrected"
    UNKNOWN = "unknown"  # pictures may be misread


class ClassTokenOrder:
    """Watches the graphs of one projector, and corrects them. `state` is what is known so far.

    `decided` is true as soon as the state is known. That is at the start of a graph, where the class embedding is
    joined to the patches and the positions are used. The `patches` come at the end of the graph; if they are not as
    expected, the state changes to UNKNOWN.
    """

    def __init__(self, has_class_embedding: bool, *, readable: bool = True) -> None:
        """`readable`: whether nodes may be read (`struct_matches`); otherwise the state stays UNKNOWN."""
        self.state = ClassToken.UNKNOWN if has_class_embedding else ClassToken.NOT_NEEDED
        self._wanted = has_class_embedding and readable
        self.decided = not self._wanted
        self._class_last: bool | None = None
        self._positions_met = self._patches_met = False
        self._table = 0  # address of the position table that was reordered

    def begin(self) -> None:
        """Prepare for a new graph: every encoding builds one."""
        self._class_last = None
        self._positions_met = self._patches_met = False

    def end(self) -> None:
        """Check, after a complete graph, that all expected tensors were found."""
        if self._wanted and not self._patches_met:
            self._give_up("no patches are chosen")

    def on_node(self, address: int) -> None:
        """Inspect the node at `address` before it is computed, and correct its input if necessary."""
        if not self._wanted:
            return
        node = Tensor.from_address(address)
        if not is_sane(node):
            self._give_up("a node that is not a tensor as expected")
            return
        first, second = node.src[0], node.src[1]
        if not (first and second):
            return
        if _is_class(second.contents):
            self._class_last = True
        elif _is_class(first.contents):
            self._class_last = False
        elif second.contents.name == b"positions":
            self._positions(second.contents)
        elif second.contents.name == b"patches":
            self._patches(second.contents)
        elif second.contents.name == _POSITION_TABLE and not self._positions_met:
            self._position_table(second.contents)

    def _position_table(self, tensor: Any) -> None:
        count, size = tensor.ne[1], tensor.nb[1]
        whole = count * size
        if (
            self._class_last is None
            or not is_sane(tensor)
            or not tensor.data
            or not (2 <= count <= LONGEST and size <= _WIDEST and tensor.nb[2] == whole)
        ):
            self._give_up("the position table is not as expected")
            return
        if self._class_last and tensor.data != self._table:
            rows = (ctypes.c_char * whole).from_address(tensor.data)
            rows.raw = rows.raw[size:] + rows.raw[:size]
            self._table = tensor.data
        self.state = ClassToken.CORRECTED if self._class_last else ClassToken.NOT_NEEDED
        self.decided = self._positions_met = self._patches_met = True

    def _positions(self, tensor: Any) -> None:
        entries = integers(tensor)
        if entries is None or self._class_last is None:
            self._give_up("positions are not where they should be")
            return
        last = len(entries) - 1
        if list(entries) != list(range(last + 1)):
            self._give_up("positions have other values")
            return
        if self._class_last:
            entries[:] = [*range(1, last + 1), 0]
        self.state = ClassToken.CORRECTED if self._class_last else ClassToken.NOT_NEEDED
        self.decided = self._positions_met = True

    def _patches(self, tensor: Any) -> None:
        entries = integers(tensor)
        if entries is None or not self._positions_met:
            self._give_up("patches are not where they should be")
            return
        count = len(entries)
        if list(entries) != list(range(1, count + 1)):
            self._give_up("patches have other values")
            return
        if self._class_last:
            entries[:] = range(count)
        self._patches_met = True

    def _give_up(self, why: str) -> None:
        self._wanted = False
        self.decided = True
        self.state = ClassToken.UNKNOWN
        _log.warning("the order of the class token is unknown, pictures may be misread: %s", why)


def _is_class(tensor: Any) -> bool:
    """Return whether a tensor is the class embedding, or a copy of it for each picture of a batch."""
    source = tensor.src[0]
    named = tensor.name.startswith(_CLASS_EMBEDDING)
    return bool(named or (source and source.contents.name.startswith(_CLASS_EMBEDDING)))
