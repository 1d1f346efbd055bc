"""Asks the finished model through the program's own engine, greedily. Needs llama-cpp-python, not PyTorch."""

from __future__ import annotations

from pathlib import Path

from pictures.variants import fitted
from PIL import Image

import dialogues.conversations as cv
import dialogues.prompt_text as pt
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights.model_files import check_files


class EngineAnswers:
    """The pair of files in a folder, loaded as the program loads it."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        files = check_files(folder / "eyebright-tiny.gguf", folder / "eyebright-tiny-mmproj.gguf")
        self.model = Model(files, EngineSettings(n_ctx=2048, threads=threads), Interrupt())
        self._position = 0

    def answer(self, pictures: list[Image.Image], turns: list[cv.Turn], longest: int = 100) -> str:
        """Answer the last of ``turns``; the earlier ones keep their own answers."""
        model = self.model
        model.forget_from(0)
        self._position = 0
        self._read([self._special("bos")])
        for index, turn in enumerate(turns):
            before, after = pt.around_picture(turn.question, first=index == 0)
            if turn.picture is not None:
                self._read(model.vocabulary.tokenize(before))
                rows = model.encode(fitted(pictures[turn.picture]).tobytes())
                model.read_rows(rows, self._position, logits=False)
                self._position += len(rows)
                self._read(model.vocabulary.tokenize(after))
            else:
                self._read(model.vocabulary.tokenize(pt.without_picture(turn.question, first=index == 0)))
            if index + 1 < len(turns):
                self._read([*model.vocabulary.tokenize(turn.answer), self._special("eos")])
        out: list[int] = []
        while len(out) < longest:
            best = int(model.logits().argmax())
            if model.vocabulary.is_end(best):
                break
            out.append(best)
            self._read([best])
        return b"".join(model.vocabulary.piece(t) for t in out).decode("utf-8", "replace").strip()

    def _special(self, name: str) -> int:
        token = self.model.vocabulary.special(name)
        if token is None:
            raise ValueError(f"the vocabulary has no {name}")
        return token

    def _read(self, tokens: list[int]) -> None:
        for start in range(0, len(tokens), self.model.batch):
            part = tokens[start : start + self.model.batch]
            self.model.read_tokens(part, self._position, logits=start + len(part) == len(tokens))
            self._position += len(part)
