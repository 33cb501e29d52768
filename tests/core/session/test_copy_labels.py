"""Tests of copying labels from the previous picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.errors import UserError
from core.base.lane import Lane
from core.labels.class_list import VOID
from core.labels.label_map import LabelMap
from core.project.project import Project
from core.session.copy_labels import LabelCopier, SourceLabel, copy_labels
from core.session.picture_index import PictureIndex
from tests.factories import label_all, project_in, truth

TIMEOUT = 60
masks = arrays.arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 0, 1, 2, 3, VOID]))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path, 4) as opened:
        yield opened


@pytest.fixture
def document() -> Iterator[Lane]:
    mistakes: list[BaseException] = []
    lane = Lane("document", on_unexpected_error=mistakes.append)
    yield lane
    lane.shutdown()
    assert mistakes == []


def source_for(project: Project, document: Lane, place: int, size: tuple[int, int] = (96, 64)) -> SourceLabel:
    index = PictureIndex(project.pictures.all())
    future = LabelCopier(project, index, document).previous(index.at(place).id, *size)
    return future.result(TIMEOUT)


def test_the_nearest_labelled_picture_before_is_found(project: Project, document: Lane) -> None:
    records = project.pictures.all()
    label_all(project, [records[0], records[3]])
    for place in (1, 2, 3):
        found = source_for(project, document, place)
        assert found.name == "p0.png"
        np.testing.assert_array_equal(found.values, truth())


def test_a_picture_of_another_size_is_passed_over(project: Project, document: Lane) -> None:
    records = project.pictures.all()
    label_all(project, records[:2])
    project.pictures.set_size(records[1].id, 640, 480)
    assert source_for(project, document, 2).name == "p0.png"


def test_error_names_why_there_is_nothing_to_copy(project: Project, document: Lane) -> None:
    records = project.pictures.all()
    label_all(project, [records[2]])
    with pytest.raises(UserError, match="before this one in the list has a label"):
        source_for(project, document, 2)
    with pytest.raises(UserError, match=r"p2.png is 96 × 64 pixels and this picture 640 × 480"):
        source_for(project, document, 3, (640, 480))


@given(masks, masks, st.frozensets(st.sampled_from([0, 1, 2, VOID])), st.booleans())
def test_copied_pixels(labelled: np.ndarray, other: np.ndarray, locked: frozenset[int], over: bool) -> None:
    labels = LabelMap(labelled.copy())
    edit = copy_labels(labels, SourceLabel("p7.png", other), locked, overwrite=over).apply(labels)
    free = ~np.isin(labelled, list(locked - {0})) if over else labelled == 0
    expected = np.where(free & (other != 0), other, labelled)
    np.testing.assert_array_equal(labels.values, expected)
    assert not labels.is_editing
    assert (edit is None) == np.array_equal(expected, labelled)
    if edit is not None:
        assert (edit.name, edit.pixels) == ("Copy labels from p7.png", np.count_nonzero(expected != labelled))


def test_a_label_of_another_size_is_refused() -> None:
    labels = LabelMap.blank(96, 64)
    with pytest.raises(UserError, match="another size than this picture"):
        copy_labels(labels, SourceLabel("p7.png", truth(8, 8)))
    assert not labels.is_editing
