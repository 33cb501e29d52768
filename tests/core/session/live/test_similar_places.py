"""From a stroke that corrects the prediction to places like it, with the real process and real pictures."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from core.base.geometry import Box
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask, write_prediction
from core.project.project import Project
from core.session.live.live_answer import LiveAnswer
from core.session.live.live_prediction import LivePredictionService
from core.session.live.similar_places import SimilarPlaces
from tests.factories import MODEL, stroke
from tests.spotted_pictures import SIZE, spots, spotted_project, spotted_truth

TIMEOUT = 90


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with spotted_project(tmp_path / "pictures", 3) as opened:
        yield opened


@dataclass
class Heard:
    answers: queue.SimpleQueue[LiveAnswer] = field(default_factory=queue.SimpleQueue)
    places: queue.SimpleQueue[SimilarPlaces] = field(default_factory=queue.SimpleQueue)

    def refined(self) -> PredictedMask:
        while True:
            answer = self.answers.get(timeout=TIMEOUT)
            if answer.refined:
                assert answer.mask is not None
                return answer.mask

    def found(self) -> list[SimilarPlaces]:
        """Until the search has ended."""
        found = [self.places.get(timeout=TIMEOUT)]
        while found[-1].remaining:
            found.append(self.places.get(timeout=TIMEOUT))
        return found


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def service(project: Project, heard: Heard) -> Iterator[LivePredictionService]:
    live = LivePredictionService(project)
    live.start(heard.answers.put, heard.places.put)
    yield live
    live.close()


def two_classes() -> LabelMap:
    """A stroke of class 1 in the left half and one of class 2 in the right."""
    labels = LabelMap.blank(*SIZE)
    stroke(labels, 1, (8, 50), (8, 110), 4)
    stroke(labels, 2, (185, 30), (185, 60), 4)
    return labels


def places_on_spots(found: list[SimilarPlaces], ids: list[int]) -> set[tuple[int, int]]:
    """(number of picture, number of spot) of the places found; every place must be on a spot."""
    hits = set()
    for each in found:
        for place in each.places:
            seed = ids.index(place.picture_id)
            inside = place.region.pixels_in(Box(0, 0, *SIZE), SIZE)
            assert (spotted_truth(seed)[inside] == 3).mean() > 0.5
            centres = [n for n, (x, y) in enumerate(spots(seed)) if inside[y, x]]
            assert centres
            hits |= {(seed, n) for n in centres}
    return hits


def test_places_like_a_correction_are_found_here_and_in_pictures_that_were_shown(
    service: LivePredictionService, project: Project, heard: Heard
) -> None:
    ids = [record.id for record in project.pictures.all()]
    labels = two_classes()
    service.predict(ids[1], two_classes().snapshot())
    heard.refined()  # else the process would not have its features yet
    service.predict(ids[0], labels.snapshot())
    before = heard.refined()
    wrong = [n for n, (x, y) in enumerate(spots()) if before.values[y, x] == before.values[spots()[0][::-1]]]
    x, y = spots()[0]
    edit = stroke(labels, 3, (x - 3, y), (x + 3, y), 4)
    service.predict(ids[0], labels.snapshot(), edited=(edit, before))
    heard.refined()
    found = heard.found()
    assert all(each.correction.right == 3 for each in found)
    hits = places_on_spots(found, ids)
    assert (0, 0) not in hits  # that is where it was corrected
    assert {n for seed, n in hits if seed == 0} <= set(wrong)
    assert {seed for seed, _ in hits} == {0, 1}


def test_what_is_labelled_is_not_offered(
    service: LivePredictionService, project: Project, heard: Heard
) -> None:
    record = project.pictures.all()[0]
    stored = LabelMap(project.labels.read(record.id, *SIZE))
    stored.begin_edit("All", "test", 1)
    stored.put_values(Box(0, 0, *SIZE), spotted_truth())
    edit = stored.finish_edit()
    assert edit is not None
    project.journal.commit(record.id, edit)
    labels = two_classes()
    service.predict(record.id, labels.snapshot())
    before = heard.refined()
    x, y = spots()[0]
    edit = stroke(labels, 3, (x - 3, y), (x + 3, y), 4)
    service.predict(record.id, labels.snapshot(), edited=(edit, before))
    assert [each.places for each in heard.found()] == [()]


def test_a_corrected_network_is_compared_by_its_own_predictions(
    service: LivePredictionService, project: Project, heard: Heard
) -> None:
    ids = [record.id for record in project.pictures.all()]
    run = project.runs.start(MODEL, "{}", None, 3)
    project.runs.update(run.id, published=1)
    said = np.full(SIZE[::-1], 2, np.uint8)
    for picture_id in ids[:2]:
        write_prediction(project.prediction_path(picture_id), PredictedMask(said, said, run.id))
        project.runs.record_prediction(picture_id, run.id, 0.5)
    labels = two_classes()
    service.predict(ids[0], labels.snapshot())
    heard.refined()
    x, y = spots()[0]
    edit = stroke(labels, 3, (x - 3, y), (x + 3, y), 4)
    service.predict(ids[0], labels.snapshot(), edited=(edit, PredictedMask(said, said, run.id)))
    found = heard.found()
    assert all((each.correction.wrong, each.correction.run_id) == (2, run.id) for each in found)
    assert places_on_spots(found, ids)
