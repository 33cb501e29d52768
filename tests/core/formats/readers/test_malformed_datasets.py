"""Whatever stands in a dataset's files, what comes out is a dataset or a sentence, never a crash."""

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
from tests.external_datasets import FORMS, Form

ODD: tuple[Any, ...] = (
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
TURNS = 25


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(inside):
        yield value, key
        yield from places(part)


def spoil_json(path: Path, chance: random.Random) -> None:
    content = json.loads(path.read_text("utf-8"))
    container, key = chance.choice(list(places(content)))
    if isinstance(container, dict) and chance.random() < 0.2:
        del container[key]
    else:
        container[key] = chance.choice(ODD)
    path.write_text(json.dumps(content), "utf-8")


def spoil_text(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content))
        match chance.randrange(3):
            case 0:
                content[at] = chance.randrange(256)
            case 1:
                del content[at : at + chance.randint(1, 9)]
            case _:
                content[at:at] = chance.choice((b"0", b"-", b"\xff", b"<a>", b"9" * 40, b",", b"\n"))
        content = content or bytearray(b" ")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("form", FORMS, ids=[f"{n}-{f.format}" for n, f in enumerate(FORMS)])
def test_spoiled_files_give_sentences(form: Form, tmp_path: Path) -> None:
    chance = random.Random(form.format)
    form.write(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [path for path in files if path.suffix in (".json", ".txt", ".xml", ".csv", ".yaml")]
    for _ in range(TURNS):
        path = chance.choice(texts or files)
        before = path.read_bytes()
        if path.suffix == ".json" and chance.random() < 0.8:
            spoil_json(path, chance)
        else:
            spoil_text(path, chance)
        try:
            recognise_all(DatasetTree(tmp_path))
            dataset = open_dataset(tmp_path, form.format)
            for sample in dataset.samples:
                if sample.read_mask is not None:
                    sample.read_mask()
        except UserError as problem:
            assert str(problem).endswith((".", "pairs.", "?")), problem
        path.write_bytes(before)
