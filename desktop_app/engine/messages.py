"""What crosses the pipe between the program and the engine process.

Commands go to the engine, events come back. Everything is a named tuple of plain values: no Qt type,
no llama_cpp type, no open file (and no dataclass: Python takes five times as long to make the class of
one, and the window waits for all of these). A `request` is a number chosen by the client,
growing with each command that is answered; events carry the request they belong to.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from desktop_app.images.tiling import Tiling

_GIB = 1 << 30


class Phase(str, Enum):
    """What the engine is doing for a request."""

    LOOKING = "looking"  # CLIP encodes a picture
    READING = "reading"  # the prompt is evaluated
    WRITING = "writing"  # tokens are sampled


class FinishReason(str, Enum):
    """Why an answer ended."""

    STOP = "stop"  # the model said it is done
    LENGTH = "length"  # the longest answer allowed, or the context, was reached
    STOPPED = "stopped"  # the person stopped it


class PictureRef(NamedTuple):
    """A picture file as the engine finds it. `sha256` of the file's bytes is its identity."""

    sha256: str
    path: str
    name: str  # for sentences only
    width: int = 0  # pixels, upright; 0: not known, and the engine looks
    height: int = 0
    most_tiles: int | None = None  # of a model that sees in tiles; 0: a glance at the whole; None: all it is worth


class Turn(NamedTuple):
    """A question with its pictures, and its answer if it has one already."""

    text: str
    pictures: tuple[PictureRef, ...] = ()
    answer: str | None = None


class Sampling(NamedTuple):
    """How tokens are chosen. A temperature of 0 is greedy."""

    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    seed: int | None = None  # None: a new one each time
    max_tokens: int = 1024


class EngineSettings(NamedTuple):
    """How a model is loaded. 0 means: let the engine choose."""

    n_ctx: int = 4096
    threads: int = 0
    n_batch: int = 256  # tokens evaluated in one go: progress is told, and reading ahead can end, in between
    repack: bool = False  # repack the weights for the processor: only some write faster with it
    cache_folder: str = ""  # where embeddings and KV caches outlive the process; empty: nowhere
    cache_mb: int = 0  # how much may lie there; 0: nothing, and what does is removed
    saves_kv_cache: bool = True  # False: KV caches that lie there are used, and none is added


class Tuning(NamedTuple):
    """The fastest settings for one model on this computer, as they were measured; speeds in tokens per second."""

    reading_threads: int
    writing_threads: int
    n_ubatch: int  # tokens evaluated at once
    repacked: bool = False
    flash_attention: bool = False
    dual_layout: bool = False  # repacked to write with, and as they are to read with, where memory allows that
    reading: float = 0.0  # at the start of a conversation
    writing: float = 0.0  # after a picture and a question
    measured: str = ""  # the date, as 2026-11-24


def gib_up(size: int) -> str:
    """Return a size in bytes as GiB with one decimal, rounded up: what is needed."""
    return f"{-(-size * 10 // _GIB) / 10:.1f}"


def gib_down(size: int) -> str:
    """Return a size in bytes as GiB with one decimal, rounded down: what there is."""
    return f"{size * 10 // _GIB / 10:.1f}"


class LoadPlan(NamedTuple):
    """How a model is loaded into the memory there is. Sizes in bytes, window and engine together."""

    n_ctx: int  # tokens
    n_ubatch: int  # tokens evaluated at once
    kv_type: str = "f16"  # or "q8_0": half the size, but with flash attention, and so slower on a CPU
    mapped: bool = True  # weights are the file's own pages; False: copied
    repacked: bool = False  # weights are repacked for the processor; if they are mapped as well, they are both
    flash_wanted: bool = False  # flash attention, also where keys and values do not need it
    reading_threads: int = 0  # 0: as many as the processor has good cores
    writing_threads: int = 0
    small_projector: bool = False  # a copy of it in q8_0: half the size, and pictures are seen nearly the same
    keeps_projector: bool = True  # False: it is loaded for a picture, in place of the conversation, and freed
    pictures: int = 0  # embeddings to keep in memory
    wished_n_ctx: int = 0
    needed: int = 0
    needed_as_wished: int = 0  # the least with which the wished context could be had
    usable: int = 0  # on this computer; 0: nobody asked
    free: int = 0  # of that when it was planned, beside other programs

    @property
    def flash_attention(self) -> bool:
        """Return whether it is wanted, or keys and values are of a type that needs it."""
        return self.flash_wanted or self.kv_type != "f16"

    @property
    def dual_layout(self) -> bool:
        """Return whether weights are read with as the file has them, and written with repacked."""
        return self.mapped and self.repacked

    @property
    def reduced(self) -> bool:
        """Return whether the context is shorter than wished."""
        return self.n_ctx < self.wished_n_ctx


# ---- commands ------------------------------------------------------------------------------


class Load(NamedTuple):
    """Load a model and its projector; answered by `Ready` or `Failed`."""

    request: int
    model: str
    mmproj: str | None
    settings: EngineSettings = EngineSettings()


class Inspect(NamedTuple):
    """Decode a picture and make its preview; answered by `Inspected` or `Failed`, also while a model works."""

    request: int
    picture: PictureRef


class ReadAhead(NamedTuple):
    """Evaluate what is known of the next question: earlier turns, the new pictures, and how a long text begins.

    Answered by `ReadAheadDone`. Any later `Ask`, `ReadAhead` or `Stop` ends it at once; what was read stays in use.
    """

    request: int
    turns: tuple[Turn, ...]  # earlier turns, each with its answer
    pictures: tuple[PictureRef, ...]  # of the message being written
    system_prompt: str | None = None  # None: the one the model was trained with
    max_tokens: int = 0  # of the answer that will be wanted; 0: not known
    text: str = ""  # the beginning of the question, whole words


