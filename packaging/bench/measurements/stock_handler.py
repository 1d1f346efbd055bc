"""Measures llama-cpp-python's own vision handler, used as its documentation shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bench.job import QUESTIONS, Job, picture
from bench.results import Sheet


def measure(job: Job, sheet: Sheet) -> None:
    """Have the conversation; every turn sends all turns before it, as the interface demands."""
    import llama_cpp
    from llama_cpp.llama_chat_format import Llava15ChatHandler

    make_model: Any = llama_cpp.Llama
    make_handler: Any = Llava15ChatHandler
    if not job.repacked:
        _do_not_repack()
    started = time.monotonic()
    handler = make_handler(clip_model_path=job.projector, verbose=False)
    model = make_model(job.model, chat_handler=handler, n_ctx=job.n_ctx, verbose=False)
    sheet.put("stock.load_s", time.monotonic() - started)  # the projector is loaded with the first picture
    address = picture(Path(job.folder), 0)[0].as_uri()
    messages: list[dict[str, Any]] = []
    for number, question in enumerate(QUESTIONS, 1):
        text = {"type": "text", "text": question}
        shown = [{"type": "image_url", "image_url": {"url": address}}] if number == 1 else []
        messages.append({"role": "user", "content": [*shown, text]})
        asked = time.monotonic()
        answer, times = "", []
        for part in model.create_chat_completion(
            messages=messages, max_tokens=job.answer_tokens, temperature=0.0, stream=True
        ):
            words = part["choices"][0]["delta"].get("content")
            if words:
                times.append(time.monotonic())
                answer += words
        if not times:
            raise RuntimeError("it answered nothing")
        sheet.put(f"stock.first_token_s.{number}", times[0] - asked)
        if len(times) > 2:
            sheet.put(f"stock.writing_tok_s.{number}", (len(times) - 1) / (times[-1] - times[0]))
        messages.append({"role": "assistant", "content": answer})
    model.close()


def _do_not_repack() -> None:
    """Change llama.cpp's default: llama-cpp-python has no parameter for it."""
    from llama_cpp import llama_cpp as bindings

    changed: Any = bindings
    defaults = changed.llama_model_default_params

    def gentler() -> Any:
        parameters = defaults()
        parameters.use_extra_bufts = False
        return parameters

    changed.llama_model_default_params = gentler
