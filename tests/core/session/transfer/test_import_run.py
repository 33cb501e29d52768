"""Tests of imports: what is stored, what is left out with a sentence, and that nothing is overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import Cancelled, FormatError, UserError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import ClassTarget, Dataset
from core.formats.readers import registry
from core.formats.readers.masks import open_dataset
from core.labels.class_list import VOID, ClassList
from core.labels.label_map import LabelMap, Origin
from core.project.content.file_content import observe_file
from core.project.content.picture_contents import PictureContents
from core.project.integrity.check import check_project
from core.project.integrity.findings import FindingKind
from core.project.integrity.repair import repair_project
from core.project.packed_picture import file_digest
from core.project.project import Project
from core.project.records import Split, Status
from core.session.session import Session
from core.session.training.training_state import TrainingPreferences
from core.session.transfer.import_plan import ClassChoice
from core.session.transfer.import_run import ImportReport, import_dataset
from tests.factories import picture, steps_of, stroke
from tests.mask_datasets import CLASSES, indices, mask_dataset

VALUES = {0: 1, 1: 2, 2: 3, 11: VOID}
"""Values that the indices of CLASSES take in an empty project."""


def empty_project(folder: Path) -> Project:
    folder.mkdir(exist_ok=True)
    return Project.open(folder, purpose="a test")


def open_masks(root: Path) -> Dataset:
    return open_dataset(DatasetTree(root))


def imported(project: Project, dataset: Path, split: Split | None = None) -> ImportReport:
    return import_dataset(project, open_masks(dataset), split=split)


def expected(seed: int) -> np.ndarray:
    return np.vectorize(VALUES.get)(indices(seed)).astype(np.uint8)


def test_pictures_classes_and_labels_are_imported(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set")
    with empty_project(tmp_path / "mine") as project:
        reported: list[tuple[int, int]] = []
        report = import_dataset(
            project, open_masks(dataset), progress=lambda done, of: reported.append((done, of))
        )
        assert report == ImportReport(3, 3, {"sky": 1, "road": 2, "tree": 3}, ())
        assert reported == [(1, 3), (2, 3), (3, 3)]
        assert [(c.value, c.name, c.colour) for c in project.classes.read()][:2] == [
            (1, "sky", (10, 20, 30)),
            (2, "road", (40, 50, 60)),
        ]
        for number, record in enumerate(project.pictures.all()):
            assert record.path == ("train/a.png", "train/b.png", "val/c.png")[number]
            assert record.split == ("train", "train", "val")[number]
            assert (record.width, record.height, record.status) == (24, 16, Status.DONE)
            np.testing.assert_array_equal(project.labels.read(record.id, 24, 16), expected(number))
            copied = project.picture_path(record.path).read_bytes()
            assert copied == (dataset / "images" / record.path).read_bytes()
            assert project.labels.origin_at(record.id, 3, 3, (24, 16)) == (Origin.IMPORTED, None)
            assert [edit.name for edit in project.journal.history(record.id)] == ["Import masks"]


def test_imported_picture_is_found_after_it_was_moved(tmp_path: Path) -> None:
    with empty_project(tmp_path / "mine") as project:
        imported(project, mask_dataset(tmp_path / "set"))
        there = project.picture_path("train/a.png")
        there.rename(project.folder / "elsewhere.png")
        (found,) = check_project(project)
        assert (found.kind, found.path) == (FindingKind.MOVED, "elsewhere.png")
        repair_project(project, [found])
        assert check_project(project) == []
        assert project.pictures.by_path("elsewhere.png").is_labelled


def test_masks_for_a_picture_that_was_replaced_belong_to_its_content_of_now(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path)
    with empty_project(tmp_path) as project:
        [record] = project.pictures.add(["images/train/a.png"])
        path = project.picture_path(record.path)
        contents = PictureContents(project.store)
        before = observe_file(record.id, path, (24, 16))
        assert before is not None
        contents.observe([before])
        Image.fromarray(picture(24, 16, seed=90)).save(path)
        imported(project, dataset)
        assert project.pictures.digest(record.id) == file_digest(path) != before.digest
        after = observe_file(record.id, path, (24, 16))
        assert after is not None and not contents.observe([after]).replaced
        assert not project.pictures.get(record.id).is_replaced


def test_an_import_can_be_undone(tmp_path: Path) -> None:
    with empty_project(tmp_path / "mine") as project:
        imported(project, mask_dataset(tmp_path / "set"))
        project.journal.undo(1)
        assert not project.labels.read(1, 24, 16).any()
        assert project.pictures.get(1).labelled_pixels == 0


def test_a_dataset_around_the_project_is_not_copied(tmp_path: Path) -> None:
    mask_dataset(tmp_path)
    with empty_project(tmp_path) as project:
        imported(project, tmp_path)
        assert [r.path for r in project.pictures.all()] == [
            "images/train/a.png",
            "images/train/b.png",
            "images/val/c.png",
        ]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".maskloop", "classes.json", "images", "masks"]


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set")
    with empty_project(tmp_path / "mine") as project:
        first = imported(project, dataset)
        before = project.pictures.counts()
        again = imported(project, dataset)
        assert (again.pictures, again.labels, again.skipped) == (0, 0, 3)
        assert again.classes == first.classes
        assert project.pictures.counts() == before
        assert before.edits == 3


def test_existing_labels_are_never_overwritten(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set")
    with empty_project(tmp_path / "mine") as project:
        project.classes.save(ClassList().with_class("mine"))
        (tmp_path / "mine" / "train").mkdir()
        (tmp_path / "mine" / "train" / "a.png").write_bytes((dataset / "images/train/a.png").read_bytes())
        record = project.pictures.add(["train/a.png"])[0]
        project.pictures.set_size(record.id, 24, 16)
        painted = LabelMap.blank(24, 16)
        project.journal.commit(record.id, stroke(painted, 1, (4, 4), (20, 4), radius=2))
        project.pictures.set_split([record.id], Split.TEST)
        report = imported(project, dataset)
        assert report.classes == {"sky": 2, "road": 3, "tree": 4}  # from value 1 on, which is taken
        values = project.labels.read(record.id, 24, 16)
        mine = painted.values == 1
        assert (values[mine] == 1).all()
        np.testing.assert_array_equal(
            values[~mine], np.vectorize({0: 2, 1: 3, 2: 4, 11: VOID}.get)(indices(0))[~mine]
        )
        found = project.pictures.get(record.id)
        assert (found.split, found.status) == (Split.TEST, Status.IN_PROGRESS)
        assert project.labels.origin_at(record.id, 5, 4, (24, 16)) == (Origin.PAINTED, None)


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    with empty_project(tmp_path / "mine") as project:
        project.classes.save(ClassList().with_class("Tree", (9, 9, 9)).with_class("car"))
        report = imported(project, mask_dataset(tmp_path / "set"))
        assert report.classes == {"sky": 3, "road": 4, "tree": 1}
        assert [(c.value, c.name) for c in project.classes.read()] == [
            (1, "Tree"),
            (2, "car"),
            (3, "sky"),
            (4, "road"),
        ]


def test_class_names_match_despite_unusual_spaces(tmp_path: Path) -> None:
    rows = [{"index": n, "name": name} for n, name in enumerate(["traffic   light", "sky", "road"])]
    dataset = mask_dataset(tmp_path / "set", classes={"classes": rows, "ignore_index": 11})
    with empty_project(tmp_path / "mine") as project:
        first = imported(project, dataset)
        again = imported(project, dataset)
        assert (again.pictures, again.labels, again.skipped) == (0, 0, 3)
        assert again.classes == first.classes
        assert len(project.classes.read()) == 3


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    with empty_project(tmp_path / "mine") as project:
        full = ClassList()
        for number in range(253):
            full = full.with_class(f"class {number}")
        project.classes.save(full)
        with pytest.raises(UserError, match="more than 254 classes"):
            imported(project, mask_dataset(tmp_path / "set"))
        assert project.classes.read() == full


def test_free_class_values_are_kept(tmp_path: Path) -> None:
    rows = [{"index": 7, "name": "seven"}, {"index": 254, "name": "last"}, {"index": 400, "name": "far"}]
    mask = np.where(indices() > 1, 400, 7).astype(np.uint16)
    dataset = mask_dataset(tmp_path / "set", ("a",), classes=rows, masks={"a": mask})
    with empty_project(tmp_path / "mine") as project:
        assert imported(project, dataset).classes == {"seven": 7, "last": 254, "far": 1}
        np.testing.assert_array_equal(project.labels.read(1, 24, 16), np.where(mask == 7, 7, 1))


def test_pictures_without_masks_are_imported_unlabelled(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", masks={"train/b": None})
    with empty_project(tmp_path / "mine") as project:
        report = imported(project, dataset)
        assert (report.pictures, report.labels, report.problems) == (3, 2, ())
        record = project.pictures.by_path("train/b.png")
        assert (record.status, record.labelled_pixels) == (Status.NEW, 0)


def test_bad_masks_and_pictures_are_named_and_the_others_imported(tmp_path: Path) -> None:
    unknown = indices()
    unknown[5, 5] = 99
    dataset = mask_dataset(
        tmp_path / "set",
        ("good", "other_size", "unknown", "colour", "broken_mask", "broken_picture"),
        masks={
            "other_size": indices(0, 16, 24),
            "unknown": unknown,
            "colour": np.full((16, 24, 3), 77, np.uint8),
        },
    )
    (dataset / "masks" / "broken_mask.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    (dataset / "images" / "broken_picture.png").write_text("no picture")
    with empty_project(tmp_path / "mine") as project:
        report = imported(project, dataset)
        assert (report.pictures, report.labels) == (5, 1)
        names = ("broken_mask", "broken_picture", "colour", "other_size", "unknown")
        problems = dict(zip(names, report.problems, strict=True))
        for name, problem in problems.items():
            assert name in problem
            assert problem.endswith(".")
        assert "16 x 24 pixels, the picture 24 x 16" in problems["other_size"]
        assert "index 99" in problems["unknown"]
        assert "none of the class colours" in problems["colour"]
        assert [r.name for r in project.pictures.labelled()] == ["good.png"]
        with pytest.raises(KeyError):
            project.pictures.by_path("broken_picture.png")
    assert not (tmp_path / "mine" / "broken_picture.png").exists()


def test_another_picture_of_the_same_name_and_size_is_kept(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", ("a",), suffix=".bmp")
    with empty_project(tmp_path / "mine") as project:
        Image.fromarray(picture(24, 16, seed=99)).save(tmp_path / "mine" / "a.bmp")
        before = (tmp_path / "mine" / "a.bmp").read_bytes()
        assert len(before) == (dataset / "images" / "a.bmp").stat().st_size
        report = imported(project, dataset)
        assert (report.pictures, report.labels) == (0, 0)
        assert "Another picture called a.bmp" in report.problems[0]
        assert project.pictures.labelled() == []
    assert (tmp_path / "mine" / "a.bmp").read_bytes() == before


def test_picture_labelled_at_another_size_is_unchanged(tmp_path: Path) -> None:
    mask_dataset(tmp_path, ("a",))
    with empty_project(tmp_path) as project:
        record = project.pictures.add(["images/a.png"])[0]
        project.pictures.set_size(record.id, 48, 32)
        project.classes.save(ClassList().with_class("mine"))
        labels = LabelMap.blank(48, 32)
        project.journal.commit(record.id, stroke(labels, 1, (4, 4), (40, 20)))
        report = imported(project, tmp_path)
        assert "labelled at 48 x 32 pixels" in report.problems[0]
        np.testing.assert_array_equal(project.labels.read(record.id, 48, 32), labels.values)


def test_mask_fits_a_picture_rotated_by_exif(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", ("a",), suffix=".jpg", masks={"a": indices(0, 16, 24)})
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(24, 16)).save(dataset / "images" / "a.jpg", exif=exif)
    with empty_project(tmp_path / "mine") as project:
        assert imported(project, dataset).problems == ()
        record = project.pictures.get(1)
        assert (record.width, record.height) == (16, 24)


def test_one_split_can_be_chosen_for_all(tmp_path: Path) -> None:
    with empty_project(tmp_path / "mine") as project:
        imported(project, mask_dataset(tmp_path / "set"), Split.TEST)
        assert {r.split for r in project.pictures.all()} == {Split.TEST}


def test_cancelled_import_keeps_complete_pictures(tmp_path: Path) -> None:
    dataset = open_masks(mask_dataset(tmp_path / "set"))
    with empty_project(tmp_path / "mine") as project:
        answers = iter([False, False, True])
        with pytest.raises(Cancelled):
            import_dataset(project, dataset, cancelled=lambda: next(answers))
        assert [r.path for r in project.pictures.all()] == ["train/a.png", "train/b.png"]
        np.testing.assert_array_equal(project.labels.read(2, 24, 16), expected(1))
        again = import_dataset(project, dataset)
        assert (again.labels, again.skipped) == (1, 2)
        assert project.pictures.counts().edits == 3


def test_name_that_is_not_text_is_reported(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", ("a", "b"))
    odd = b"\xff\xfe".decode("utf-8", "surrogateescape")
    try:
        for kind in ("images", "masks"):
            (dataset / kind / "a.png").rename(dataset / kind / f"{odd}.png")
    except OSError:
        pytest.skip("this file system takes only names that are text")
    with empty_project(tmp_path / "mine") as project:
        report = import_dataset(project, registry.open_dataset(dataset, "masks"))
        assert report.labels == 1
        (row,) = report.account.left_out
        assert row.reason == "its name is not valid text; rename it" and row.count == 2


def test_import_into_an_open_picture_survives_the_next_stroke(tmp_path: Path) -> None:
    """The hand paints on a label it read before the import: only the stroke's own pixels change."""
    dataset = mask_dataset(tmp_path / "set", ("a",), classes=CLASSES)
    with empty_project(tmp_path / "mine") as project:
        imported(project, mask_dataset(tmp_path / "set", ("a",), masks={"a": None}))
        on_screen = LabelMap(project.labels.read(1, 24, 16))
        Image.fromarray(indices(0)).save(dataset / "masks" / "a.png")
        imported(project, dataset)
        project.journal.commit(1, stroke(on_screen, 2, (4, 4), (20, 4), radius=2))
        painted = on_screen.values == 2
        values = project.labels.read(1, 24, 16)
        np.testing.assert_array_equal(values, np.where(painted, 2, expected(0)))
        counted = np.bincount(values.ravel(), minlength=256)
        assert project.pictures.pixels_by_class(1) == {
            int(value): int(counted[value]) for value in np.flatnonzero(counted) if value
        }
        assert project.journal.undo(1) is not None
        np.testing.assert_array_equal(project.labels.read(1, 24, 16), expected(0))
        assert project.journal.redo(1) is not None
        np.testing.assert_array_equal(project.labels.read(1, 24, 16), values)


