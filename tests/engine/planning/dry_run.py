"""Asks llama.cpp what it would allocate, without allocating it. A program of its own, because it sets llama.cpp's log.

Arguments: model, then contexts as "n_ctx,n_ubatch,kv_type,n_seq". Writes JSON: a list of {"kv": MiB, "compute": MiB}.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import llama_cpp

_llama: Any = llama_cpp
_lines: list[str] = []


@_llama.llama_log_callback  # type: ignore[untyped-decorator]
def _listen(_level: int, text: bytes, _data: object) -> None:
    _lines.append(text.decode(errors="replace"))


def main() -> None:
    """Do as the arguments say."""
    _llama.llama_log_set(_listen, None)
    _llama.llama_backend_init()
    parameters = _llama.llama_model_default_params()
    parameters.no_alloc, parameters.load_mode = True, _llama.LLAMA_LOAD_MODE_NONE
    model = _llama.llama_model_load_from_file(sys.argv[1].encode(), parameters)
    if not model:
        raise SystemExit("".join(_lines))
    json.dump([_sizes(model, *words.split(",")) for words in sys.argv[2:]], sys.stdout)


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
    said = "".join(_lines)
    kv, compute = (re.search(form, said) for form in (r" size = +([\d.]+) MiB \(", r"compute buffer size = +([\d.]+)"))
    if kv is None or compute is None:
        raise SystemExit(said)
    return {"kv": float(kv[1]), "compute": float(compute[1])}


if __name__ == "__main__":
    main()
