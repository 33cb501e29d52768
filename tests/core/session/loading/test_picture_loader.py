"""Opening a folder: what is no folder of pictures is refused, and every picture shows or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.changes import Changes
from core.base.errors import ImageError
from core.base.lane import Lane
from core.labels.class_list import ClassList
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask, write_prediction
from core.project.integrity.check import check_project
from core.project.packed_picture import file_digest
from core.project.project import HOME_FOLDER, Project
from core.project.records import PictureRecord, Status
from core.project.row_changes import RowChange
from core.session.loading.folder_scan import check_folder, list_pictures
from core.session.loading.folder_sync import CHUNK, FIRST_CHUNK, FolderSync
from core.session.loading.picture_loader import LoadedPicture, PictureLoader
from core.session.picture_index import PictureIndex
from tests.factories import picture, picture_folder, stroke, truth
from tests.mask_datasets import mask_dataset

PATIENCE = 10


@dataclass
class Desk:
    """An opened folder with the lanes that serve it."""

    project: Project
    news: list[Changes] = field(default_factory=list)
    mistakes: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document = Lane("document", on_unexpected_error=self.mistakes.append)
        self.reading = Lane("reading", threads=2, on_unexpected_error=self.mistakes.append)
        self.index = PictureIndex(self.project.pictures.all())
        shared = (self.project, self.index, self.document, self.reading, self._hear)
        self.opening = PictureLoader(*shared)
        self.sync = FolderSync(*shared, self.opening.on_files_added)

    def find(self) -> list[str]:
        self.sync.scan_folder().result(PATIENCE)
        self.settle()
        return [self.index.at(row).path for row in range(len(self.index))]

    def settle(self) -> None:
        self.document.submit(lambda: None).result(PATIENCE)

    def close(self) -> None:
        self.sync.close()
        self.opening.stop()
        self.reading.shutdown(cancel_futures=True)
        self.document.shutdown()
        self.project.close()
        assert self.mistakes == []

    def _hear(self, changes: Changes) -> None:
        self.news.append(changes)
        self.opening.on_changes(changes)
        for picture_id in changes.pictures:
            self.index.update(self.project.pictures.get(picture_id))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(Project.open(picture_folder(tmp_path / "pictures"), purpose="a test"))
    opened.project.classes.save(ClassList().with_class("grass").with_class("roof"))
    yield opened
    opened.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="There is no folder"):
        check_folder(tmp_path / "missing")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"is a file\. Open the folder"):
        check_folder(tmp_path / "a.png")


@pytest.mark.parametrize("content", [(), ("notes.txt",), (".hidden.png", ".cache/a.png"), ("sub/readme.md",)])
def test_a_folder_without_pictures_is_refused_and_left_alone(
    content: tuple[str, ...], tmp_path: Path
) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ImageError, match="no pictures in"):
        check_folder(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_project_whose_pictures_are_gone_can_still_be_opened(tmp_path: Path) -> None:
    Project.open(picture_folder(tmp_path), purpose="a test").close()
    for path in tmp_path.glob("*.png"):
        path.unlink()
    check_folder(tmp_path)


def test_pictures_are_listed_as_people_count(tmp_path: Path) -> None:
    for name in ("b10.png", "b9.png", "sub/B1.png", "A.png", ".maskloop/cache/x.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert list(list_pictures(tmp_path)) == ["A.png", "b9.png", "b10.png", "sub/B1.png"]


def test_the_masks_of_a_dataset_are_no_pictures(tmp_path: Path) -> None:
    mask_dataset(tmp_path)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "a.png").write_text("")
    (tmp_path / "masks_of_the_carnival").mkdir()
    (tmp_path / "masks_of_the_carnival" / "m.png").write_text("")
    assert list(list_pictures(tmp_path)) == [
        "images/train/a.png",
        "images/train/b.png",
        "images/val/c.png",
        "masks_of_the_carnival/m.png",
    ]
    (tmp_path / "classes.json").unlink()
    assert len(list(list_pictures(tmp_path))) == 8


def test_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    picture_folder(tmp_path, 1)
    try:
        (tmp_path / b"\xff\xfe.png".decode("utf-8", "surrogateescape")).write_text("")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    assert list(list_pictures(tmp_path)) == ["p0.png"]


def test_what_is_found_is_known_the_next_time(desk: Desk) -> None:
    assert desk.find() == ["p0.png", "p1.png", "p2.png"]
    assert [changes.picture_list for changes in desk.news] == [True]
    Image.fromarray(picture()).save(desk.project.folder / "a-new-one.png")
    assert desk.find() == ["p0.png", "p1.png", "p2.png", "a-new-one.png"]
    assert [r.path for r in desk.project.pictures.all()][-1] == "a-new-one.png"


def test_a_large_folder_arrives_in_chunks(tmp_path: Path) -> None:
    count = FIRST_CHUNK + CHUNK + 1
    for number in range(count):
        (tmp_path / f"{number}.png").touch()
    desk = Desk(Project.open(tmp_path, purpose="a test"))
    try:
        assert desk.find() == [f"{number}.png" for number in range(count)]
        assert len(desk.news) == 3
    finally:
        desk.close()


def test_a_picture_comes_with_all_that_is_known_of_it(desk: Desk) -> None:
    desk.find()
    first = desk.opening.load(1).result(PATIENCE)
    np.testing.assert_array_equal(first.pyramid.levels[0], picture(seed=0))
    assert not first.labels.any()
    assert first.prediction is None
    assert (first.journal.undo_name, first.journal.redo_name) == (None, None)
    assert (first.record.width, first.record.height) == (96, 64)
    labels = LabelMap(first.labels)
    edit = stroke(labels, 1, (10, 10), (50, 40))
    desk.document.submit(desk.project.journal.commit, 1, edit)
    write_prediction(desk.project.prediction_path(1), PredictedMask(truth(), truth(), 7))
    again = desk.opening.load(1).result(PATIENCE)
    np.testing.assert_array_equal(again.labels, labels.values)
    assert again.labels is not labels.values
    assert again.journal.undo_name == "Brush stroke, class 1"
    assert again.prediction is not None
    assert again.prediction.run_id == 7
    np.testing.assert_array_equal(desk.opening.prediction(1).result(PATIENCE).values, truth())


def test_a_prediction_of_another_size_is_not_shown(desk: Desk) -> None:
    desk.find()
    write_prediction(desk.project.prediction_path(1), PredictedMask(truth(8, 8), truth(8, 8), 7))
    assert desk.opening.load(1).result(PATIENCE).prediction is None


def test_a_damaged_prediction_is_no_reason_not_to_show(desk: Desk) -> None:
    desk.find()
    path = desk.project.prediction_path(1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert desk.opening.load(1).result(PATIENCE).prediction is None


def test_a_picture_that_is_none_says_so_until_it_is_repaired(desk: Desk) -> None:
    place = desk.project.folder / "p1.png"
    place.write_text("no picture")
    desk.find()
    with pytest.raises(ImageError, match=r"p1\.png") as caught:
        desk.opening.load(2).result(PATIENCE)
    desk.settle()
    assert desk.index.get(2).problem == str(caught.value)
    assert desk.project.pictures.counts().unreadable == 1
    Image.fromarray(picture()).save(place)
    desk.opening.load(2).result(PATIENCE)
    desk.settle()
    assert desk.index.get(2).problem is None


def test_a_picture_that_was_deleted_says_so(desk: Desk) -> None:
    desk.find()
    (desk.project.folder / "p1.png").unlink()
    with pytest.raises(ImageError, match="not there any more"):
        desk.opening.load(2).result(PATIENCE)


def test_a_label_waits_for_the_picture_it_was_painted_on(desk: Desk) -> None:
    desk.find()
    labels = LabelMap(desk.opening.load(1).result(PATIENCE).labels)
    desk.document.submit(desk.project.journal.commit, 1, stroke(labels, 1, (10, 10), (50, 40))).result(
        PATIENCE
    )
    desk.index.update(desk.project.pictures.get(1))
    place = desk.project.folder / "p0.png"
    original = place.read_bytes()
    Image.fromarray(picture(48, 32)).save(place)
    fresh = Desk(Project.open_read_only(desk.project.folder))
    try:
        with pytest.raises(ImageError, match="now 48 x 32 pixels, but it was labelled at 96 x 64"):
            fresh.opening.load(1).result(PATIENCE)
    finally:
        fresh.close()
    place.write_bytes(original)
    np.testing.assert_array_equal(desk.opening.load(1).result(PATIENCE).labels, labels.values)


def test_reading_ahead_forgives_what_cannot_be_read(desk: Desk) -> None:
    desk.find()
    (desk.project.folder / "p1.png").write_text("no picture")
    (desk.project.folder / "p2.png").unlink()
    desk.opening.warm_cache([1, 2, 3])
    assert desk.opening.load(1).result(PATIENCE).record.path == "p0.png"
    assert desk.opening.thumbnail(1, 32).result(PATIENCE).shape == (21, 32, 3)
    with pytest.raises(ImageError):
        desk.opening.thumbnail(2, 32).result(PATIENCE)


def foreseen(desk: Desk, picture_id: int) -> LoadedPicture | None:
    return desk.opening.prefetch(picture_id, lambda opened: opened).result(PATIENCE)


@pytest.mark.parametrize(
    "changes",
    [
        Changes(labels=frozenset([2])),
        Changes(pictures=frozenset([1, 2])),
        Changes(predictions=frozenset([2])),
        Changes(classes=True),
    ],
)
def test_what_was_foreseen_holds_until_the_picture_is_changed(desk: Desk, changes: Changes) -> None:
    desk.find()
    opened = foreseen(desk, 2)  # its size is found on the way, which is no change that makes it old
    assert opened is not None and opened.labels.shape == (64, 96)
    assert desk.index.get(2).width == 96
    desk.opening.on_changes(Changes(pictures=frozenset([1, 3]), labels=frozenset([1]), picture_list=True))
    assert desk.opening.is_current(opened) and desk.opening.confirm_current(opened).result(PATIENCE)
    desk.document.submit(desk.opening.on_changes, changes)
    assert not desk.opening.confirm_current(opened).result(PATIENCE)
    assert not desk.opening.is_current(opened)
    again = foreseen(desk, 2)
    assert again is not None and desk.opening.is_current(again)


def test_a_change_while_it_is_being_foreseen_makes_it_old(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prediction is read beside the document lane: a newer one may come before the label is read."""
    desk.find()
    read = desk.opening._mask

    def read_slowly(picture_id: int) -> PredictedMask:
        try:
            return read(picture_id)
        finally:
            desk.document.submit(desk.opening.on_changes, Changes(predictions=frozenset([picture_id])))

    monkeypatch.setattr(desk.opening, "_mask", read_slowly)
    opened = foreseen(desk, 1)
    assert opened is not None and not desk.opening.is_current(opened)


