"""The input size of a project's first network, and the proposal of a larger one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.base.geometry import Box
from core.labels.label_map import LabelMap
from core.models.spec import default_size
from core.project.project import Project
from core.session.training.input_size import LARGEST_DEFAULT, SizeProposal, first_size, propose_size
from core.session.training.snapshot_builder import initial_spec, open_snapshot, update_snapshot
from core.training.recipe import default_recipe
from tests.factories import project_in


def with_spots(folder: Path, spot: int, side: int = 1600) -> Project:
    """A project with one large picture: class 2 is spots of this width on class 1."""
    project = project_in(folder, count=0)
    Image.fromarray(np.full((side, side, 3), 90, np.uint8)).save(folder / "large.png")
    (record,) = project.pictures.add(["large.png"])
    project.pictures.set_size(record.id, side, side)
    values = np.ones((side, side), np.uint8)
    for at in range(20, side - 40, 50):
        values[at : at + spot, at : at + spot] = 2
    labels = LabelMap(project.labels.read(record.id, side, side))
    labels.begin_edit("Label", "test", 0)
    labels.put_values(Box(0, 0, side, side), values)
    edit = labels.finish_edit()
    assert edit is not None
    project.journal.commit(record.id, edit)
    project.pictures.assign_missing_splits()
    return project


def test_a_first_network_sees_what_is_labelled(tmp_path: Path) -> None:
    usual = default_size("cpu", pretrained=True)
    with with_spots(tmp_path / "large", 60) as project:
        records = project.pictures.labelled()
        assert first_size(project, records, "cpu", pretrained=True) == usual
    with with_spots(tmp_path / "small", 3) as project:
        records = project.pictures.labelled()
        size = first_size(project, records, "cpu", pretrained=True)
        assert usual < size <= LARGEST_DEFAULT["cpu"]
        spec = initial_spec(project, records, "cpu")
        assert spec.size == size
        assert (
            default_recipe("cpu", pretrained=True, size=size).crop
            == default_recipe("cpu", pretrained=True).crop
        )
        assert default_recipe("cuda", pretrained=True, size=size).crop == 512


def test_what_vanishes_is_said_with_the_size_that_keeps_it(tmp_path: Path) -> None:
    with with_spots(tmp_path / "small", 3) as project:
        spec = initial_spec(project, project.pictures.labelled(), "cpu")
        classes = project.classes.read()
        for size, vanishes in ((480, True), (spec.size, False)):
            small = ScaledSnapshot(project, tmp_path / str(size), size)
            proposal = propose_size(small.regions, size, classes)
            assert bool(proposal.sentence) is vanishes
            assert SizeProposal.from_json(proposal.to_json()) == proposal
            if vanishes:
                assert "“roof” loses 100 %" in proposal.sentence and "“grass”" not in proposal.sentence
                assert size < proposal.better < 1600
                assert f"{proposal.better:,} pixels" in proposal.sentence


class ScaledSnapshot:
    """The regions of a project's pictures as the snapshot for this input holds them."""

    def __init__(self, project: Project, folder: Path, size: int) -> None:
        records = project.pictures.labelled()
        spec = replace(initial_spec(project, records, "cpu"), size=size)
        snapshot = open_snapshot(folder, spec, default_recipe("cpu"))
        update_snapshot(project, snapshot, records)
        self.regions = [entry.scaled_regions for entry in snapshot.entries().values()]


def test_a_damaged_proposal_is_none() -> None:
    for text in (None, "", "{", "[]", '{"sentence": "a"}', '{"sentence": "a", "size": "b", "better": 3}'):
        assert SizeProposal.from_json(text) == SizeProposal()
