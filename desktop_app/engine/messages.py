"""The messages between the program and its engine process: commands to the engine, and events from it.

All messages are named tuples of plain values: no Qt type, no llama_cpp type, no open file. (They are not dataclasses,
because Python takes five times as long to create those classes, and the window waits for all of them.) A `request` is
a number chosen by the client. It grows with each command that is answered; events carry the number of the request that
they belong to.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from desktop_app.chat.certainty import Certainty
from desktop_app.errors import UserError
from desktop_app.images.tiling import AnySize, QuickLook, Tiling

_GB = 10**9  # bytes, for memory as for files: one unit wherever a person reads
SILENT_AFTER_S = 5  # without a sign of life from the engine process


class Phase(str, Enum):
    """What the engine is doing for a request."""

    WAITING = "waiting"  # an answer to an earlier question is written first; told by the window, not by the engine
    LOOKING = "looking"  # a picture is encoded
    READING = "reading"  # the prompt is processed (prefill)
    THINKING = "thinking"  # tokens are generated that are not part of the answer
    WRITING = "writing"  # tokens are generated


class FinishReason(str, Enum):
    """Why an answer ended."""

    STOP = "stop"  # the model said it is done
    LENGTH = "length"  # the limit of tokens, or the end of the context, was reached
    STOPPED = "stopped"  # by the user


class Judge(str, Enum):
    """Whether `Finished` is to tell how sure an answer was."""

    NOT = "not"
    WORDS = "words"  # from how probable they were
    PICTURES = "pictures"  # also from what the pictures changed: the answer is read once more before `Finished`
    PICTURES_LATER = "pictures-later"  # so too, in an idle moment, told with `Judged`


class Look(str, Enum):
    """How much of a picture is read into the language model."""

    WHOLE = "whole"
    QUICK = "quick"  # a part of its rows, where they keep their places; the whole where that costs no more
    CLOSED_UP = "closed up"  # a part of its rows, side by side; chosen by the engine alone, in long conversations


class PictureRef(NamedTuple):
    """A picture file. The SHA-256 of its bytes is its identity."""

    sha256: str
    path: str
    name: str  # shown in messages only
    width: int = 0  # pixels, upright; 0: unknown, then the engine reads it from the file
    height: int = 0
    most_tiles: int | None = None  # if the model divides pictures into tiles; 0: only the whole picture; None: no limit
    most_tokens: int | None = None  # if one can choose how many a picture takes; None: as many as in training
    look: Look = Look.WHOLE


class Turn(NamedTuple):
    """A question with its pictures, and its answer if there is one already, or the beginning of one.

    A last turn with a thought goes on: inside the thought if there is no answer, behind it if there is one, also "".
    """

    text: str
    pictures: tuple[PictureRef, ...] = ()
    answer: str | None = None
    thought: str = ""  # before an answer that is to go on, as `Finished` has it; of earlier turns it is not read

    @property
    def goes_on(self) -> bool:
        """Whether something of its answer is there."""
        return self.answer is not None or bool(self.thought)


class Sampling(NamedTuple):
    """How tokens are chosen. A temperature of 0 is greedy."""

    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    seed: int | None = None  # None: a random one
    max_tokens: int = 1024


class EngineSettings(NamedTuple):
    """How a model is loaded. 0 means: let the engine choose."""

    n_ctx: int = 4096
    threads: int = 0
    n_batch: int = 256  # tokens per batch; between batches progress is reported and reading ahead can end
    repack: bool = False  # repack the weights for the processor; only some processors generate faster with it
    cache_folder: str = ""  # where embeddings and KV caches are saved; empty: nowhere
    cache_mb: int = 0  # size limit of that folder; 0: save nothing and delete what is there
    saves_kv_cache: bool = True  # False: saved KV caches are used, but none is added


class Tuning(NamedTuple):
    """The settings measured to be the fastest for one model on this computer; speeds in tokens per second.

    "Reading" is prompt processing (prefill), "writing" is token generation.
    """

    reading_threads: int
    writing_threads: int
    n_ubatch: int  # tokens per micro-batch
    repacked: bool = False
    flash_attention: bool = False
    dual_layout: bool = False  # repacked weights for writing, those of the file for reading, if memory allows
    reading: float = 0.0  # at the start of a conversation
    writing: float = 0.0  # after a picture and a question
    measured: str = ""  # the date, as 2026-11-24


class WeightSpeed(NamedTuple):
    """How fast this computer evaluates one layer, as wide as a 7B's, of weights in one quantisation."""

    quantisation: str  # "Q4_K_M"
    repacked: bool
    size: int  # bytes of the layer's weights
    reading: float  # tokens per second, in batches
    writing: float  # tokens per second, one by one


