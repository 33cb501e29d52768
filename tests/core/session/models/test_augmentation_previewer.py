"""Previews of augmentation on pictures of the project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import Cancelled
from core.project.project import Project
from core.session.models.augmentation_previewer import (
    MAX_PREVIEW_PICTURES,
    VERSIONS_PER_PICTURE,
    AugmentationPreviewer,
    choose_pictures,
)
from core.session.picture_index import PictureIndex
from core.training.data.augmentation_preview import augmented_versions
from core.training.recipe import Recipe
from tests.factories import label_all, picture, project_in

PLAIN = Recipe(flip="none", turn=0.0, zoom=(1.0, 1.0), colour=0.0)


def test_without_augmentation_a_picture_stays_as_it_is() -> None:
    seen = augmented_versions(picture(96, 64), 96, PLAIN, seed=3, count=2)
    assert [each.shape for each in seen] == [(64, 96, 3)] * 3
    for each in seen:
        assert np.abs(each.astype(int) - picture(96, 64)).max() <= 1


def test_equal_seeds_give_equal_augmentation() -> None:
    strong = replace(PLAIN, zoom=(0.5, 2.0), colour=0.4, noise=0.1, blur=1.0, flip="strong")
    one, other, again = (augmented_versions(picture(), 64, strong, seed, 1)[1] for seed in (1, 2, 1))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, again)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "pictures", count=6) as made:
        yield made


@pytest.fixture
def previewing(project: Project) -> Iterator[AugmentationPreviewer]:
    made = AugmentationPreviewer(PictureIndex(project.pictures.all()), project.picture_path)
    yield made
    made.close()


def test_preview_of_project_pictures_reports_a_missing_file(
    project: Project, previewing: AugmentationPreviewer
) -> None:
    shown = previewing.request(PLAIN, 96, 0).result(240)
    assert [len(versions) for versions in shown.pictures] == [1 + VERSIONS_PER_PICTURE] * MAX_PREVIEW_PICTURES
    assert shown.problem == ""
    assert np.abs(shown.pictures[0][1].astype(int) - picture(seed=0)).max() <= 1
    (project.folder / "p0.png").unlink()
    shown = previewing.request(PLAIN, 96, 0).result(240)
    assert len(shown.pictures) == MAX_PREVIEW_PICTURES - 1
    assert "p0.png" in shown.problem
    process = previewing._process
    assert process is not None
    previewing.stop()
    assert process.reap(60) != 0
    assert previewing.request(PLAIN, 32, 0).result(240).pictures[0][0].shape == (21, 32, 3)


def test_only_the_latest_request_is_answered(previewing: AugmentationPreviewer) -> None:
    wishes = [previewing.request(PLAIN, 32, seed) for seed in range(4)]
    wishes[-1].result(240)
    ends = [wish.exception(1) for wish in wishes]
    assert ends[-1] is None
    assert any(isinstance(end, Cancelled) for end in ends)


def test_labelled_pictures_are_preferred(project: Project) -> None:
    assert [record.id for record in choose_pictures(project.pictures.all())] == [1, 2, 4, 5]
    label_all(project, project.pictures.all()[:4])
    assert [record.id for record in choose_pictures(project.pictures.all())] == [1, 2, 3, 4]
    assert choose_pictures([]) == []
