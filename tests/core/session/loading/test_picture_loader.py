"""Tests of listing a folder and of loading pictures with label and prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.base.changes import Changes
from core.base.errors import ImageError
from core.base.lane import Lane
from core.images.folder import path_key
from core.labels.class_list import ClassList
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.project.integrity.check import check_project
from core.project.packed_picture import file_digest
from core.project.project import HOME_FOLDER, Project
from core.project.records import PictureRecord, Status
from core.project.row_changes import RowChange
from core.session.content.service import ContentService
from core.session.loading.folder_scan import check_folder, list_pictures
from core.session.loading.folder_sync import FolderSync
from core.session.loading.picture_loader import LoadedPicture, PictureLoader
from core.session.picture_index import PictureIndex
from tests.factories import picture, picture_folder, predict, stroke, truth
from tests.mask_datasets import mask_dataset

TIMEOUT = 10


@dataclass
class LoaderHarness:
    """An open project with its lanes, loader and folder sync."""

    project: Project
    announced: list[Changes] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document = Lane("document", on_unexpected_error=self.errors.append)
        self.reading = Lane("reading", threads=2, on_unexpected_error=self.errors.append)
        self.index = PictureIndex(self.project.pictures.all())
        shared = (self.project, self.index, self.document, self.reading, self._announce)
        self.loader = PictureLoader(*shared)
        self.contents = ContentService(
            self.project, self.index, self.document, self._submit_announce, lambda _notice: None
        )
        self.sync = FolderSync(*shared, self.contents, self.loader.on_files_added)

    def scan(self) -> list[str]:
        self.sync.scan_folder().result(TIMEOUT)
        self.wait()
        return [self.index.at(row).path for row in range(len(self.index))]

    def predict(self, values: NDArray[np.uint8]) -> None:
        """A network says this of the first picture."""
        self.document.submit(predict, self.project, 1, values).result(TIMEOUT)
        self.index.update(self.document.submit(self.project.pictures.get, 1).result(TIMEOUT))

    def wait(self) -> None:
        self.document.submit(lambda: None).result(TIMEOUT)

    def close(self) -> None:
        self.sync.close()
        self.contents.close()
        self.loader.stop()
        self.reading.shutdown(cancel_futures=True)
        self.document.shutdown()
        self.project.close()
        assert self.errors == []

    def _submit_announce(self, changes: Changes) -> None:
        self.document.submit(self._announce, changes)

    def _announce(self, changes: Changes) -> None:
        self.announced.append(changes)
        self.loader.on_changes(changes)
        for picture_id in changes.pictures:
            self.index.update(self.project.pictures.get(picture_id))


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[LoaderHarness]:
    started = LoaderHarness(Project.open(picture_folder(tmp_path / "pictures"), purpose="a test"))
    started.project.classes.save(ClassList().with_class("grass").with_class("roof"))
    yield started
    started.close()


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="There is no folder"):
        check_folder(tmp_path / "missing")


def test_file_instead_of_folder_is_refused(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"is a file\. Open the folder"):
        check_folder(tmp_path / "a.png")


@pytest.mark.parametrize("content", [(), ("notes.txt",), (".hidden.png", ".cache/a.png"), ("sub/readme.md",)])
def test_folder_without_pictures_is_refused_and_unchanged(content: tuple[str, ...], tmp_path: Path) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ImageError, match="no pictures in"):
        check_folder(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_project_without_its_pictures_can_be_opened(tmp_path: Path) -> None:
    Project.open(picture_folder(tmp_path), purpose="a test").close()
    for path in tmp_path.glob("*.png"):
        path.unlink()
    check_folder(tmp_path)


def test_pictures_are_listed_in_natural_order(tmp_path: Path) -> None:
    for name in ("b10.png", "b9.png", "sub/B1.png", "A.png", ".maskloop/cache/x.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert list(list_pictures(tmp_path)) == ["A.png", "b9.png", "b10.png", "sub/B1.png"]


def test_masks_of_a_dataset_are_not_pictures(tmp_path: Path) -> None:
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


def test_names_that_are_not_text_are_left_out(tmp_path: Path) -> None:
    picture_folder(tmp_path, 1)
    try:
        (tmp_path / b"\xff\xfe.png".decode("utf-8", "surrogateescape")).write_text("")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    assert list(list_pictures(tmp_path)) == ["p0.png"]


def test_loaded_picture_has_label_prediction_and_journal(harness: LoaderHarness) -> None:
    harness.scan()
    first = harness.loader.load(1).result(TIMEOUT)
    np.testing.assert_array_equal(first.pyramid.levels[0], picture(seed=0))
    assert not first.labels.any()
    assert first.prediction is None
    assert (first.journal.undo_name, first.journal.redo_name) == (None, None)
    assert (first.record.width, first.record.height) == (96, 64)
    labels = LabelMap(first.labels)
    edit = stroke(labels, 1, (10, 10), (50, 40))
    harness.document.submit(harness.project.journal.commit, 1, edit)
    harness.predict(truth())
    again = harness.loader.load(1).result(TIMEOUT)
    np.testing.assert_array_equal(again.labels, labels.values)
    assert again.labels is not labels.values
    assert again.journal.undo_name == "Brush stroke, class 1"
    assert again.prediction is not None
    assert again.prediction.run_id == 1
    np.testing.assert_array_equal(harness.loader.prediction(1).result(TIMEOUT).values, truth())


def test_a_prediction_of_another_size_is_not_shown(harness: LoaderHarness) -> None:
    harness.scan()
    harness.predict(truth(8, 8))
    assert harness.loader.load(1).result(TIMEOUT).prediction is None


def test_damaged_prediction_does_not_prevent_loading(harness: LoaderHarness) -> None:
    harness.scan()
    path = harness.project.prediction_path(1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert harness.loader.load(1).result(TIMEOUT).prediction is None


def test_unreadable_picture_has_a_problem_until_repaired(harness: LoaderHarness) -> None:
    place = harness.project.folder / "p1.png"
    place.write_text("no picture")
    harness.scan()
    with pytest.raises(ImageError, match=r"p1\.png") as caught:
        harness.loader.load(2).result(TIMEOUT)
    harness.wait()
    assert harness.index.get(2).problem == str(caught.value)
    assert harness.project.pictures.counts().unreadable == 1
    Image.fromarray(picture()).save(place)
    harness.loader.load(2).result(TIMEOUT)
    harness.wait()
    assert harness.index.get(2).problem is None


def test_deleted_picture_has_a_problem(harness: LoaderHarness) -> None:
    harness.scan()
    (harness.project.folder / "p1.png").unlink()
    with pytest.raises(ImageError, match="not there any more"):
        harness.loader.load(2).result(TIMEOUT)


def test_label_of_another_size_is_kept_and_not_shown(harness: LoaderHarness) -> None:
    harness.scan()
    labels = LabelMap(harness.loader.load(1).result(TIMEOUT).labels)
    harness.document.submit(harness.project.journal.commit, 1, stroke(labels, 1, (10, 10), (50, 40))).result(
        TIMEOUT
    )
    harness.index.update(harness.project.pictures.get(1))
    place = harness.project.folder / "p0.png"
    original = place.read_bytes()
    Image.fromarray(picture(48, 32)).save(place)
    fresh = LoaderHarness(Project.open_read_only(harness.project.folder))
    try:
        with pytest.raises(ImageError, match="now 48 x 32 pixels, but it was labelled at 96 x 64"):
            fresh.loader.load(1).result(TIMEOUT)
    finally:
        fresh.close()
    place.write_bytes(original)
    np.testing.assert_array_equal(harness.loader.load(1).result(TIMEOUT).labels, labels.values)


def test_warm_cache_ignores_unreadable_pictures(harness: LoaderHarness) -> None:
    harness.scan()
    (harness.project.folder / "p1.png").write_text("no picture")
    (harness.project.folder / "p2.png").unlink()
    harness.loader.warm_cache([1, 2, 3])
    assert harness.loader.load(1).result(TIMEOUT).record.path == "p0.png"
    assert harness.loader.thumbnail(1, 32).result(TIMEOUT).shape == (21, 32, 3)
    with pytest.raises(ImageError):
        harness.loader.thumbnail(2, 32).result(TIMEOUT)


def prefetched(harness: LoaderHarness, picture_id: int) -> LoadedPicture | None:
    return harness.loader.prefetch(picture_id, lambda loaded: loaded).result(TIMEOUT)


@pytest.mark.parametrize(
    "changes",
    [
        Changes(labels=frozenset([2])),
        Changes(pictures=frozenset([1, 2])),
        Changes(predictions=frozenset([2])),
        Changes(classes=True),
    ],
)
def test_prefetched_picture_is_current_until_changed(harness: LoaderHarness, changes: Changes) -> None:
    harness.scan()
    loaded = prefetched(harness, 2)  # its size is found on the way, which is no change that makes it old
    assert loaded is not None and loaded.labels.shape == (64, 96)
    assert harness.index.get(2).width == 96
    harness.loader.on_changes(Changes(pictures=frozenset([1, 3]), labels=frozenset([1]), picture_list=True))
    assert harness.loader.is_current(loaded) and harness.loader.confirm_current(loaded).result(TIMEOUT)
    harness.document.submit(harness.loader.on_changes, changes)
    assert not harness.loader.confirm_current(loaded).result(TIMEOUT)
    assert not harness.loader.is_current(loaded)
    again = prefetched(harness, 2)
    assert again is not None and harness.loader.is_current(again)


def test_change_during_prefetch_makes_it_outdated(
    harness: LoaderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prediction is read beside the document lane: a newer one may come before the label is read."""
    harness.scan()
    read = harness.loader._mask

    def read_slowly(picture_id: int) -> PredictedMask:
        try:
            return read(picture_id)
        finally:
            harness.document.submit(harness.loader.on_changes, Changes(predictions=frozenset([picture_id])))

    monkeypatch.setattr(harness.loader, "_mask", read_slowly)
    loaded = prefetched(harness, 1)
    assert loaded is not None and not harness.loader.is_current(loaded)