class Ask(NamedTuple):
    """Answer the last turn (whose `answer` is None); answered by `Text`s and `Finished`, or `Failed`."""

    request: int
    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    system_prompt: str | None = None


class Stop(NamedTuple):
    """Stop request `request` (or, with 0, all that run or wait) within 100 ms. Idle, or loading: no effect."""

    request: int = 0


class Shutdown(NamedTuple):
    """End the process."""


Command = Load | Inspect | ReadAhead | Ask | Stop | Shutdown

# ---- events --------------------------------------------------------------------------------


class ModelInfo(NamedTuple):
    """What is loaded."""

    name: str
    model: str
    mmproj: str | None
    n_ctx: int
    family: str
    is_demo: bool  # the built-in demonstration model
    image_tokens: int  # tokens a picture costs; 0: cannot see
    class_token: str  # "corrected", "not-needed" or "unknown" (llama.cpp#25814); "none" without a projector
    threads: int  # for writing
    plan: LoadPlan | None = None
    last_layer: str = "none"  # of CLIP: "complete", "corrected" or "missing" (llama.cpp#25817); "none" likewise
    tiling: Tiling | None = None  # None: every picture is one square
    part_s: float = 0.0  # seconds to look at a picture or at a part of one, as learnt before; 0: not known
    token_s: float = 0.0  # seconds to read a token
    reading_threads: int = 0
    tuning: Tuning | None = None  # what was measured for it on this computer
    cpu_features: str = ""  # that llama.cpp was built for and found, in its own words
    tunable: bool = False  # large enough to be measured


class Ready(NamedTuple):
    """The model is loaded."""

    request: int
    info: ModelInfo


class Inspected(NamedTuple):
    """A picture is readable. Previews are our own encoding of the decoded pixels, safe to show."""

    request: int
    picture: PictureRef
    width: int  # pixels, upright
    height: int
    preview: bytes  # PNG or JPEG, longest side at most 2048
    thumbnail: bytes  # PNG, longest side at most 192
    looks_photographic: bool  # many colours and soft edges: the demonstration model cannot know it


class PhaseChanged(NamedTuple):
    """A request enters a phase, or moves on in it."""

    request: int
    phase: Phase
    done: int = 0  # tokens (reading) or pictures (looking) done ...
    total: int = 0  # ... of so many
    expected_s: float = 0.0  # seconds this phase will probably take, 0 when unknown
    picture: str = ""  # SHA-256, when looking
    part: int = 0  # of it that is looked at, from 0 ...
    parts: int = 1  # ... of so many


class PictureRead(NamedTuple):
    """A picture of a read-ahead is encoded and in the context: asking about it costs only the question."""

    request: int
    sha256: str


class ReadAheadDone(NamedTuple):
    """A read-ahead ended; `complete` is False when it was cut short."""

    request: int
    complete: bool
    context_used: int
    evaluated_tokens: int
    image_encodes: int


class TurnsDropped(NamedTuple):
    """The context is full: `turns` earlier ones are not seen by the model (see chat.budget).

    Sent before the answer, and before reading ahead.
    """

    request: int
    turns: int
    pictures: int  # how many pictures went with them
    left: tuple[int, ...] = ()  # which of the turns of the command


class PartsReduced(NamedTuple):
    """There is no room for the tiles of all pictures: one is seen in `parts` instead of `wished`."""

    request: int
    parts: int
    wished: int


class ThroughputMeasured(NamedTuple):
    """How long things take with this model on this computer; 0: nothing new."""

    request: int
    part_s: float = 0.0  # seconds to look at a picture, or at a part of one
    token_s: float = 0.0  # seconds to read a token


class WeightsRepacked(NamedTuple):
    """From now on it writes with repacked weights, beside those that it reads with."""

    request: int = 0  # it belongs to none


class Text(NamedTuple):
    """The next piece of the answer, about every 30 ms."""

    request: int
    text: str
    tokens: int  # of the answer so far
    tokens_per_second: float
    context_used: int


class TurnStats(NamedTuple):
    """Figures of one answer."""

    finish_reason: FinishReason
    prompt_tokens: int  # pictures included
    reused_tokens: int  # already in the KV cache
    evaluated_tokens: int  # new ones, evaluated before the first token of the answer
    image_encodes: int  # CLIP runs
    answer_tokens: int
    time_to_first_token_s: float
    tokens_per_second: float
    peak_memory_bytes: int  # of the engine process
    context_used: int
    context_size: int
    dropped_turns: int


class Finished(NamedTuple):
    """The answer is complete (or stopped). `text` is the whole of it; `token_ids` as sampled, without the end token."""

    request: int
    text: str
    stats: TurnStats
    token_ids: tuple[int, ...] = ()


class Failed(NamedTuple):
    """An expected error; the sentence is `UserError(code, **parameters)`."""

    request: int
    code: str
    parameters: dict[str, str | int | float]


class Warned(NamedTuple):
    """Something for the program's log; it belongs to no request."""

    logger: str
    text: str
    request: int = 0


class Crashed(NamedTuple):
    """A bug in the engine: it lives on, the request does not."""

    request: int
    report: str  # a traceback, for the report dialog


class Died(NamedTuple):
    """Made by the client, not by the engine: the process is gone."""

    exit_code: int | None


Event = (
    Ready
    | Inspected
    | PhaseChanged
    | PictureRead
    | ReadAheadDone
    | TurnsDropped
    | PartsReduced
    | ThroughputMeasured
    | WeightsRepacked
    | Text
    | Finished
    | Failed
    | Warned
    | Crashed
    | Died
)

#: After one of these nothing more comes for a request.
FINAL_EVENTS = (Ready, Inspected, ReadAheadDone, Finished, Failed, Crashed, Died)