def gb_up(size: int) -> str:
    """Return a size in bytes as GB with one decimal, rounded up: for memory that is needed."""
    return f"{-(-size * 10 // _GB) / 10:.1f}"


def gb_down(size: int) -> str:
    """Return a size in bytes as GB with one decimal, rounded down: for memory that is available."""
    return f"{size * 10 // _GB / 10:.1f}"


class LoadPlan(NamedTuple):
    """How a model is loaded into the available memory. Sizes in bytes, window and engine together."""

    n_ctx: int  # tokens
    n_ubatch: int  # tokens per micro-batch
    kv_type: str = "f16"  # or "q8_0": half the size, but it needs flash attention, which is slower on a CPU
    mapped: bool = True  # weights are memory-mapped; False: copied
    repacked: bool = False  # weights are repacked for the processor; if also mapped, there are both
    flash_wanted: bool = False  # flash attention, even if `kv_type` does not need it
    reading_threads: int = 0  # 0: one for each fast core
    writing_threads: int = 0
    small_projector: bool = False  # use a copy of the projector in q8_0: half the size, nearly the same embeddings
    keeps_projector: bool = True  # False: it is loaded for each picture, in place of the KV cache, and then freed
    embedding_cache: int = 0  # how many bytes of picture embeddings to keep in memory
    requested_n_ctx: int = 0
    needed: int = 0
    needed_as_requested: int = 0  # the least memory with which the requested context would fit
    usable: int = 0  # what Eyebright may use on this computer; 0: unlimited
    free: int = 0  # how much of that was free next to other programs when it was planned

    @property
    def flash_attention(self) -> bool:
        """Return whether flash attention is used: it is wanted, or `kv_type` needs it."""
        return self.flash_wanted or self.kv_type != "f16"

    @property
    def dual_layout(self) -> bool:
        """Return whether weights are in memory twice: as in the file for reading, and repacked for writing."""
        return self.mapped and self.repacked

    @property
    def reduced(self) -> bool:
        """Return whether the context is shorter than requested."""
        return self.n_ctx < self.requested_n_ctx


# ---- commands ------------------------------------------------------------------------------


class Load(NamedTuple):
    """Load a model and its projector; answered by `Ready` or `Failed`."""

    request: int
    model: str
    mmproj: str | None
    settings: EngineSettings = EngineSettings()


class Inspect(NamedTuple):
    """Decode a picture and make its preview; answered by `Inspected` or `Failed`, even while a model is busy."""

    request: int
    picture: PictureRef


class ReadAhead(NamedTuple):
    """Process the part of the next prompt that is known already: earlier turns, new pictures, the start of a long text.

    Answered by `ReadAheadDone`. Any later `Ask`, `ReadAhead` or `Stop` ends it at once. What was processed until then
    is reused.
    """

    request: int
    turns: tuple[Turn, ...]  # earlier turns, each with its answer
    pictures: tuple[PictureRef, ...]  # of the message being written
    system_prompt: str | None = None  # None: the one the model was trained with
    max_tokens: int = 0  # of the expected answer; 0: unknown
    text: str = ""  # the beginning of the question, in whole words
    think: bool = False  # as the next `Ask`


class Ask(NamedTuple):
    """Answer the last turn, or go on with its thought or answer; answered by `Text`s and `Finished`, or `Failed`.

    Where it goes on, `Thought`s and `Text`s have what is added, `Finished` the whole, with figures of what was added.
    """

    request: int
    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    system_prompt: str | None = None
    think: bool = False  # before it answers, if the model can
    judge: Judge = Judge.NOT


class Forget(NamedTuple):
    """Drop from memory what was read and seen: a conversation was deleted. Answered by `Forgotten`, after answers."""

    request: int