def test_long_name_is_imported_and_a_too_long_one_is_reported(tmp_path: Path) -> None:
    dataset, long = mask_dataset(tmp_path / "set"), "写" * 82 + ".png"  # 250 bytes
    for kind in ("images", "masks"):
        (dataset / kind / "train" / "a.png").rename(dataset / kind / "train" / long)
    with empty_project(tmp_path / "mine") as project:
        found = open_masks(dataset)
        samples = [
            replace(s, target_path="x" * 300 + ".png") if s.picture.stem == "b" else s for s in found.samples
        ]
        report = import_dataset(project, replace(found, samples=tuple(samples)))
        assert {record.path for record in project.pictures.all()} == {f"train/{long}", "val/c.png"}
    assert (report.pictures, report.labels, len(report.problems)) == (2, 2, 1)
    assert "too long for the disk" in report.problems[0]
    assert {p.name for p in (tmp_path / "mine" / "train").iterdir()} == {long}


def test_session_reads_only_the_imported_records(tmp_path: Path) -> None:
    dataset = open_masks(mask_dataset(tmp_path / "set", tuple(f"p{n}" for n in range(60))))
    project = empty_project(tmp_path / "mine")
    session = Session(project, lambda _news: None, preferences=TrainingPreferences(automatic=False))
    try:
        plan = session.imports.plan(dataset).result(60)

        def bring() -> None:
            assert session.imports.run(plan, lambda _done, _of: None).result(60).pictures == 60
            session.wait_until_saved()

        steps = steps_of(project, bring)
        assert steps.count("SCAN pictures") == 1, "the list with which an import begins"
        assert len(session.pictures) == 60
        assert all(session.pictures.get(i).is_labelled for i in session.pictures.ids())
    finally:
        session.close()


def test_invalid_class_names_are_repaired_or_refused_before_the_import(tmp_path: Path) -> None:
    found = open_masks(mask_dataset(tmp_path / "set"))
    first, second, *rest = found.classes
    odd = replace(found, classes=(replace(first, name="\ud83d"), replace(second, name=""), *rest))
    long = replace(found, classes=(replace(first, name="very long " * 900), second, *rest))
    with empty_project(tmp_path / "mine") as project:
        with pytest.raises(
            FormatError, match=r"The class “very long .* at most 80 letters.*--map OLD=NEW"
        ) as caught:
            import_dataset(project, long)
        assert len(str(caught.value)) < 400, "a name is quoted in part"
        assert not project.pictures.all() and not project.classes.read().classes
        report = import_dataset(
            project, long, choices={long.classes[0].name: ClassChoice(ClassTarget.CLASS, "sky")}
        )
        assert "sky" in [c.name for c in project.classes.read()]
        assert import_dataset(project, odd).classes.keys() >= {"?", f"class {second.index}"}
    assert report.problems == ()
