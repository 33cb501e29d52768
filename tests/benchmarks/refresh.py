"""Time from a saved correction to a prediction of that picture by weights trained on it.

python -m tests.benchmarks.refresh [--pictures 12] [--rounds 8] [--size 256] [--json]

Our own scenes, half of them labelled, trained through the session as in the window. Then, every few seconds, a box of
the picture on screen gets its true label; the time runs from the moment it is saved. At the end the time of Stop and
the memory that the training process frees are measured.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.base.changes import Changes
from core.base.geometry import Box
from core.labels.label_map import LabelMap
from core.models.checkpoint import read_checkpoint_metadata
from core.project.records import Split
from core.samples.scenes import SCENE_CLASSES, draw_scene
from core.session.session import Session
from core.session.training import next_run, snapshot_builder
from core.session.training.training_state import TrainingPreferences

PATIENCE = 180.0


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.005)


def put(session: Session, number: int, truth: np.ndarray, box: Box) -> None:
    labels = LabelMap(session.loader.load(number).result().labels)
    labels.begin_edit("Correction", "benchmark", 0)
    labels.put_values(box, truth[box.slices])
    edit = labels.finish_edit()
    if edit is not None:
        session.editing.commit(number, edit).result()


def memory_of(process: int | None) -> float | None:
    """Resident memory in megabytes, None where the system does not report it."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((round(int(line.split()[1]) / 1024) for line in lines if line.startswith("VmRSS")), None)


def measured(folder: Path, pictures: int, rounds: int) -> dict[str, object]:
    scenes = [draw_scene(number) for number in range(pictures)]
    for number, scene in enumerate(scenes):
        Image.fromarray(scene.picture).save(folder / f"scene{number:03}.png")
    height, width = scenes[0].truth.shape
    news: list[Changes] = []
    wishes = TrainingPreferences(automatic=False, minutes=30.0)
    session = Session.open(
        folder, None, lambda n: news.append(n) if isinstance(n, Changes) else None, print, wishes
    )
    try:
        until(lambda: len(session.pictures) == pictures, "the pictures")
        session.editing.add_classes([name for name, *_ in SCENE_CLASSES])
        for number, scene in enumerate(scenes, 1):
            put(session, number, scene.truth, Box(0, 0, width // 2, height))
        session.training.start()
        until(lambda: session.training.state.published > 0, "a network")
        run = session.training.state.run_id
        train = [n for n in range(1, pictures + 1) if session.pictures.get(n).split == Split.TRAIN]
        taken = []
        for turn in range(rounds):
            number = train[turn % len(train)]
            session.training.on_picture_shown(number, [])
            time.sleep(2.0 + turn % 3)  # a person looks
            x = width // 2 + (turn // len(train)) * (width // 8)
            seen = _seen(session, run, number)
            news.clear()
            put(session, number, scenes[number - 1].truth, Box(x, 0, x + width // 8, height))
            began = time.perf_counter()

            def refreshed(number: int = number, seen: object = seen) -> bool:
                if not any(number in change.predictions for change in news):
                    return False
                if _seen(session, run, number) != seen:
                    return True
                news.clear()
                return False

            until(refreshed, "a refreshed prediction")
            taken.append(time.perf_counter() - began)
        child = session.training._worker._process
        process = child.pid if child else None
        training = memory_of(process)
        began = time.perf_counter()
        session.training.stop()
        until(lambda: session.training.state.phase == "idle", "the end")
        stop = time.perf_counter() - began
        time.sleep(2.0)
        return {
            "device": session.training.state.device,
            "median_s": round(float(np.median(taken)), 2),
            "p90_s": round(float(np.quantile(taken, 0.9)), 2),
            "rounds": rounds,
            "pictures": pictures,
            "stop_s": round(stop, 2),
            "training_mb": training,
            "stopped_mb": memory_of(process),
        }
    finally:
        session.close()


def _seen(session: Session, run: int | None, number: int) -> object:
    """The label digest of a picture that the newest weights were trained on."""
    return read_checkpoint_metadata(session._project.run_folder(run or 0))[1]["seen"].get(str(number))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--pictures", type=int, default=12)
    words.add_argument("--rounds", type=int, default=8)
    words.add_argument("--size", type=int, default=256, help="long side at which the network looks")
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    first = snapshot_builder.initial_spec
    next_run.initial_spec = lambda *given: replace(first(*given), size=asked.size)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as scratch:
        result = measured(Path(scratch), asked.pictures, asked.rounds)
    print(json.dumps({**result, "size": asked.size}, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
