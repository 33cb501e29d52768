"""The COCO panoptic reader finds each picture by its name, not by a search."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.formats.dataset_tree import DatasetTree, stem_of
from core.formats.readers import coco_panoptic


def test_panoptic_reader_does_not_search_all_pictures_for_each_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, places = [f"f{n}.png" for n in range(40)], ("images/unsplit", "annotations/panoptic_unsplit")
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        for name in names:
            (tmp_path / place / name).touch()
    table = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "annotations": [
            {"image_id": n, "file_name": name, "segments_info": []} for n, name in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "a"}],
    }
    (tmp_path / "annotations" / "panoptic_unsplit.json").write_text(json.dumps(table), "utf-8")
    asked: list[str] = []
    monkeypatch.setattr(coco_panoptic, "stem_of", lambda name: asked.append(name) or stem_of(name))
    found = coco_panoptic.open_dataset(DatasetTree(tmp_path))
    assert [sample.picture for sample in found.samples] == [tmp_path / places[0] / name for name in names]
    assert len(asked) < 10 * len(names)
