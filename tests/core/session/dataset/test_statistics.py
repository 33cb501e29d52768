"""Tests of dataset statistics and findings, and of the dataset service in a session."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from core.base.changes import Changes
from core.base.errors import Cancelled
from core.base.geometry import Box
from core.labels.class_list import ClassList
from core.labels.label_map import LabelMap
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.project.splits.split_plan import SplitOptions
from core.session.dataset.statistics import DatasetFinding, count_tiny_regions, dataset_statistics
from core.session.session import Session
from core.session.training.training_state import TrainingPreferences
from tests.factories import label_all, project_in

CLASSES = ClassList().with_class("road").with_class("tree").with_class("pole")


def by_key(findings: tuple[DatasetFinding, ...]) -> dict[str, set[int]]:
    return {finding.key: set(finding.pictures) for finding in findings}


def test_findings_name_their_pictures() -> None:
    def record(n: int, name: str = "", **more: object) -> PictureRecord:
        return PictureRecord(n, name or f"p{n}.png", **{"width": 40, "height": 30, **more})  # type: ignore[arg-type]

    records = [
        record(1, split=Split.TRAIN, labelled_pixels=9, status=Status.DONE),
        record(2, split=Split.VAL, labelled_pixels=9, width=30, height=40),
        record(3, status=Status.DONE),
        record(4, problem="It is cut short.", width=None, height=None),
        record(5, "a/s3_1.png", split=Split.TRAIN),
        record(6, "b/s3_2.png", split=Split.TEST),
    ]
    told = dataset_statistics(records, {1: {1: 6, 3: 3}, 2: {1: 4, 2: 5}}, CLASSES)
    assert by_key(told.findings) == {
        "unreadable": {4},
        "empty done": {3},
        "odd size": {2},
        "only:2": {2},
        "only:3": {1},
        "torn:s3_": {5, 6},
    }
    said = {f.key: f.sentence for f in told.findings}
    assert said["only:3"] == "pole occurs only in train, so it is never scored."
    assert said["only:2"] == "tree occurs only in val, so it is never trained."
    assert "40 × 30" in said["odd size"]
    assert told.table[None, Status.DONE] == 1 and told.table[Split.TRAIN, Status.NEW] == 1
    assert (told.whole.pixels[1], told.whole.labelled) == (10, 2)
    assert (told.class_pictures[1, None], told.class_pictures[1, Split.VAL]) == (2, 1)
    assert told.sizes[0] == ((40, 30), 4)
    assert dataset_statistics([], {}, CLASSES).findings == ()
    many = [record(n, f"s{n // 2}_{n}.png", split=(Split.TRAIN, Split.VAL)[n % 2]) for n in range(12)]
    (torn,) = dataset_statistics(many, {}, CLASSES).findings
    assert (torn.key, torn.pictures) == ("torn", frozenset(range(12)))
    assert "6 sequences" in torn.sentence


def test_tiny_regions_are_counted_by_class() -> None:
    values = np.zeros((40, 40), np.uint8)
    values[:20] = 1
    values[3, 3], values[30:32, 30:32], values[10:14, 10:14] = 2, 2, 3
    assert count_tiny_regions(values) == 2
    assert count_tiny_regions(values, 17) == 3


def test_session_computes_statistics_splits_and_scans(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all())
    heard: list[object] = []
    told = threading.Event()

    def listen(news: object) -> None:
        heard.append(news)
        if isinstance(news, Changes) and len(news.pictures) == 3:
            told.set()

    session = Session.open(tmp_path, None, listen, preferences=TrainingPreferences(automatic=False))
    try:
        caring = session.dataset
        assert caring.statistics().result(60).whole.labelled == 3
        assert caring.pictures_with_class(2).result(60) == {1, 2, 3}
        plan = caring.plan_split(SplitOptions(shares=(1, 1, 1))).result(60)
        assert caring.apply_split(plan).result(60) == 3
        assert told.wait(60)
        assert {i: session.pictures.get(i).split for i in (1, 2, 3)} == plan.changes
        assert caring.statistics().result(60).table[Split.VAL, Status.IN_PROGRESS] == 1
        assert not caring.has_fingerprints
        assert caring.find_near_duplicates(lambda *_: None).result(60).compared == 3
        assert caring.has_fingerprints
        assert caring.find_tiny_regions(lambda *_: None).result(60).pictures == frozenset()
        labels = LabelMap(np.array(session.loader.load(2).result(60).labels))
        labels.begin_edit("Dot", "brush", 2)
        labels.put_values(Box(5, 5, 7, 7), np.full((2, 2), 2, np.uint8))
        edit = labels.finish_edit()
        assert edit is not None
        session.editing.commit(2, edit).result(60)
        found = caring.find_tiny_regions(lambda *_: None).result(60)
        assert (found.pictures, found.sentence) == ({2}, "1 region of fewer than 16 pixels in 1 picture.")
        stopped = caring.find_near_duplicates(lambda *_: caring.cancel())
        with pytest.raises(Cancelled):
            stopped.result(60)
    finally:
        session.close()


def test_split_of_many_pictures_reaches_the_index(tmp_path: Path) -> None:
    Project.open(tmp_path, purpose="a test").close()
    (tmp_path / "a.png").write_bytes(b"")
    with Project.open(tmp_path, purpose="a test") as project:
        project.pictures.add(f"p{n}.png" for n in range(700))
    session = Session.open(tmp_path, None, lambda _news: None)
    try:
        plan = session.dataset.plan_split(SplitOptions()).result(60)
        assert session.dataset.apply_split(plan).result(60) == len(plan.changes) >= 700
        session.wait_until_saved()
        assert all(session.pictures.get(i).split == split for i, split in plan.changes.items())
        session.editing.undo(1).result(60)
        assert all(session.pictures.get(i).split is None for i in plan.changes)
    finally:
        session.close()
