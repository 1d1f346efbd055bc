"""Asks llama.cpp what it would allocate, without allocating it. A program of its own, because it sets llama.cpp's log.

Arguments: model, then contexts as "n_ctx,n_ubatch,kv_type,n_seq", or pictures as "projector,width,height". Writes JSON:
a list of {"kv": MiB, "recurrent": MiB, "compute": MiB}, or of {"encoder": MiB}. The projector's weights are allocated.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from typing import Any

import llama_cpp
from llama_cpp import mtmd_cpp

_llama: Any = llama_cpp
_mtmd: Any = mtmd_cpp
_lines: list[str] = []


@_llama.llama_log_callback  # type: ignore[untyped-decorator]
def _listen(_level: int, text: bytes, _data: object) -> None:
    _lines.append(text.decode(errors="replace"))


def main() -> None:
    """Do as the arguments say."""
    for set_log in (_llama.llama_log_set, _mtmd.mtmd_log_set, _mtmd.mtmd_helper_log_set):
        set_log(_listen, None)
    _llama.llama_backend_init()
    parameters = _llama.llama_model_default_params()
    parameters.no_alloc, parameters.load_mode = True, _llama.LLAMA_LOAD_MODE_NONE
    model = _llama.llama_model_load_from_file(sys.argv[1].encode(), parameters)
    if not model:
        raise SystemExit("".join(_lines))
    found: list[dict[str, float]] = []
    for words in (argument.split(",") for argument in sys.argv[2:]):
        found.append(_sizes(model, *words) if words[0].isdecimal() else _encoder(model, words[0], *map(int, words[1:])))
    json.dump(found, sys.stdout)


def _sizes(model: Any, n_ctx: str, n_ubatch: str, kv_type: str, sequences: str) -> dict[str, float]:
    parameters = _llama.llama_context_default_params()
    parameters.n_ctx = int(n_ctx)
    parameters.n_batch = parameters.n_ubatch = int(n_ubatch)
    parameters.type_k = parameters.type_v = getattr(_llama, f"GGML_TYPE_{kv_type.upper()}")
    parameters.flash_attn_type = int(kv_type != "f16")
    parameters.n_seq_max, parameters.kv_unified = int(sequences), True
    _lines.clear()
    context = _llama.llama_init_from_model(model, parameters)
    if not context:
        raise SystemExit("".join(_lines))
    _llama.llama_free(context)
    kv, recurrent = (_said(rf"{who}: size = +([\d.]+) MiB \(") for who in ("llama_kv_cache", "llama_memory_recurrent"))
    compute = _said(r"compute buffer size = +([\d.]+)")
    if not compute:
        raise SystemExit("".join(_lines))
    return {"kv": kv, "recurrent": recurrent, "compute": compute}


def _encoder(model: Any, projector: str, width: int, height: int) -> dict[str, float]:
    """Begin to encode a picture: the buffers are reserved first. The graph is stopped at its first node."""
    parameters = _mtmd.mtmd_context_params_default()
    parameters.use_gpu, parameters.print_timings, parameters.warmup = False, False, False
    parameters.image_max_tokens = 1 << 16
    stop = _llama.ggml_backend_sched_eval_callback(lambda _tensor, ask, _data: bool(ask))
    parameters.cb_eval = stop
    context = _mtmd.mtmd_init_from_file(projector.encode(), model, parameters)
    if not context:
        raise SystemExit("".join(_lines))
    bitmap = _mtmd.mtmd_bitmap_init(width, height, (ctypes.c_uint8 * (width * height * 3))())
    chunks = _mtmd.mtmd_input_chunks_init()
    marker = _mtmd.mtmd_default_marker()
    text = _mtmd.mtmd_input_text(marker, len(marker), False, True)
    if _mtmd.mtmd_tokenize(context, chunks, ctypes.byref(text), (ctypes.c_void_p * 1)(bitmap), 1):
        raise SystemExit("".join(_lines))
    every = [_mtmd.mtmd_input_chunks_get(chunks, index) for index in range(_mtmd.mtmd_input_chunks_size(chunks))]
    images = [one for one in every if _mtmd.mtmd_input_chunk_get_type(one) == _mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE]
    _lines.clear()
    _mtmd.mtmd_encode_chunk(context, images[0])
    tokens = _mtmd.mtmd_input_chunk_get_n_tokens(images[0])
    _mtmd.mtmd_input_chunks_free(chunks)
    _mtmd.mtmd_bitmap_free(bitmap)
    _mtmd.mtmd_free(context)
    return {"encoder": _said(r"compute buffer size = +([\d.]+)"), "tokens": tokens}


def _said(form: str) -> float:
    return sum(float(found) for found in re.findall(form, "".join(_lines)))


if __name__ == "__main__":
    main()
