"""The vocabulary: SentencePiece BPE with byte fallback, as Llama has it, of our own words.

`Tokenizer.text` splits exactly as llama.cpp does with the vocabulary in the GGUF and as
transformers does with the tokenizer.json written beside it: a space goes before every
stretch of text that starts a prompt or follows a special token or a picture.
"""

from __future__ import annotations

import json
import random
import string
import tempfile
from pathlib import Path
from typing import Any, Final

import dialogues.conversations as cv
from dialogues import small_talk
from dialogues.prompt_text import SYSTEM
from pictures.scenes import BACKGROUNDS, COLOURS, DIGITS, LETTERS, SHAPES, make_scene

VOCABULARY: Final = Path(__file__).resolve().parent / "vocabulary"
"""The vocabulary of the shipped model, kept so that words added later do not change it."""
BOS: Final = 1
EOS: Final = 2
NORMAL, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6


def corpus(seed: int = 7, conversations: int = 6000) -> list[str]:
    """Lines for the vocabulary; a leading space stands for itself."""
    rng = random.Random(seed)
    lines = [f" {SYSTEM} USER: "] * 300
    for _ in range(conversations):
        scene = make_scene(rng)
        talk = cv.Talk(rng, scene)
        for _ in range(6):
            turn = cv.next_turn(talk, None)
            lines += [f" USER: {turn.question} ASSISTANT:", turn.question, f" {turn.answer}"]
    for questions, answer in small_talk.TALK:
        lines += [*questions, *(f" {q}" for q in questions), f" {answer}"] * 20
    words = [*BACKGROUNDS, *COLOURS, *SHAPES, *map(cv.plural, SHAPES), *DIGITS, *LETTERS, *small_talk.STRANGE_WORDS]
    lines += [f" {w}" for w in words] * 40
    lines += [c for c in string.printable if not c.isspace()] * 3
    return lines


def train(folder: Path, size: int = 1184) -> None:
    """Train the vocabulary and write vocabulary.json and tokenizer.json into ``folder``."""
    import sentencepiece as spm

    with tempfile.TemporaryDirectory() as work:
        text = Path(work) / "corpus.txt"
        text.write_text("\n".join(corpus()), encoding="utf-8")
        spm.SentencePieceTrainer.train(
            input=str(text),
            model_prefix=str(Path(work) / "bpe"),
            model_type="bpe",
            vocab_size=size,
            byte_fallback=True,
            character_coverage=1.0,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            split_digits=True,
            unk_id=0,
            bos_id=BOS,
            eos_id=EOS,
            pad_id=-1,
            num_threads=1,
            minloglevel=2,
            hard_vocab_limit=False,
            required_chars="".join(c for c in string.printable if not c.isspace()),
        )
        model = spm.SentencePieceProcessor(model_file=str(Path(work) / "bpe.model"))
    count = model.vocab_size()
    pieces = [model.id_to_piece(i) for i in range(count)]
    scores = [model.get_score(i) for i in range(count)]
    kinds = [
        UNKNOWN if model.is_unknown(i) else CONTROL if model.is_control(i) else BYTE if model.is_byte(i) else NORMAL
        for i in range(count)
    ]
    for special in ("<image>", "<pad>"):
        pieces.append(special)
        scores.append(0.0)
        kinds.append(CONTROL)
    while len(pieces) % 32:
        pieces.append(f"<unused{len(pieces)}>")
        scores.append(0.0)
        kinds.append(UNUSED)
    folder.mkdir(parents=True, exist_ok=True)
    data = {"pieces": pieces, "scores": scores, "kinds": kinds}
    (folder / "vocabulary.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    _fast_tokenizer(pieces, scores, kinds).save(str(folder / "tokenizer.json"))


def _fast_tokenizer(pieces: list[str], scores: list[float], kinds: list[int]) -> Any:
    """The same vocabulary for the tokenizers library, with Llama's (legacy) space rules."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

    vocabulary = {p: i for i, p in enumerate(pieces)}
    if len(vocabulary) != len(pieces):
        raise ValueError("a piece occurs twice")
    merges = []
    for piece, i in vocabulary.items():
        if kinds[i] != NORMAL:
            continue
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if kinds[vocabulary.get(left, 0)] == NORMAL and kinds[vocabulary.get(right, 0)] == NORMAL:
                merges.append((-scores[i], i, vocabulary[left], vocabulary[right], left, right))
    merges.sort(key=lambda m: m[:4])
    fast = Tokenizer(
        models.BPE(vocabulary, [m[4:] for m in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    fast.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    fast.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    fast.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>", "<image>", "<pad>")]
    )
    fast.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", BOS)]
    )
    return fast


class Tokenizer:
    """Texts to ids and back; remembers what it has split before."""

    def __init__(self, folder: Path = VOCABULARY) -> None:
        """Load what `train` wrote into ``folder``."""
        from tokenizers import Tokenizer as Fast

        data = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self.pieces: list[str] = data["pieces"]
        self.scores: list[float] = data["scores"]
        self.kinds: list[int] = data["kinds"]
        self.image = self.pieces.index("<image>")
        self.pad = self.pieces.index("<pad>")
        self.fast: Any = Fast.from_file(str(folder / "tokenizer.json"))
        self.known: dict[str, list[int]] = {}

    def __len__(self) -> int:
        """Size of the vocabulary, a multiple of 32."""
        return len(self.pieces)

    def text(self, text: str) -> list[int]:
        """Ids of a stretch of plain text, with the space that goes before it."""
        ids = self.known.get(text)
        if ids is None:
            ids = list(self.fast.encode(text, add_special_tokens=False).ids)
            if len(self.known) < 500_000:
                self.known[text] = ids
        return ids

    def decode(self, ids: list[int]) -> str:
        """Text of ids, special tokens left out."""
        return str(self.fast.decode(ids)).strip()

    def word(self, word: str) -> int | None:
        """Id of a word with its space, if it is one token."""
        piece = "▁" + word
        return self.pieces.index(piece) if piece in self.pieces else None