def test_another_file_under_the_name_is_not_the_one_foreseen(desk: Desk) -> None:
    desk.find()
    opened = foreseen(desk, 1)
    Image.fromarray(picture(seed=9)).save(desk.project.folder / "p0.png")
    desk.sync.add_pictures(["p0.png"]).result(PATIENCE)
    assert opened is not None and not desk.opening.is_current(opened)
    again = foreseen(desk, 1)
    assert again is not None
    np.testing.assert_array_equal(again.pyramid.full_image(), picture(seed=9))


def test_nothing_is_foreseen_of_what_cannot_be_read_or_is_too_large(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.find()
    (desk.project.folder / "p1.png").write_text("no picture")
    assert foreseen(desk, 2) is None
    desk.settle()
    assert desk.index.get(2).problem is None  # said when it is shown
    monkeypatch.setattr("core.session.loading.picture_loader.PREFETCH_PIXELS", 96 * 64 - 1)
    assert foreseen(desk, 1) is None


def test_a_missing_prediction_is_said(desk: Desk) -> None:
    desk.find()
    with pytest.raises(ImageError, match=r"3\.png"):
        desk.opening.prediction(3).result(PATIENCE)


def test_the_index_keeps_rows_and_counts_what_is_done() -> None:
    index = PictureIndex([PictureRecord(5, "a.png"), PictureRecord(2, "b.png", status=Status.DONE)])
    index.extend([PictureRecord(9, "c.png")])
    assert (len(index), index.done_count, index.ids(), index.row(9)) == (3, 1, [5, 2, 9], 2)
    index.update(PictureRecord(5, "a.png", status=Status.DONE))
    index.update(PictureRecord(2, "b.png", status=Status.SKIPPED))
    assert (index.done_count, index.at(0).status, index.get(2).status) == (1, Status.DONE, Status.SKIPPED)
    with pytest.raises(KeyError):
        index.get(1)


def test_a_project_is_found_through_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture_folder(tmp_path / "pictures")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Project.open(Path("../pictures"), purpose="a test") as project:
        assert project.home == tmp_path / "pictures" / HOME_FOLDER
        assert project.picture_path("p0.png").is_file()
    with Project.open_read_only(Path("../pictures")) as project:
        assert project.picture_path("p0.png").is_file()


def test_a_picture_that_was_shown_can_be_told_again_by_its_content(desk: Desk) -> None:
    desk.find()
    path = desk.project.picture_path("p0.png")
    desk.opening.load(1).result(PATIENCE)
    assert desk.project.pictures.digests() == {1: file_digest(path)}
    before = desk.project.pictures.digest(1)
    Image.fromarray(picture(seed=7)).save(path)
    desk.opening._cache.clear()
    desk.opening.load(1).result(PATIENCE)
    assert desk.project.pictures.digest(1) == file_digest(path) != before  # nobody has labelled it yet
    desk.project.journal.commit(1, stroke(LabelMap.blank(96, 64), 1, (10, 10), (60, 40)))
    desk.index.update(desk.project.pictures.get(1))
    Image.fromarray(picture(seed=8)).save(path)
    desk.opening._cache.clear()
    desk.opening.load(1).result(PATIENCE)
    assert desk.project.pictures.digest(1) != file_digest(path)


def test_a_replaced_picture_of_another_size_offers_no_step_that_does_not_fit(desk: Desk) -> None:
    """Its stroke was taken back, so the new size is taken; what comes later can be undone."""
    desk.find()
    project = desk.project
    project.classes.save(ClassList().with_class("grass"))
    desk.opening.load(1).result(PATIENCE)
    labels = LabelMap.blank(96, 64)
    project.journal.commit(1, stroke(labels, 1, (10, 10), (40, 40)))
    row = RowChange("pictures", "1", {"note": "a note"})
    project.journal.undo(1)
    desk.index.update(project.pictures.get(1))
    picture_file = project.picture_path(project.pictures.get(1).path)
    Image.fromarray(picture(80, 60)).save(picture_file)
    desk.opening._cache.drop(1)
    opened = desk.opening.load(1).result(PATIENCE)
    assert (opened.pyramid.size, opened.history_trimmed) == ((80, 60), True)
    assert (opened.journal.undo_name, opened.journal.redo_name) == (None, None)
    assert [edit.thinned for edit in project.journal.history(1)] == [True]
    assert project.journal.redo(1) is None
    project.journal.change_rows(1, "Change note", "mark", [row])
    project.journal.commit(1, stroke(LabelMap(opened.labels), 1, (70, 10), (79, 59)))
    assert [project.journal.undo(1) is None for _ in range(3)] == [False, False, True]
    assert not desk.opening.load(1).result(PATIENCE).history_trimmed
    assert check_project(project) == []


def test_a_picture_that_nobody_touched_may_have_another_size_without_a_word(desk: Desk) -> None:
    desk.find()
    desk.opening.load(1).result(PATIENCE)
    Image.fromarray(picture(80, 60)).save(desk.project.picture_path(desk.project.pictures.get(1).path))
    desk.opening._cache.drop(1)
    opened = desk.opening.load(1).result(PATIENCE)
    assert (opened.pyramid.size, opened.history_trimmed) == ((80, 60), False)
