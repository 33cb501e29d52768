"""Randomly corrupted datasets give a dataset or a message, never another exception."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import UserError
from core.formats.dataset_tree import DatasetTree
from core.formats.readers.registry import open_dataset, recognise_all
from tests.external_datasets import EXTERNAL_DATASETS, ExternalDataset

UNEXPECTED_VALUES: tuple[Any, ...] = (
    None,
    -1,
    0,
    10**30,
    1e308,
    True,
    "",
    "x",
    "../../x",
    [],
    {},
    [[]],
    [None],
    {"": None},
    [[1, 2]],
)
CORRUPTIONS = 25


def containers(value: Any) -> Iterator[tuple[Any, Any]]:
    """All (container, key) pairs in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(inside):
        yield value, key
        yield from containers(part)


def corrupt_json(path: Path, rng: random.Random) -> None:
    content = json.loads(path.read_text("utf-8"))
    container, key = rng.choice(list(containers(content)))
    if isinstance(container, dict) and rng.random() < 0.2:
        del container[key]
    else:
        container[key] = rng.choice(UNEXPECTED_VALUES)
    path.write_text(json.dumps(content), "utf-8")


def corrupt_text(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content))
        match rng.randrange(3):
            case 0:
                content[at] = rng.randrange(256)
            case 1:
                del content[at : at + rng.randint(1, 9)]
            case _:
                content[at:at] = rng.choice((b"0", b"-", b"\xff", b"<a>", b"9" * 40, b",", b"\n"))
        content = content or bytearray(b" ")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "form", EXTERNAL_DATASETS, ids=[f"{n}-{f.format}" for n, f in enumerate(EXTERNAL_DATASETS)]
)
def test_corrupted_files_give_messages(form: ExternalDataset, tmp_path: Path) -> None:
    rng = random.Random(form.format)
    form.write(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [path for path in files if path.suffix in (".json", ".txt", ".xml", ".csv", ".yaml")]
    for _ in range(CORRUPTIONS):
        path = rng.choice(texts or files)
        before = path.read_bytes()
        if path.suffix == ".json" and rng.random() < 0.8:
            corrupt_json(path, rng)
        else:
            corrupt_text(path, rng)
        try:
            recognise_all(DatasetTree(tmp_path))
            dataset = open_dataset(tmp_path, form.format)
            for sample in dataset.samples:
                if sample.read_mask is not None:
                    sample.read_mask()
        except UserError as problem:
            assert str(problem).endswith((".", "pairs.", "?")), problem
        path.write_bytes(before)