class Stop(NamedTuple):
    """Stop a request (0: all that run or wait) within 100 ms. A model that is being loaded is not stopped."""

    request: int = 0


class Shutdown(NamedTuple):
    """End the process."""


class Ping(NamedTuple):
    """Ask whether the process answers at all; it does within moments, whatever it computes."""


Command = Load | Inspect | ReadAhead | Ask | Forget | Stop | Shutdown | Ping

# ---- events --------------------------------------------------------------------------------


class ModelInfo(NamedTuple):
    """The loaded model."""

    name: str
    model: str
    mmproj: str | None
    n_ctx: int
    family: str
    is_demo: bool  # the built-in demonstration model
    image_tokens: int  # tokens per picture; 0: it cannot see pictures
    class_token: str  # "corrected", "not-needed" or "unknown" (llama.cpp#25814); "none" without a projector
    threads: int  # for token generation
    plan: LoadPlan | None = None
    last_layer: str = "none"  # of CLIP: "complete", "corrected" or "missing" (llama.cpp#25817); "none" likewise
    activation: str = "none"  # of the image encoder: "right", "corrected" or "unstated"; "none" likewise
    tiling: Tiling | None = None  # how it divides pictures into tiles; None: every picture is one piece
    any_size: AnySize | None = None  # the sizes of pieces that cost as much as they are large; None: all are alike
    #: How many rows a quick look takes; None: it can only see whole pictures, in one part at most, or in few tokens.
    quick: QuickLook | None = None
    part_s: float = 0.0  # seconds to encode a picture or one part of it, from earlier measurements; 0: unknown
    token_s: float = 0.0  # seconds per token of the prompt
    reading_threads: int = 0  # for prompt processing
    tuning: Tuning | None = None  # the fastest settings, if they were measured
    cpu_features: str = ""  # the processor features that llama.cpp uses, in its own words
    tunable: bool = False  # whether it is large enough for its fastest settings to be measured
    warnings: tuple[str, ...] = ()  # what llama.cpp warned of while it loaded the files
    can_think: bool = False  # before it answers, if it is asked to
    can_reread: bool = True  # its answers without their pictures, beside the conversation: see `Judge`
    wording: UserError | None = None  # what is to be said of the words in which it is spoken to

    @property
    def sees(self) -> bool:
        """Whether pictures can be shown to it."""
        return self.image_tokens > 0


class Ready(NamedTuple):
    """The model is loaded."""

    request: int
    info: ModelInfo


class Inspected(NamedTuple):
    """A picture is readable. Previews are encoded from the decoded pixels, so they are safe to show."""

    request: int
    picture: PictureRef
    width: int  # pixels, upright
    height: int
    preview: bytes  # PNG or JPEG, longest side at most 2048
    thumbnail: bytes  # PNG, longest side at most 192
    looks_photographic: bool  # many colours and soft edges: the demonstration model cannot recognise it
    notes: tuple[UserError, ...] = ()  # which frame or page is seen, what of the picture is missing
    has_fine_structure: bool = False  # as a document, a table or a screenshot: at a quick look its text is lost


class PhaseChanged(NamedTuple):
    """A request has entered a phase, or made progress in it."""

    request: int
    phase: Phase
    done: int = 0  # tokens (reading) or pictures (looking) done so far
    total: int = 0  # tokens or pictures in all
    expected_s: float = 0.0  # how many seconds this phase will probably take; 0: unknown
    picture: str = ""  # SHA-256 of the picture that is encoded
    part: int = 0  # the part of it that is encoded, from 0
    parts: int = 1  # how many parts it has


class Seen(NamedTuple):
    """How a picture was read: as so many rows, of the so many that it has. With all of them it was seen whole."""

    sha256: str
    rows: int
    of_rows: int


class PictureRead(NamedTuple):
    """A picture was read ahead: it is encoded and in the KV cache, so only the question remains to be processed."""

    request: int
    sha256: str
    rows: int = 0  # as in `Seen`
    of_rows: int = 0


class ReadAheadDone(NamedTuple):
    """A read-ahead ended; `complete` is False when it was cut short."""

    request: int
    complete: bool
    context_used: int
    evaluated_tokens: int
    image_encodes: int


