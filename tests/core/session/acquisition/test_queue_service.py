"""The queue of an open project, with a real project, real predictions and a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.acquisition.picture_queue import PictureQueue, QueueReason
from core.base.errors import ProjectError
from core.project.class_repository import ClassRepository
from core.project.project import Project
from core.project.records import Status
from core.session.access import Access
from core.session.acquisition import queue_service
from core.session.acquisition.queue_service import PINNED_TAG, SKIPPED_TAG, QueueUpdate
from core.session.acquisition.summary_table import SUMMARY_FILE, SummaryTable
from core.session.session import Session
from tests.factories import label_all, predict, project_in

TIMEOUT = 20
UNUSABLE = "Its prediction cannot be used for the order"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures: the first is labelled and done, 2 to 5 are predicted, and 3 and 4 unsurely."""
    project = project_in(tmp_path / "pictures", 6)
    label_all(project, project.pictures.all()[:1])
    project.pictures.set_status([1], Status.DONE)
    for picture_id in (1, 2, 3, 4, 5):
        predict(project, picture_id, confidence=90 if picture_id in (3, 4) else 250)
    project.close()
    return tmp_path / "pictures"


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    errors: list[BaseException] = []
    opened = Session.open(folder, None, lambda _news: None, errors.append)
    yield opened
    opened.close()
    assert errors == []


def settled(session: Session) -> QueueUpdate:
    """The queue once everything is summed up."""
    end = time.monotonic() + TIMEOUT
    while True:
        update = session.queue.order().result(TIMEOUT)
        if not update.waiting or time.monotonic() > end:
            return update


def reasons(session: Session, queue: PictureQueue) -> dict[int, str]:
    return {i: session.queue.reason(queue, i) for i in queue.ids.tolist()}


def test_open_pictures_are_ordered_with_a_reason_each(session: Session) -> None:
    update = settled(session)
    assert update.waiting == 0
    queue = update.queue
    assert sorted(queue.ids.tolist()) == [2, 3, 4, 5, 6]
    texts = reasons(session, queue)
    assert texts[6] in ("No prediction yet", "Chosen at random (one in five)")
    name = session.editing.classes.name_of(2)
    assert any(text.startswith(f"Unsure about {name}") for text in texts.values())
    assert session.queue.reason(queue, 1) == ""


def test_summaries_survive_a_restart_and_a_new_prediction_replaces_one(folder: Path) -> None:
    for _ in range(2):
        session = Session.open(folder, None, lambda _news: None)
        first = settled(session).queue.ids.tolist()
        session.close()
    path = folder / ".maskloop" / "cache" / SUMMARY_FILE
    before = SummaryTable.load(path)
    assert sorted(before.ids()) == [1, 2, 3, 4, 5]
    written = path.stat().st_mtime_ns
    session = Session.open(folder, None, lambda _news: None)
    assert settled(session).queue.ids.tolist() == first
    session.close()
    assert path.stat().st_mtime_ns == written  # nothing was read again

    with Project.open(folder) as project:
        predict(project, 5, confidence=20)
    session = Session.open(folder, None, lambda _news: None)
    settled(session)
    session.close()
    columns = SummaryTable.load(path).columns()
    unsure = dict(zip(columns.ids.tolist(), columns.unsure.max(axis=1).tolist(), strict=True))
    assert unsure[5] == pytest.approx(235 / 255, abs=0.01)
    assert unsure[3] == pytest.approx(165 / 255, abs=0.01)


def test_a_damaged_cache_is_made_again(folder: Path) -> None:
    path = folder / ".maskloop" / "cache" / SUMMARY_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"format":"maskloop queue 2","rows":3}\nrubbish')
    session = Session.open(folder, None, lambda _news: None)
    assert len(settled(session).queue) == 5
    session.close()
    assert sorted(SummaryTable.load(path).ids()) == [1, 2, 3, 4, 5]


def test_pins_and_skips_are_tags_that_exclude_each_other_and_can_be_undone(session: Session) -> None:
    session.queue.skip(3).result(TIMEOUT)
    session.queue.pin(4).result(TIMEOUT)
    queue = settled(session).queue
    assert queue.ids[0] == 4
    assert queue.ids[-1] == 3
    assert reasons(session, queue)[4] == "Pinned"
    session.queue.pin(3).result(TIMEOUT)
    assert session.pictures.get(3).tags == (PINNED_TAG,)
    undone = session.editing.undo(3).result(TIMEOUT)
    assert undone is not None and undone.edit.name == "Pin in the queue"
    assert session.pictures.get(3).tags == (SKIPPED_TAG,)
    session.queue.pin(4, on=False).result(TIMEOUT)
    assert session.pictures.get(4).tags == ()
    assert settled(session).queue.reasons[0] != QueueReason.PINNED


def test_finished_pictures_leave_the_queue_and_come_back(session: Session) -> None:
    assert 2 in settled(session).queue.rows
    session.editing.set_status(2, Status.DONE).result(TIMEOUT)
    assert 2 not in settled(session).queue.rows
    session.editing.set_status(2, Status.NEW).result(TIMEOUT)
    assert 2 in settled(session).queue.rows


def test_a_read_only_project_has_a_queue_and_no_file(folder: Path) -> None:
    session = Session.open(folder, None, lambda _news: None, access=Access.READ)
    assert len(settled(session).queue) == 5
    session.close()
    assert not (folder / ".maskloop" / "cache" / SUMMARY_FILE).exists()


def test_a_merged_class_leaves_the_queue_and_its_file(folder: Path) -> None:
    session = Session.open(folder, None, lambda _news: None)
    settled(session)
    session.editing.merge_class(2, 1).result(TIMEOUT)
    queue = settled(session).queue
    name = session.editing.classes.name_of(1)
    assert any(text.startswith(f"Unsure about {name}") for text in reasons(session, queue).values())
    session.close()
    path = folder / ".maskloop" / "cache" / SUMMARY_FILE
    assert SummaryTable.load(path).columns().classes.tolist() == [1]


def test_an_unreadable_prediction_is_said_to_be_of_no_use(folder: Path) -> None:
    with Project.open(folder) as project:
        project.prediction_path(5).write_bytes(b"rubbish")
    session = Session.open(folder, None, lambda _news: None)
    queue = settled(session).queue
    said = reasons(session, queue)
    session.close()
    unknown = [said[int(i)] for i in queue.ids[queue.reasons == QueueReason.UNPREDICTED]]
    assert unknown in ([UNUSABLE, "No prediction yet"], ["No prediction yet", UNUSABLE], [UNUSABLE])


def test_changes_are_not_lost_when_the_project_cannot_be_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = settled(session).queue
    before = session.queue.reason(queue, 2)
    with session.queue._lock:
        session.queue._changed.add(2)

    def unreadable(_classes: ClassRepository) -> int:
        raise ProjectError("The drive is away.")

    with monkeypatch.context() as away:
        away.setattr(ClassRepository, "latest_remap_id", unreadable)
        with pytest.raises(ProjectError, match="away"):
            session.queue.order().result(TIMEOUT)
    assert session.queue._changed == {2}
    assert session.queue.reason(settled(session).queue, 2) == before


def test_many_orders_leave_one_turn_of_work_in_the_lane(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_service, "_BATCH", 0)  # there is always something left to sum up
    session = Session.open(folder, None, lambda _news: None)
    turns = []
    for _ in range(5):
        assert session.queue.order().result(TIMEOUT).waiting == 6
        turns.append(len(session.queue._lane._queue))
    session.close()
    assert max(turns) <= 1
