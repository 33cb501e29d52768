"""Everything that needs a graphics card, in one run: training throughput, refresh time, and mIoU on CamVid.

python -m tests.benchmarks.gpu DATA [--short] [--parts NAME ...] [--minutes M] [--size N] [--device cuda] [--json]

DATA is the folder that tests/benchmarks/recipe.py takes; its test part is scored if it has one, else sequence 0006R0.
Each part is another benchmark in its own child process. A line for each goes to standard error as soon as it is
known, one JSON object to standard output at the end. A part that fails or takes too long is reported with its error,
and the next one starts.

All budgets derive from one total: `--short` has 9.5 minutes, otherwise each network trains for 20 minutes and the
whole takes less than 200. `--minutes` is the time of each training, `--size` that of every part. To try the script
without a graphics card: `--device cpu --short --size 64 --minutes 0.02`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
SHORT_TOTAL = 9.5
LONG_MINUTES = 20.0
TRAININGS = 10
"""The total is as long as so many trainings; four take place. The rest is for loading, scoring and other parts."""
LEAST_TOTAL = 30.0
LITE0, LITE2, RESNET = "tu-tf_efficientnet_lite0", "tu-tf_efficientnet_lite2", "resnet34"
TRAINED_SIZE, TIMED_SIZE = 480, 256


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the printed line: the key in the result of the benchmark, and the target, empty where none is set."""

    name: str
    key: str
    target: str = ""

    def text(self, result: dict[str, Any]) -> str:
        target = f" (target {self.target})" if self.target else ""
        return f"{self.name} {result[self.key]}{target}"


@dataclass(frozen=True, slots=True)
class Part:
    """A benchmark with its options. share: of the total time; a part also gets what earlier ones left over."""

    name: str
    benchmark: str
    share: float
    options: list[str]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """Minutes of the whole run, and of each training."""

    total: float
    training: float

    @classmethod
    def of(cls, short: bool, minutes: float | None) -> Budget:
        if short:
            return cls(SHORT_TOTAL, min(minutes or SHORT_TOTAL, SHORT_TOTAL / TRAININGS))
        training = minutes or LONG_MINUTES
        return cls(max(LEAST_TOTAL, TRAININGS * training), training)


def throughput(network: str, encoder: str, against_plain: str, options: str) -> Part:
    return Part(
        f"throughput-{network}",
        "throughput",
        0.07,
        f"--network {network} --encoder {encoder} --batch 8 {options}".split(),
        (
            Figure("pictures a second", "ours_img_per_s"),
            Figure("of ready tensors", "ours_to_ready", "at least 0.95"),
            Figure("of a plain script", "ours_to_plain", against_plain),
        ),
    )


def recipe(name: str, share: float, network: str, encoder: str, data: Path, options: str) -> Part:
    tested = "--test" if (data / "images" / "test").is_dir() else ""
    return Part(
        name,
        "recipe",
        share,
        [str(data.resolve()), *f"--network {network} --encoder {encoder} {tested} {options}".split()],
        (
            Figure("mIoU", "miou", "at least 0.758 on the test part after 20 minutes"),
            Figure("flipped", "miou_flip"),
            *((Figure("plain loop", "rival_miou"),) if "--rival" in options else ()),
        ),
    )


def all_parts(asked: argparse.Namespace, budget: Budget) -> list[Part]:
    """The parts in their order: those first that take least."""
    seconds, rounds = min(60.0, 15 * budget.training), max(1, min(8, round(3 * budget.training)))
    size = f"--size {asked.size or TIMED_SIZE}"
    timed = f"--device {asked.device} {size} --seconds {seconds:.2f}"
    trained = f"--device {asked.device} --size {asked.size or TRAINED_SIZE} --minutes {budget.training:.4f}"
    return [
        throughput("hypercolumn", LITE0, "", timed),
        throughput("unet", RESNET, "at least 2", timed),
        Part(
            "refresh",
            "refresh",
            0.14,
            f"--rounds {rounds} {size}".split(),
            (Figure("median seconds", "median_s", "at most 2"), Figure("Stop", "stop_s", "at most 2")),
        ),
        recipe(
            "hypercolumn-lite0", 0.32, "hypercolumn", LITE0, asked.data, f"{trained} --rival unet+{RESNET}"
        ),
        recipe("hypercolumn-lite2", 0.2, "hypercolumn", LITE2, asked.data, trained),
        recipe("unet-resnet34", 0.2, "unet", RESNET, asked.data, trained),
    ]


