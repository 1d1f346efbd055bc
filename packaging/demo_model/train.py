"""Trains the built-in model from nothing and writes its two files. One command, no download.

    python packaging/demo_model/train.py --work build/demo_model --into resources/demo_model

Stages: vocabulary, pictures, image tower, decoder, everything together (twice, on fresh
pictures), conversion.
Each leaves a file in the work folder and is skipped when that file is there, so an
interrupted run goes on where it stopped. Schedules count steps, not minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

# glibc gives large blocks back to the system after every step unless told not to.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
_THREADS = {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}

VISION_STEPS = 4000
DECODER_STEPS = 2200
PICTURES = 90_000
PICTURE_SEED = 1_000_000
TOGETHER = {"joint": (40_000, 2, 1250, 1e-3, 0.85), "polish": (16_000, 3, 500, 5e-4, 0.95)}
"""Stages with everything together: fresh pictures, their seed, steps, learning rate, share of falling."""
WATCH_PICTURES = 2_000
WATCH_SEED = 500_000


def run(work: Path, into: Path, new_vocabulary: bool, scale: float) -> None:
    """Run the stages that have not been run yet, with ``scale`` times the pictures and steps."""
    import torch
    from convert import round_to_half, write_pair
    from dataset import Dataset, draw_dataset
    from network import Llava, Shape
    from tokenizer import VOCABULARY, Tokenizer, train
    from train_decoder import prepare, train_decoder
    from train_vision import train_vision

    def scaled(number: int) -> int:
        return max(1, round(number * scale))

    began = time.monotonic()
    if new_vocabulary and not (work / "vocabulary" / "tokenizer.json").exists():
        train(work / "vocabulary")
    tokenizer = Tokenizer(work / "vocabulary" if new_vocabulary else VOCABULARY)
    draw_dataset(work / "held-out", WATCH_PICTURES, WATCH_SEED)
    draw_dataset(work / "pictures", 1000 * scaled(PICTURES // 1000), PICTURE_SEED)
    print(f"pictures drawn, {time.monotonic() - began:.0f} s", flush=True)
    data, watch = Dataset(work / "pictures"), Dataset(work / "held-out")
    model = Llava(Shape(vocabulary=len(tokenizer)))
    for number, name in enumerate(("vision", "decoder", *TOGETHER)):
        saved = work / f"{name}.pt"
        if saved.exists():
            model.load_state_dict(torch.load(saved, weights_only=True))
            continue
        torch.manual_seed(number + 1)
        log = work / f"{name}.log"
        if name == "vision":
            model = Llava(Shape(vocabulary=len(tokenizer)))
            train_vision(model, data, watch, scaled(VISION_STEPS), log)
        elif name == "decoder":
            prepare(model, tokenizer, watch)
            train_decoder(
                model,
                tokenizer,
                data,
                watch,
                scaled(DECODER_STEPS),
                log,
                name,
                seed=11,
                lr=2e-3,
                tower=False,
                cool=0.45,
            )
        else:
            pictures, seed, steps, lr, cool = TOGETHER[name]
            draw_dataset(work / f"{name}-pictures", 1000 * scaled(pictures // 1000), seed * 1_000_000)
            fresh = Dataset(work / f"{name}-pictures")
            train_decoder(
                model, tokenizer, fresh, watch, scaled(steps), log, name, seed=10 + seed, lr=lr, tower=True, cool=cool
            )
        torch.save(model.state_dict(), saved)
        print(f"{name} done, {time.monotonic() - began:.0f} s", flush=True)
    round_to_half(model)
    for path in write_pair(model, tokenizer, into):
        print(f"{path} {path.stat().st_size} bytes")


def main() -> None:
    """Parse the command line; start again with the right memory settings if need be."""
    parser = argparse.ArgumentParser(description="Trains the built-in model from nothing.")
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and checkpoints (5 GB)")
    parser.add_argument("--into", type=Path, required=True, help="folder for the two GGUF files")
    parser.add_argument(
        "--new-vocabulary", action="store_true", help="train the vocabulary too, do not keep the old one"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="0.01 for a quick trial of the whole way")
    options = parser.parse_args()
    wanted = {**_MALLOC, **_THREADS, "TORCHINDUCTOR_CACHE_DIR": str(options.work / "compiled")}
    if any(key not in os.environ for key in wanted):
        environment = {**os.environ, **{k: v for k, v in wanted.items() if k not in os.environ}}
        raise SystemExit(subprocess.call([sys.executable, *sys.argv], env=environment))
    options.work.mkdir(parents=True, exist_ok=True)
    run(options.work, options.into, options.new_vocabulary, options.scale)


if __name__ == "__main__":
    main()