class TurnsDropped(NamedTuple):
    """The context is full: the model no longer sees `turns` earlier turns (see chat.budget).

    Sent before the answer, and before reading ahead.
    """

    request: int
    turns: int
    pictures: int  # how many pictures they contain
    left: tuple[int, ...] = ()  # the positions of the dropped turns in the command


class PartsReduced(NamedTuple):
    """The context is too small for the tiles of all pictures: one has `parts` parts instead of `requested`.

    `in_tokens`: these are tokens, of a quick look or with models that let one choose how many a picture takes.
    """

    request: int
    parts: int
    requested: int
    in_tokens: bool = False


class ThroughputMeasured(NamedTuple):
    """How fast this model is on this computer; 0: no new value."""

    request: int
    part_s: float = 0.0  # seconds to encode a picture or one part of it
    token_s: float = 0.0  # seconds per token of the prompt


class WeightsRepacked(NamedTuple):
    """From now on the model generates with repacked weights, and processes prompts with those of the file."""

    request: int = 0  # belongs to no request


class Text(NamedTuple):
    """The next piece of the answer, about every 30 ms."""

    request: int
    text: str
    tokens: int  # of the answer so far
    tokens_per_second: float
    context_used: int


class Thought(NamedTuple):
    """The next piece of what the model thinks before it answers, about every 30 ms."""

    request: int
    text: str
    tokens: int  # of thought and answer so far
    tokens_per_second: float
    context_used: int


class TurnStats(NamedTuple):
    """Figures of one answer."""

    finish_reason: FinishReason
    prompt_tokens: int  # pictures included
    reused_tokens: int  # already in the KV cache
    evaluated_tokens: int  # not in the KV cache, so processed before the first token of the answer
    image_encodes: int  # runs of the image encoder
    answer_tokens: int  # with those of the thought
    time_to_first_token_s: float
    tokens_per_second: float
    peak_memory_bytes: int  # of the engine process
    context_used: int
    context_size: int
    dropped_turns: int


class Finished(NamedTuple):
    """The answer is complete or was stopped. `text` is the whole answer; `token_ids` are without the end token."""

    request: int
    text: str
    stats: TurnStats
    token_ids: tuple[int, ...] = ()
    thought: str = ""  # what was thought before it; "" also where it goes on behind its thought
    thought_s: float = 0.0  # for how long, now
    certainty: Certainty | None = None  # of what was written now
    looks: tuple[Seen, ...] = ()  # the pictures that were in the prompt, in order


class Judged(NamedTuple):
    """What `Finished` did not know yet of an answer: how its pictures changed it. Sent in an idle moment."""

    request: int  # that of the answer
    certainty: Certainty


class Failed(NamedTuple):
    """An expected error; `UserError(code, **parameters)` has the sentence for it."""

    request: int
    code: str
    parameters: dict[str, str | int | float]


class Warned(NamedTuple):
    """A warning for the log of the program; it belongs to no request."""

    logger: str
    text: str
    request: int = 0


class BugReported(NamedTuple):
    """A bug in the engine: the request has failed, the engine goes on."""

    request: int
    report: str  # a traceback, for the report dialog


class Forgotten(NamedTuple):
    """Nothing that was read or seen before is in memory any more."""

    request: int


class Pong(NamedTuple):
    """The answer to `Ping`, for the client alone."""

    request: int = 0


class Silent(NamedTuple):
    """The engine process does not answer: nothing came for `SILENT_AFTER_S`. Made by the client, as `Died`."""

    request: int = 0


class AnswersAgain(NamedTuple):
    """The engine process answers after it was silent. Made by the client."""

    request: int = 0


class Died(NamedTuple):
    """The engine process has ended. This event is made by the client, not by the engine."""

    exit_code: int | None
    said: str = ""  # the last lines of its standard error; no conversation is written there


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
    | Thought
    | Text
    | Finished
    | Judged
    | Failed
    | Warned
    | BugReported
    | Forgotten
    | Pong
    | Silent
    | AnswersAgain
    | Died
)

#: The last event of a request is one of these.
FINAL_EVENTS = (Ready, Inspected, ReadAheadDone, Finished, Failed, BugReported, Forgotten, Died)
