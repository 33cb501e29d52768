"""The process behind a preview of augmentation: wishes as lines of JSON in, pictures as lines of JSON out.

A process of its own, because the window never loads torch; it ends when its input closes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    told = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # whatever a library prints is not for whoever reads our lines
    os.environ["OMP_NUM_THREADS"] = (
        "1"  # so little work is not quicker on many cores, and slow where they are taken
    )
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        for line in sys.stdin:
            told.write(json.dumps(_answer(json.loads(line))) + "\n")
            told.flush()


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    """{"rows": for each picture its versions [height, width, base64 of RGB bytes], "problem": a sentence or ""}."""
    from core.base.errors import ImageError
    from core.images.image_reader import read_model_input
    from core.training.data.augmentation_preview import augmented_versions
    from core.training.recipe import Recipe

    rows, problem = [], ""
    recipe = Recipe.from_json(asked["recipe"])
    for number, path in enumerate(asked["pictures"]):
        try:
            picture = read_model_input(Path(path), 3)
        except ImageError as refused:
            problem = str(refused)
            continue
        seed = asked["seed"] + 1000 * number
        made = augmented_versions(picture, asked["size"], recipe, seed, asked["times"])
        rows.append([[*each.shape[:2], base64.b64encode(each.tobytes()).decode()] for each in made])
    return {"rows": rows, "problem": problem}


if __name__ == "__main__":
    main()
