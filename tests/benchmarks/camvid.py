"""The command line from import to scores on CamVid, each command as a process of its own.

python -m tests.benchmarks.camvid DATA [--minutes 10] [--labelled N] [--seed 0] [--json]

DATA contains images/, masks/ and classes.json (11 classes, 480 x 360). The sequence 0006R0 is held out as test; val
is one short clip whose neighbouring frames are in train, so its score is too high. `--labelled N` trains on N evenly
spread pictures only, to see the effect of few labels.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.project.project import Project
from core.project.records import Split

HELD_OUT = "0006R0"


def command(*words: str) -> tuple[dict[str, Any], float]:
    """Run one maskloop command; returns its JSON and its seconds."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *words, "--json"], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"maskloop {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout), seconds


def hold_out(folder: Path, labelled: int | None) -> dict[str, int]:
    """Move one sequence to test; with `labelled` keep only that many pictures in train and unlabel the others."""
    with Project.open(folder, purpose="a benchmark") as project:
        records = project.pictures.all()
        project.pictures.set_split([r.id for r in records if HELD_OUT in r.name], Split.TEST)
        train = [r for r in records if r.split == Split.TRAIN and HELD_OUT not in r.name]
        if labelled is not None:
            every = max(1, len(train) // labelled)
            kept = {r.id for r in train[::every][:labelled]}
            rest = [r for r in train if r.id not in kept]
            project.pictures.set_split([r.id for r in rest], None)
            for record in rest:
                while project.journal.undo(record.id):  # its label came in as one edit
                    pass
        return project.pictures.counts().by_split


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--minutes", type=float, default=10.0)
    words.add_argument("--labelled", type=int)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "camvid"
        imported, import_s = command("import", "masks", str(asked.data), "--into", str(folder))
        splits = hold_out(folder, asked.labelled)
        trained, train_s = command(
            "train", "--project", str(folder), "--minutes", str(asked.minutes), "--seed", str(asked.seed)
        )
        scores = {}
        for split in ("val", "test"):
            scored, seconds = command("evaluate", "--project", str(folder), "--split", split)
            scores[split] = {k: scored[k] for k in ("miou", "pixel_accuracy", "per_class", "pictures")}
            scores[split]["seconds"] = round(seconds, 1)
        predicted, predict_s = command("predict", "--project", str(folder), "--images", "test")
        exported, export_s = command("export", "masks", str(Path(scratch) / "out"), "--project", str(folder))
    result = {
        "machine": f"{platform.system()} {platform.machine()}",
        "device": trained["device"],
        "seed": asked.seed,
        "minutes": asked.minutes,
        "splits": splits,
        "import_s": round(import_s, 1),
        "imported": imported["labels"],
        "train_s": round(train_s, 1),
        "steps": trained["steps"],
        "best_val_miou_at_work_size": trained["best_miou"],
        "scores": scores,
        "predict_s": round(predict_s, 1),
        "predicted": predicted["pictures"],
        "export_s": round(export_s, 1),
        "exported": exported["pairs"],
    }
    print(json.dumps(result, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