def measure(part: Part, device: str, seconds: float) -> dict[str, Any]:
    """The result of a part in its own process. Raises RuntimeError with the last output, or when the time is over."""
    # Hidden, because refresh has no option for the device and takes the card when it sees one.
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    child = subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{part.benchmark}", *part.options, "--json"],
        cwd=ROOT,
        env={**os.environ, **hidden},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = child.communicate(timeout=max(1.0, seconds))
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"It did not end within {seconds:.0f} seconds.") from None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # with its workers
            child.wait()
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if child.returncode or not lines:
        raise RuntimeError(errors.strip()[-2000:] or f"It ended with exit code {child.returncode}.")
    result = dict(json.loads(lines[-1]))
    if "plain_smp_img_per_s" in result:
        result["ours_to_plain"] = round(result["ours_img_per_s"] / result["plain_smp_img_per_s"], 3)
    if result.get("rivals"):
        result["rival_miou"] = result["rivals"][0]["miou"]
    return result


def measure_all(parts: list[Part], device: str, total: float) -> dict[str, Any]:
    """The result or error of each part, by name, printed as soon as it is known. total: seconds"""
    share, began, found = sum(part.share for part in parts), time.monotonic(), dict[str, Any]()
    ends = began
    for part in parts:
        ends += total * part.share / share
        start = time.monotonic()
        targets = {figure.key: figure.target for figure in part.figures if figure.target}
        try:
            result = measure(part, device, ends - start)
            line = ", ".join(figure.text(result) for figure in part.figures) + f", on {result['device']}"
        except Exception as error:  # a failed part must not end the others
            result = {"error": str(error) or repr(error)}
            line = f"failed: {result['error'].splitlines()[-1]}"
        seconds = round(time.monotonic() - start, 1)
        found[part.name] = {**result, "targets": targets, "wall_s": seconds}
        print(f"{part.name}: {line} [{seconds} s]", file=sys.stderr, flush=True)
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--short", action="store_true", help="end in less than ten minutes")
    words.add_argument("--parts", nargs="*", default=[], metavar="NAME", help="only these")
    words.add_argument("--minutes", type=float, help="of each training")
    words.add_argument("--size", type=int, help=f"default {TRAINED_SIZE}, {TIMED_SIZE} for times")
    words.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    words.add_argument("--json", action="store_true", help="the object on one line")
    asked = words.parse_args()
    if not (asked.data / "classes.json").is_file():
        words.error(f"{asked.data} has no classes.json.")
    if asked.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("Torch finds no graphics card on this machine, so nothing was measured.")
    budget = Budget.of(asked.short, asked.minutes)
    parts = all_parts(asked, budget)
    if unknown := set(asked.parts) - {part.name for part in parts}:
        words.error(f"Unknown parts {sorted(unknown)}; there are {[part.name for part in parts]}.")
    parts = [part for part in parts if not asked.parts or part.name in asked.parts]
    name = torch.cuda.get_device_name() if asked.device == "cuda" else "cpu"
    found = measure_all(parts, asked.device, 60 * budget.total)
    result = {
        "name": name,
        "torch": torch.__version__,
        "minutes": round(budget.training, 4),
        "failed": [part for part, each in found.items() if "error" in each],
        "parts": found,
    }
    print(json.dumps(result, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