def test_replaced_file_makes_prefetched_picture_outdated(harness: LoaderHarness) -> None:
    harness.scan()
    loaded = prefetched(harness, 1)
    Image.fromarray(picture(seed=9)).save(harness.project.folder / "p0.png")
    harness.sync.add_pictures(["p0.png"]).result(TIMEOUT)
    assert loaded is not None and not harness.loader.is_current(loaded)
    again = prefetched(harness, 1)
    assert again is not None
    np.testing.assert_array_equal(again.pyramid.full_image(), picture(seed=9))


def test_unreadable_or_large_pictures_are_not_prefetched(
    harness: LoaderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.scan()
    (harness.project.folder / "p1.png").write_text("no picture")
    assert prefetched(harness, 2) is None
    harness.wait()
    assert harness.index.get(2).problem is None  # reported when it is loaded
    monkeypatch.setattr("core.session.loading.picture_loader.PREFETCH_PIXELS", 96 * 64 - 1)
    assert prefetched(harness, 1) is None


def test_missing_prediction_raises(harness: LoaderHarness) -> None:
    harness.scan()
    with pytest.raises(ImageError, match="no prediction of this picture"):
        harness.loader.prediction(3).result(TIMEOUT)


def test_index_keeps_rows_and_counts_done_pictures() -> None:
    index = PictureIndex([PictureRecord(5, "a.png"), PictureRecord(2, "b.png", status=Status.DONE)])
    index.extend([PictureRecord(9, "c.png")])
    assert (len(index), index.done_count, index.ids(), index.row(9)) == (3, 1, [5, 2, 9], 2)
    index.update(PictureRecord(5, "a.png", status=Status.DONE))
    index.update(PictureRecord(2, "b.png", status=Status.SKIPPED))
    assert (index.done_count, index.at(0).status, index.get(2).status) == (1, Status.DONE, Status.SKIPPED)
    with pytest.raises(KeyError):
        index.get(1)


def test_index_is_in_natural_order_whatever_comes_when() -> None:
    names = ["a/10.png", "a/2.png", "B.png", "a.png", "c/d/1.png", "c/2.png", "b/x.png", "b10.png", "b9.png"]
    index = PictureIndex()
    for number, name in enumerate(names):
        index.extend([PictureRecord(number + 1, name)])
    expected = sorted(names, key=path_key)
    assert [index.at(row).path for row in range(len(names))] == expected
    many = [PictureRecord(100 + n, f"a/{n}.png") for n in range(3, 900)]  # sorted in at once
    index.extend(reversed(many))
    listed = [index.at(row).path for row in range(len(index))]
    assert listed == sorted(listed, key=path_key)
    assert [index.row(index.at(row).id) for row in range(len(index))] == list(range(len(index)))


def test_index_follows_renamed_pictures_and_those_set_aside() -> None:
    index = PictureIndex([PictureRecord(1, "a.png", status=Status.DONE), PictureRecord(2, "b.png")])
    index.synchronize([1, 2], [PictureRecord(1, "b.png", status=Status.DONE)], {2: 1})
    assert (index.ids(), index.done_count, index.current_id(2), index.has(2)) == ([1], 1, 1, False)
    assert index.get(2).path == "b.png"  # whoever still shows it may ask
    index.update(PictureRecord(1, "z.png"))
    index.synchronize([2], [PictureRecord(2, "b.png")])
    assert (index.ids(), index.done_count, index.current_id(2)) == ([2, 1], 0, 2)


def test_project_opens_through_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture_folder(tmp_path / "pictures")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Project.open(Path("../pictures"), purpose="a test") as project:
        assert project.home == tmp_path / "pictures" / HOME_FOLDER
        assert project.picture_path("p0.png").is_file()
    with Project.open_read_only(Path("../pictures")) as project:
        assert project.picture_path("p0.png").is_file()


def test_loaded_picture_stores_its_digest(harness: LoaderHarness) -> None:
    harness.scan()
    path = harness.project.picture_path("p0.png")
    harness.loader.load(1).result(TIMEOUT)
    assert harness.project.pictures.digests() == {1: file_digest(path)}
    before = harness.project.pictures.digest(1)
    Image.fromarray(picture(seed=7)).save(path)
    harness.loader.load(1).result(TIMEOUT)
    assert harness.project.pictures.digest(1) == file_digest(path) != before  # nobody has labelled it yet
    harness.project.journal.commit(1, stroke(LabelMap.blank(96, 64), 1, (10, 10), (60, 40)))
    harness.index.update(harness.project.pictures.get(1))
    Image.fromarray(picture(seed=8)).save(path)
    loaded = harness.loader.load(1).result(TIMEOUT)
    assert harness.project.pictures.digest(1) != file_digest(path)
    assert harness.project.pictures.get(1).is_replaced
    np.testing.assert_array_equal(loaded.pyramid.full_image(), picture(seed=8))


def test_new_picture_size_drops_undo_steps_of_the_old(harness: LoaderHarness) -> None:
    """Its stroke was taken back, so the new size is taken; what comes later can be undone."""
    harness.scan()
    project = harness.project
    project.classes.save(ClassList().with_class("grass"))
    harness.loader.load(1).result(TIMEOUT)
    labels = LabelMap.blank(96, 64)
    project.journal.commit(1, stroke(labels, 1, (10, 10), (40, 40)))
    row = RowChange("pictures", "1", {"note": "a note"})
    project.journal.undo(1)
    harness.index.update(project.pictures.get(1))
    picture_file = project.picture_path(project.pictures.get(1).path)
    Image.fromarray(picture(80, 60)).save(picture_file)
    loaded = harness.loader.load(1).result(TIMEOUT)
    assert (loaded.pyramid.size, loaded.history_trimmed) == ((80, 60), True)
    assert (loaded.journal.undo_name, loaded.journal.redo_name) == (None, None)
    assert [edit.thinned for edit in project.journal.history(1)] == [True]
    assert project.journal.redo(1) is None
    project.journal.change_rows(1, "Change note", "mark", [row])
    project.journal.commit(1, stroke(LabelMap(loaded.labels), 1, (70, 10), (79, 59)))
    assert [project.journal.undo(1) is None for _ in range(3)] == [False, False, True]
    assert not harness.loader.load(1).result(TIMEOUT).history_trimmed
    assert check_project(project) == []


def test_unlabelled_picture_may_change_its_size(harness: LoaderHarness) -> None:
    harness.scan()
    harness.loader.load(1).result(TIMEOUT)
    Image.fromarray(picture(80, 60)).save(harness.project.picture_path(harness.project.pictures.get(1).path))
    harness.loader._cache.drop(1)
    loaded = harness.loader.load(1).result(TIMEOUT)
    assert (loaded.pyramid.size, loaded.history_trimmed) == ((80, 60), False)
