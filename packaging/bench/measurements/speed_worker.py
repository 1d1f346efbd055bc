"""Reads and writes when it is told to, with the llama.cpp of whatever Python runs it.

Usage: speed_worker MODEL SETTINGS_JSON ROOM. Each line on standard input, "read TOKENS" or "write DEPTH TOKENS", is
answered with the tokens per second.
"""

from __future__ import annotations

import json
import sys

from bench.measurements.load_settings import Settings
from bench.measurements.plain_calls import loaded, plain_context, prepare


def main() -> None:
    """Serve until standard input ends."""
    path, settings, room = sys.argv[1], Settings(**json.loads(sys.argv[2])), int(sys.argv[3])
    prepare()
    with loaded(path, settings) as model, plain_context(model, room, settings) as context:
        print("ready", flush=True)
        for line in sys.stdin:
            what, *numbers = line.split()
            if what == "read":
                context.fill(0)
                print(int(numbers[0]) / context.read(int(numbers[0])), flush=True)
            else:
                context.fill(int(numbers[0]))
                print(context.write(int(numbers[1])), flush=True)


if __name__ == "__main__":
    main()
