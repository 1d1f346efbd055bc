"""The `eyebright` command: runs a verb such as `ask` in the terminal, without a window and without Qt."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from desktop_app import logs
from desktop_app.cli import arguments, texts
from desktop_app.cli.exit_codes import ExitCode
from desktop_app.cli.request import (
    AskRequest,
    DoctorRequest,
    PlanRequest,
    SelfTestRequest,
    TuneRequest,
    VerbRequest,
    WindowRequest,
)
from desktop_app.cli.terminal import in_one_line, plain_terminal
from desktop_app.errors import UserError
from model_store.atomic_files import means_no_room
from model_store.errors import StoreError

_DEATHS = ("engine-died", "model-ends-engine")

__all__ = ["SelfTestRequest", "WindowRequest", "parse", "run"]


def parse(words: Sequence[str]) -> VerbRequest | WindowRequest:
    """Return what stands after `eyebright`. What makes no sense ends the program with one sentence."""
    with plain_terminal():
        return arguments.parse(words)


def run(request: VerbRequest) -> int:
    """Carry out what was asked for and return the exit code, an `ExitCode`."""
    with plain_terminal():
        return _run(request)


def _run(request: VerbRequest) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = _carry_out(request)
        sys.stdout.flush()
    except (UserError, StoreError) as error:
        print(texts.ERROR.format(sentence=in_one_line(error)), file=sys.stderr)
        return ExitCode.FAILED if error.code in _DEATHS else ExitCode.BAD_INPUT
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _write_no_more()
        return ExitCode.PIPE_CLOSED
    except Exception as error:
        if isinstance(error, OSError) and means_no_room(error):
            _write_no_more()
            print(texts.ERROR.format(sentence=UserError("output-disk-full")), file=sys.stderr)
            return ExitCode.BAD_INPUT
        print(texts.BUG + "\n\n" + logs.report(error), file=sys.stderr)
        return ExitCode.FAILED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left to do takes no time
    return code


def _write_no_more() -> None:
    """Python flushes standard output once more at the end; there must be somewhere to flush to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _carry_out(request: VerbRequest) -> int:
    """Import no more than the verb needs: the first word of the answer waits for it."""
    match request:
        case AskRequest():
            from desktop_app.cli.ask import ask

            return ask(request)
        case PlanRequest():
            from desktop_app.cli.plan import plan

            return plan(request)
        case TuneRequest():
            from desktop_app.cli.tune import tune

            return tune(request)
        case DoctorRequest():
            from desktop_app.cli.doctor import doctor

            return doctor()
        case SelfTestRequest():
            from desktop_app.cli.self_test import self_test

            return self_test()
        case _:
            from desktop_app.cli.models import models

            return models(request)
