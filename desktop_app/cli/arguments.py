"""Parses the words after `eyebright` into a request. A mistake ends the program with one sentence and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import desktop_app
from desktop_app.cli import texts
from desktop_app.cli.models_arguments import parse_models
from desktop_app.cli.parser import Parser, file_word, full_word
from desktop_app.cli.request import (
    AskRequest,
    DoctorRequest,
    PlanRequest,
    SelfTestRequest,
    TuneRequest,
    VerbRequest,
    WindowRequest,
)
from desktop_app.cli.terminal import in_one_line
from desktop_app.engine.messages import EngineSettings, Sampling
from desktop_app.file_addresses import is_local
from desktop_app.look_choice import Wish
from desktop_app.settings import SETTINGS


def parse(words: Sequence[str]) -> VerbRequest | WindowRequest:
    """Parse what follows the program's name. Ends the program after --help, --version and nonsense."""
    match words:
        case ["ask", *rest]:
            return _parse_ask(rest)
        case ["models", *rest]:
            return parse_models(rest)
        case ["plan", *rest]:
            return _parse_plan(rest)
        case ["tune", *rest]:
            return _parse_tune(rest)
        case ["doctor", *rest]:
            Parser("eyebright doctor", texts.DOCTOR_DESCRIPTION).parse_args(rest)
            return DoctorRequest()
        case ["self-test", *rest]:
            return _parse_self_test(rest)
        case _:
            return _parse_window(words)


def _parse_window(words: Sequence[str]) -> WindowRequest:
    parser = Parser("eyebright", texts.DESCRIPTION, texts.EPILOG)
    version = f"Eyebright {desktop_app.__version__}"
    parser.add_argument("--version", action="version", version=version, help=texts.VERSION)
    parser.add_argument("pictures", nargs="*", type=file_word, metavar="PICTURE", help=texts.PICTURES)
    pictures = parser.parse_args(words).pictures
    missing = [picture for picture in pictures if is_local(picture) and not os.path.lexists(picture)]
    # Of one among others, and of all else, the window tells: so it does too where there is no terminal.
    if sys.stderr is not None and missing and len(missing) == len(pictures):
        parser.error(texts.NO_SUCH_FILE.format(name=in_one_line(missing[0])))
    return WindowRequest(pictures)


def _parse_ask(words: Sequence[str]) -> AskRequest:
    usual = Sampling()
    parser = Parser("eyebright ask", texts.ASK_DESCRIPTION)
    add = parser.add_argument
    add("pictures", nargs="*", metavar="PICTURE", help=texts.ASK_PICTURES)
    add("-p", "--prompt", action="append", default=[], metavar="QUESTION", help=texts.ASK_QUESTION)
    add("--model", type=full_word, metavar="ID|GGUF", help=texts.ASK_MODEL)
    add("--mmproj", type=full_word, metavar="GGUF", help=texts.ASK_MMPROJ)
    warmth = parser.add_mutually_exclusive_group()
    warmth.add_argument("--greedy", action="store_true", help=texts.ASK_GREEDY)
    warmth.add_argument(
        "--temperature",
        type=_number("temperature"),
        default=usual.temperature,
        metavar="T",
        help=texts.ASK_TEMPERATURE.format(default=usual.temperature),
    )
    add("--seed", type=_whole(0, 2**32 - 1), metavar="N", help=texts.ASK_SEED)
    add(
        "--max-tokens",
        type=_whole(1, _high("max_tokens")),
        default=usual.max_tokens,
        metavar="N",
        help=texts.ASK_MAX_TOKENS.format(default=usual.max_tokens),
    )
    add("--system", metavar="TEXT", help=texts.ASK_SYSTEM)
    _add_context(parser)
    add("--look", choices=[wish.value for wish in Wish], default=Wish.WHOLE.value, help=texts.ASK_LOOK)
    add("--picture-tokens", type=_whole(1, 2**16), metavar="N", help=texts.ASK_PICTURE_TOKENS)
    add("--think", action="store_true", help=texts.ASK_THINK)
    add("--json", action="store_true", help=texts.ASK_JSON)
    # parse_intermixed_args parses twice, and the second time "--" is gone: what follows it must not be seen at all.
    end = words.index("--") if "--" in words else len(words)
    found = parser.parse_intermixed_args(words[:end])
    if found.mmproj and not found.model:
        parser.error(texts.MMPROJ_ALONE)
    try:
        pictures = [file_word(picture) for picture in (*found.pictures, *words[end + 1 :])]
    except argparse.ArgumentTypeError as error:
        parser.error(f"PICTURE {error}")
    if found.prompt.count("-") + ("-" in pictures) > 1:
        parser.error(texts.ONE_STANDARD_INPUT)
    return AskRequest(
        pictures=pictures,
        questions=found.prompt,
        model=found.model or "",
        mmproj=found.mmproj or "",
        sampling=Sampling(
            temperature=0.0 if found.greedy else found.temperature, seed=found.seed, max_tokens=found.max_tokens
        ),
        settings=EngineSettings(n_ctx=found.context),
        system=found.system,
        look=Wish(found.look),
        picture_tokens=found.picture_tokens,
        think=found.think,
        json=found.json,
    )


