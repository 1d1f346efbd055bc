"""Asks the finished model through the program's own engine, greedily. Needs llama-cpp-python, not PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pictures.variants import fitted
from PIL import Image

import dialogues.conversations as cv
import dialogues.prompt_text as pt
from desktop_app.engine.cache.embeddings import Embedding
from desktop_app.engine.interrupt import Interrupt
from desktop_app.engine.llama.kv_cache import Block, Places
from desktop_app.engine.llama.model import Model
from desktop_app.engine.messages import EngineSettings
from desktop_app.engine.weights.model_files import check_files

LONGEST = 100  # tokens of an answer


@dataclass(frozen=True, eq=False)
class Picture:
    """What is read of a picture: some of its rows, or all."""

    rows: Embedding
    places: Places  # of these rows among all


Stretch = list[int] | Picture


class EngineAnswers:
    """The pair of files in a folder, loaded as the program loads it."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        files = check_files(folder / "eyebright-tiny.gguf", folder / "eyebright-tiny-mmproj.gguf")
        self.model = Model(files, EngineSettings(n_ctx=2048, threads=threads), Interrupt())
        self._position = 0
        self._stretches: list[tuple[Stretch, int]] = []  # what was read, and the position after it

    def rows_of(self, picture: Image.Image) -> Embedding:
        """Return a picture as the language model reads it."""
        return self.model.encode(fitted(picture).tobytes())

    def answer(self, pictures: list[Image.Image], turns: list[cv.Turn]) -> str:
        """Answer the last of ``turns``; the earlier ones keep their own answers."""
        rows = [self.rows_of(picture) for picture in pictures]
        return self.answer_about([Picture(each, np.arange(len(each))) for each in rows], turns)

    def answer_about(self, pictures: list[Picture], turns: list[cv.Turn]) -> str:
        """Answer the last of ``turns`` about pictures that are encoded; what was read before is not read again."""
        self._read_prompt(self._prompt(pictures, turns))
        return self._write()

    def _prompt(self, pictures: list[Picture], turns: list[cv.Turn]) -> list[Stretch]:
        tokenize = self.model.vocabulary.tokenize
        prompt: list[Stretch] = [[self._special("bos")]]
        for index, turn in enumerate(turns):
            if turn.picture is None:
                prompt.append(tokenize(pt.without_picture(turn.question, first=index == 0)))
            else:
                before, after = pt.around_picture(turn.question, first=index == 0)
                prompt += [tokenize(before), pictures[turn.picture], tokenize(after)]
            if index + 1 < len(turns):
                prompt.append([*tokenize(turn.answer), self._special("eos")])
        return prompt

    def _read_prompt(self, prompt: list[Stretch]) -> None:
        known = [stretch for stretch, _end in self._stretches]
        pairs = enumerate(zip(prompt[:-1], known, strict=False))
        same = next((n for n, (one, other) in pairs if one != other), min(len(prompt) - 1, len(known)))
        del self._stretches[same:]
        self._position = self._stretches[-1][1] if same else 0
        self.model.forget_from(self._position)
        for stretch in prompt[same:]:
            if isinstance(stretch, Picture):
                self._read_picture(stretch)
            else:
                self._read(stretch)
            self._stretches.append((stretch, self._position))

    def _read_picture(self, picture: Picture) -> None:
        block = Block(0, len(picture.rows), of_rows=int(picture.places[-1]) + 1)
        self.model.read_block(picture.rows, self._position, block, picture.places, logits=False)
        self._position += block.positions

    def _write(self) -> str:
        model = self.model
        out: list[int] = []
        while len(out) < LONGEST:
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
