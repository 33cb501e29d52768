"""The service of live prediction with its real process and a real project."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from core.labels.label_map import LabelMap
from core.project.project import Project
from core.project.records import Split
from core.session.live import live_process, teaching_pictures
from core.session.live.live_answer import PREPARING, LiveAnswer
from core.session.live.live_prediction import LivePredictionService
from tests.factories import label_all, predict, project_in, stroke, truth

TIMEOUT = 60


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "pictures", 4) as opened:
        yield opened


@pytest.fixture
def answers() -> queue.SimpleQueue[LiveAnswer]:
    return queue.SimpleQueue()


HELD: list[bool] = []
"""What the service said of the training: held back, or let go."""


@pytest.fixture
def service(project: Project, answers: queue.SimpleQueue[LiveAnswer]) -> Iterator[LivePredictionService]:
    live = LivePredictionService(project, HELD.append)
    HELD.clear()
    live.start(answers.put)
    yield live
    live.close()


def painted(*values: int) -> LabelMap:
    labels = LabelMap.blank(96, 64)
    for value in values:
        x = 20 if value == 1 else 75
        stroke(labels, value, (x, 20), (x, 40))
    return labels


def next_answer(answers: queue.SimpleQueue[LiveAnswer]) -> LiveAnswer:
    """The next one that is more than the word that the process is starting."""
    while (answer := answers.get(timeout=TIMEOUT)).is_preparing:
        pass
    return answer


def refined(answers: queue.SimpleQueue[LiveAnswer]) -> LiveAnswer:
    while not (answer := next_answer(answers)).refined:
        pass
    return answer


def test_strokes_of_two_classes_are_answered_quickly_and_then_well(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    shown = project.pictures.all()[0].id
    service.predict(shown, painted(1, 2).snapshot())
    first = next_answer(answers)
    second = next_answer(answers)
    assert [first.refined, second.refined] == [False, True]
    for answer in (first, second):
        assert answer.picture_id == shown
        assert answer.mask is not None
        assert (answer.mask.values == truth()).mean() > 0.95


def test_one_class_says_what_is_missing(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    shown = project.pictures.all()[0].id
    service.predict(shown, LabelMap.blank(96, 64).snapshot())
    assert "each of two classes" in next_answer(answers).problem
    assert service._process is None
    assert HELD == [True, False], "nothing more comes, so the training is let go"
    service.predict(shown, painted(1).snapshot())
    first = answers.get(timeout=TIMEOUT)  # at once, while the process starts
    assert first.is_preparing
    for answer in (first, next_answer(answers)):
        assert answer.mask is None
        assert "second class" in answer.problem


def test_switched_off_it_does_not_hold_the_training(service: LivePredictionService, project: Project) -> None:
    service.stop()
    HELD.clear()
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    assert True not in HELD


def test_the_window_hears_that_the_process_is_starting_and_only_then(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    shown = project.pictures.all()[0].id
    service.predict(shown, painted(1, 2).snapshot())
    first = answers.get(timeout=TIMEOUT)
    assert (first.is_preparing, first.mask) == (True, None)
    assert first.problem == PREPARING
    refined(answers)
    service.predict(shown, painted(1, 2).snapshot())
    assert not answers.get(timeout=TIMEOUT).is_preparing


def test_a_training_is_held_back_until_the_first_answer(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    assert HELD == [True]
    assert next_answer(answers).mask is not None
    assert HELD[:2] == [True, False]


def test_only_the_newest_request_is_answered(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    first, second = (record.id for record in project.pictures.all()[:2])
    for _ in range(5):
        service.predict(first, painted(1, 2).snapshot())
    service.predict(second, painted(1, 2).snapshot())
    answer = refined(answers)
    assert answer.picture_id == second
    time.sleep(0.2)
    assert answers.empty()


def test_labelled_pictures_teach_one_without_strokes(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    records = project.pictures.all()
    project.pictures.set_split([record.id for record in records], Split.TRAIN)
    label_all(project, records[1:])
    service.predict(records[0].id, LabelMap.blank(96, 64).snapshot())
    # The first answer may come before the other pictures are learnt, and then has nothing to go by.
    while (answer := refined(answers)).mask is None:
        pass
    assert (answer.mask.values == truth()).mean() > 0.95


def test_what_a_process_that_ends_has_not_answered_is_asked_again(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    deadline = time.monotonic() + TIMEOUT
    while (process := service._process) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process is not None
    process.kill()
    assert refined(answers).mask is not None
    assert service._process is not process


def test_a_process_that_always_ends_is_given_up_with_a_sentence(
    service: LivePredictionService,
    project: Project,
    answers: queue.SimpleQueue[LiveAnswer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_process, "MODULE", "this")
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    answer = next_answer(answers)
    assert answer.mask is None
    assert "ended unexpectedly" in answer.problem
    monkeypatch.undo()
    service.stop()
    service.start(answers.put)
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    assert refined(answers).mask is not None


def test_no_file_stays_behind(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    for record in project.pictures.all()[:2]:
        service.predict(record.id, painted(1, 2).snapshot())
        refined(answers)
    assert service._process is not None
    folder = service._process.folder
    deadline = time.monotonic() + TIMEOUT
    while any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert folder.is_dir()
    assert list(folder.iterdir()) == []
    assert not folder.is_relative_to(project.home)  # which may be read-only
    service.close()
    while folder.exists() and time.monotonic() < deadline:  # a thread of its own ends the process
        time.sleep(0.01)
    assert not folder.exists()
    service.close()


def test_a_class_that_is_gone_is_neither_learnt_nor_predicted(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    labels = painted(1, 2)
    stroke(labels, 7, (48, 50), (60, 50))  # no class has this value
    service.predict(project.pictures.all()[0].id, labels.snapshot())
    answer = refined(answers)
    assert answer.mask is not None
    assert answer.classes == (1, 2)
    assert set(np.unique(answer.mask.values)) == {1, 2}


def test_an_answer_is_out_of_date_once_something_else_is_shown(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    answer = refined(answers)
    assert service.is_newest(answer)
    service.cancel()
    assert not service.is_newest(answer)


def test_a_picture_that_is_unreadable_is_told(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    first = project.pictures.all()[0]
    project.picture_path(first.path).write_bytes(b"no picture")
    service.predict(first.id, painted(1, 2).snapshot())
    assert first.path in next_answer(answers).problem


def test_labels_of_replaced_and_held_out_pictures_teach_nothing(project: Project) -> None:
    record = project.pictures.all()[0]
    assert teaching_pictures.may_teach(record)
    assert not teaching_pictures.may_teach(replace(record, is_replaced=True))
    assert not teaching_pictures.may_teach(replace(record, split=Split.VAL))
    assert not teaching_pictures.may_teach(replace(record, width=10_000, height=10_000))


def test_head_and_network_are_compared_on_validation_pictures(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    records = project.pictures.all()
    label_all(project, records)
    project.pictures.set_split([records[0].id], Split.VAL)
    project.pictures.set_split([record.id for record in records[1:]], Split.TRAIN)
    predict(project, records[0].id, np.ones((64, 96), np.uint8))  # all grass: half of it is wrong
    service.predict(records[1].id, painted(1, 2).snapshot())
    assert refined(answers).mask is not None
    service.compare()
    deadline = time.monotonic() + TIMEOUT
    while service.comparison is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert service.comparison is not None
    assert service.comparison.pictures == 1
    assert service.comparison.is_live_better
    assert service.comparison.network_miou == pytest.approx(0.25, abs=0.03)


def test_nothing_is_answered_after_it_was_stopped(
    service: LivePredictionService, project: Project, answers: queue.SimpleQueue[LiveAnswer]
) -> None:
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    service.stop()
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    time.sleep(0.5)
    assert answers.empty()


def test_closing_does_not_wait_for_the_end_of_the_process(
    service: LivePredictionService,
    project: Project,
    answers: queue.SimpleQueue[LiveAnswer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The window closes the service: it would wait until the memory of the process is given back."""
    service.predict(project.pictures.all()[0].id, painted(1, 2).snapshot())
    next_answer(answers)
    may_end, ended = threading.Event(), threading.Event()
    end = live_process.LiveProcess.end

    def held(process: live_process.LiveProcess) -> None:
        assert may_end.wait(TIMEOUT)
        end(process)
        ended.set()

    monkeypatch.setattr(live_process.LiveProcess, "end", held)
    closing = threading.Thread(target=service.close)
    closing.start()
    closing.join(TIMEOUT / 2)
    assert not closing.is_alive() and not ended.is_set()
    may_end.set()
    assert ended.wait(TIMEOUT), "it is cleaned up all the same"