def _parse_plan(words: Sequence[str]) -> PlanRequest:
    parser = Parser("eyebright plan", texts.PLAN_DESCRIPTION)
    parser.add_argument("model", type=full_word, metavar="ID|MODEL_GGUF", help=texts.PLAN_MODEL)
    parser.add_argument("mmproj", nargs="?", type=full_word, metavar="MMPROJ_GGUF", help=texts.PLAN_MMPROJ)
    _add_context(parser)
    parser.add_argument("--memory", default="", metavar="SIZE", help=texts.PLAN_MEMORY)
    parser.add_argument("--json", action="store_true", help=texts.PLAN_JSON)
    found = parser.parse_args(words)
    return PlanRequest(
        model=found.model,
        mmproj=found.mmproj or "",
        settings=EngineSettings(n_ctx=found.context),
        json=found.json,
        memory=found.memory,
    )


def _parse_tune(words: Sequence[str]) -> TuneRequest:
    parser = Parser("eyebright tune", texts.TUNE_DESCRIPTION)
    parser.add_argument("model", nargs="?", type=full_word, metavar="ID|MODEL_GGUF", help=texts.PLAN_MODEL)
    parser.add_argument("mmproj", nargs="?", type=full_word, metavar="MMPROJ_GGUF", help=texts.PLAN_MMPROJ)
    _add_context(parser)
    parser.add_argument("--json", action="store_true", help=texts.TUNE_JSON)
    parser.add_argument("--weights", action="store_true", help=texts.TUNE_WEIGHTS)
    found = parser.parse_args(words)
    if bool(found.model) == found.weights:
        parser.error(texts.TUNE_WHAT)
    settings = EngineSettings(n_ctx=found.context)
    return TuneRequest(model=found.model or "", mmproj=found.mmproj or "", settings=settings, json=found.json)


def _parse_self_test(words: Sequence[str]) -> SelfTestRequest:
    parser = Parser("eyebright self-test", texts.SELF_TEST_DESCRIPTION)
    parser.add_argument("--window", action="store_true", help=texts.SELF_TEST_WINDOW)
    return SelfTestRequest(parser.parse_args(words).window)


def _add_context(parser: argparse.ArgumentParser) -> None:
    usual = EngineSettings().n_ctx
    parser.add_argument(
        "--context",
        type=_whole(_low("n_ctx"), _high("n_ctx")),
        default=usual,
        metavar="N",
        help=texts.ASK_CONTEXT.format(default=usual),
    )


def _low(name: str) -> int:
    return int(SETTINGS[name].low or 0)


def _high(name: str) -> int:
    return int(SETTINGS[name].high or 2**31 - 1)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(texts.WHOLE_NUMBER.format(low=low, high=high))
        return value

    return read


def _number(name: str) -> Callable[[str], float]:
    low, high = SETTINGS[name].low or 0, SETTINGS[name].high or 0

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(texts.NUMBER.format(low=low, high=high))
        return value

    return read
