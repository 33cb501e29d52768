"""Files that are renamed, moved, copied and replaced while a project is open and while it is closed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.project.content.decisions import LabelDecision, MergeChoice
from core.project.content.joins import MISSING, JoinResult
from core.project.project import Project
from core.project.records import Split, Status
from core.session.content import service
from tests.content_harness import TIMEOUT, ContentHarness, grow_old, save
from tests.core.project.faults import unix
from tests.factories import picture, picture_folder


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[ContentHarness]:
    folder = picture_folder(tmp_path / "pictures")
    save(folder / "sub" / "s1.png", seed=11)
    save(folder / "sub" / "s2.png", seed=12)
    grow_old(folder)
    started = ContentHarness(folder)
    yield started
    started.close()


def with_work(harness: ContentHarness, path: str) -> np.ndarray:
    """Label a picture and mark it in every way. Returns its label."""
    harness.label(path)
    picture_id = harness.id_of(path)
    pictures = harness.project.pictures
    harness.document.submit(pictures.set_split, [picture_id], Split.VAL).result(TIMEOUT)
    harness.document.submit(pictures.set_status, [picture_id], Status.DONE).result(TIMEOUT)
    return harness.values(path)


def renamed(harness: ContentHarness, old: str, new: str) -> Callable[[], object]:
    def rename() -> None:
        (harness.folder / new).parent.mkdir(exist_ok=True)
        (harness.folder / old).rename(harness.folder / new)

    return rename


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize("new", ["z.png", "sub/p1.png", "other/q.png"], ids=["renamed", "moved", "both"])
def test_renamed_picture_keeps_its_work(harness: ContentHarness, new: str, is_open: bool) -> None:
    label, picture_id = with_work(harness, "p1.png"), harness.id_of("p1.png")
    rename = renamed(harness, "p1.png", new)
    if is_open:
        rename()
        harness.watch()
    else:
        harness.reopen(rename)
    record = harness.record(new)
    assert (record.id, record.split, record.status) == (picture_id, Split.VAL, Status.DONE)
    assert record.problem is None
    np.testing.assert_array_equal(harness.values(new), label)
    assert "p1.png" not in harness.paths and len(harness.paths) == 5
    assert new in harness.said and "Put it back" not in harness.said
    assert harness.project.journal.history(picture_id)[-1].name.startswith("Brush stroke")


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_renamed_folder_keeps_its_pictures(harness: ContentHarness, is_open: bool) -> None:
    label = with_work(harness, "sub/s1.png")
    ids = [harness.id_of(f"sub/s{n}.png") for n in (1, 2)]
    rename = renamed(harness, "sub", "area")
    if is_open:
        rename()
        harness.watch()
    else:
        harness.reopen(rename)
    assert harness.paths == ["area/s1.png", "area/s2.png", "p0.png", "p1.png", "p2.png"]
    assert [harness.id_of(f"area/s{n}.png") for n in (1, 2)] == ids  # also the one that nobody has worked on
    np.testing.assert_array_equal(harness.values("area/s1.png"), label)
    assert "2 renamed pictures" in harness.said and "“sub/” is now “area/”" in harness.said
    joined = next(notice.joins for notice in harness.notices if notice.joins is not None)
    harness.contents.undo_joins(joined).result(TIMEOUT)
    harness.watch()
    assert harness.paths == [
        "area/s1.png",
        "area/s2.png",
        "p0.png",
        "p1.png",
        "p2.png",
        "sub/s1.png",
        "sub/s2.png",
    ]
    assert harness.record("sub/s1.png").problem and not harness.record("area/s1.png").is_labelled
    assert harness.contents.redo_joins(joined).result(TIMEOUT).problems == ()
    assert harness.record("area/s1.png").is_labelled and len(harness.paths) == 5


def test_undone_join_is_not_made_again(harness: ContentHarness) -> None:
    with_work(harness, "p1.png")
    renamed(harness, "p1.png", "z.png")()
    harness.watch()
    result = harness.contents.undo_latest_joins().result(TIMEOUT)
    assert result is not None and [each.new_path for each in result.joins] == ["z.png"]
    harness.watch()
    harness.reopen()
    assert harness.record("p1.png").is_labelled and "Put it back" in (harness.record("p1.png").problem or "")
    assert not harness.record("z.png").is_labelled
    assert harness.contents.undo_latest_joins().result(TIMEOUT) is None


def test_two_files_of_the_same_content(harness: ContentHarness) -> None:
    """Two entries with equal content; one of them is moved to another folder, where its name says which it was."""
    shutil.copy2(harness.folder / "p1.png", harness.folder / "p1-copy.png")
    harness.watch()
    with_work(harness, "p1.png")
    harness.label("p1-copy.png", value=2, start=(40, 30))
    label = harness.values("p1-copy.png")
    (harness.folder / "moved").mkdir()
    for name in ("p1.png", "p1-copy.png"):
        (harness.folder / name).rename(harness.folder / "moved" / name)
    harness.watch()
    np.testing.assert_array_equal(harness.values("moved/p1-copy.png"), label)
    assert harness.record("moved/p1.png").split == Split.VAL
    assert len(harness.paths) == 6


def test_a_copy_stays_a_picture_of_its_own(harness: ContentHarness) -> None:
    label, picture_id = with_work(harness, "p1.png"), harness.id_of("p1.png")
    shutil.copy2(harness.folder / "p1.png", harness.folder / "p1b.png")
    harness.watch()
    assert harness.paths[1:4] == ["p1.png", "p1b.png", "p2.png"]  # its place in the list, by name
    assert not harness.record("p1b.png").is_labelled and harness.id_of("p1.png") == picture_id
    (harness.folder / "p1.png").unlink()  # now the copy is all that is left of it
    harness.watch()
    assert harness.id_of("p1b.png") == picture_id and "p1.png" not in harness.paths
    np.testing.assert_array_equal(harness.values("p1b.png"), label)


def relabelled_double(harness: ContentHarness) -> None:
    """p1.png is renamed to z.png, but that is labelled anew before the two are joined."""
    with_work(harness, "p1.png")
    shutil.copy2(harness.folder / "p1.png", harness.folder / "z.png")
    harness.watch()
    harness.label("z.png", value=2, start=(40, 20))
    (harness.folder / "p1.png").unlink()
    harness.watch()


@pytest.mark.parametrize("choice", list(MergeChoice))
def test_labels_of_a_double_are_merged_as_one_undoable_edit(
    harness: ContentHarness, choice: MergeChoice
) -> None:
    relabelled_double(harness)
    old, new = harness.values("p1.png"), harness.values("z.png")
    missing_id, present_id = harness.id_of("p1.png"), harness.id_of("z.png")
    double = harness.contents.double_of(present_id)
    assert double is not None and double == harness.contents.double_of(missing_id)
    assert "both are labelled" in harness.said
    harness.contents.merge(double, choice).result(TIMEOUT)
    expected = {
        MergeChoice.MISSING: old,
        MergeChoice.PRESENT: new,
        MergeChoice.BOTH: np.where(new != 0, new, old),
    }[choice]
    assert harness.paths == ["p0.png", "p2.png", "sub/s1.png", "sub/s2.png", "z.png"]
    assert harness.id_of("z.png") == missing_id and harness.record("z.png").split == Split.VAL
    np.testing.assert_array_equal(harness.values("z.png"), expected)
    assert harness.index.current_id(present_id) == missing_id
    assert harness.project.pictures.counts().pictures == 5
    assert harness.contents.double_of(missing_id) is None
    undone = harness.document.submit(harness.project.journal.undo, missing_id).result(TIMEOUT)
    assert undone is not None
    harness.document.submit(harness._announce, undone.changes).result(TIMEOUT)
    np.testing.assert_array_equal(harness.values("p1.png"), old)
    np.testing.assert_array_equal(harness.values("z.png"), new)
    assert harness.id_of("z.png") == present_id and harness.record("p1.png").problem is not None


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_replaced_picture_keeps_its_label_until_it_is_decided(harness: ContentHarness, is_open: bool) -> None:
    label, picture_id = with_work(harness, "p1.png"), harness.id_of("p1.png")
    replace = lambda: save(harness.folder / "p1.png", seed=77, age=30)  # noqa: E731
    if is_open:
        replace()
        harness.watch()
        assert harness.changed == {picture_id}
    else:
        harness.reopen(replace)
    assert harness.record("p1.png").is_replaced and "p1.png" in harness.said
    loaded = harness.load("p1.png")
    top = np.asarray(loaded.pyramid.levels[0])[:, :, :3]
    np.testing.assert_array_equal(top, picture(seed=77))
    np.testing.assert_array_equal(loaded.labels, label)
    result = harness.contents.decide([picture_id], LabelDecision.CHECK).result(TIMEOUT)
    assert result.done == (picture_id,) and result.problems == ()
    assert not harness.record("p1.png").is_replaced
    assert harness.record("p1.png").status == Status.TO_REVIEW
    undone = harness.document.submit(harness.project.journal.undo, picture_id).result(TIMEOUT)
    harness.document.submit(harness._announce, undone.changes).result(TIMEOUT)
    assert harness.record("p1.png").is_replaced and harness.record("p1.png").status == Status.DONE


@pytest.mark.parametrize("size", [(96, 64), (48, 32), (300, 280)])
def test_label_of_a_replaced_picture_is_set_aside_or_scaled(
    harness: ContentHarness, size: tuple[int, int]
) -> None:
    label, picture_id = with_work(harness, "p1.png"), harness.id_of("p1.png")
    width, height = size
    save(harness.folder / "p1.png", seed=77, age=30, width=width, height=height)
    harness.watch()
    assert harness.record("p1.png").is_replaced
    if size != (96, 64):
        refused = harness.contents.decide([picture_id], LabelDecision.KEEP).result(TIMEOUT)
        assert refused.done == () and "another size" in refused.problems[0]
    for decision in (LabelDecision.ASIDE, LabelDecision.SCALE):
        (new_id,) = harness.contents.decide([picture_id], decision).result(TIMEOUT).done
        assert harness.id_of("p1.png") == new_id != picture_id and len(harness.paths) == 5
        loaded = harness.load("p1.png")
        assert loaded.pyramid.size == size and loaded.record.split == Split.VAL
        values = loaded.labels
        if decision == LabelDecision.ASIDE:
            assert not values.any()
        else:
            middle = values[height * 20 // 64, width * 25 // 96]
            assert middle == label[20, 25] == 1 and not values[0, 0]
            assert harness.record("p1.png").status == Status.TO_REVIEW
        undone = harness.document.submit(harness.project.journal.undo, new_id).result(TIMEOUT)
        harness.document.submit(harness._announce, undone.changes).result(TIMEOUT)
        assert harness.id_of("p1.png") == picture_id and harness.record("p1.png").is_replaced
        np.testing.assert_array_equal(
            harness.document.submit(harness.project.labels.read, picture_id, 96, 64).result(TIMEOUT), label
        )


def test_old_picture_that_is_put_back_needs_no_decision(harness: ContentHarness, tmp_path: Path) -> None:
    with_work(harness, "p1.png")
    shutil.copy2(harness.folder / "p1.png", tmp_path / "kept.png")
    save(harness.folder / "p1.png", seed=77, age=30)
    harness.watch()
    assert harness.record("p1.png").is_replaced
    shutil.copy2(tmp_path / "kept.png", harness.folder / "p1.png")
    harness.watch()
    assert not harness.record("p1.png").is_replaced and "content again" in harness.said


def test_touched_file_of_the_same_content_is_not_replaced(harness: ContentHarness) -> None:
    with_work(harness, "p1.png")
    grow_old(harness.folder / "p1.png", 20)
    harness.watch()
    assert harness.changed == set() and not harness.record("p1.png").is_replaced


def test_unlabelled_picture_that_is_replaced_is_shown_anew(harness: ContentHarness) -> None:
    harness.load("p2.png")
    save(harness.folder / "p2.png", seed=70, age=30, width=50, height=40)
    harness.watch()
    record = harness.record("p2.png")
    assert harness.changed == {record.id} and not record.is_replaced
    assert (record.width, record.height) == (50, 40)
    assert harness.load("p2.png").pyramid.size == (50, 40)


def test_stroke_that_was_under_way_reaches_the_joined_picture(harness: ContentHarness) -> None:
    """The new name was on screen as a picture of its own while the missing one got its file."""
    with_work(harness, "p1.png")
    shutil.copy2(harness.folder / "p1.png", harness.folder / "z.png")
    harness.watch()
    shown = harness.id_of("z.png")
    (harness.folder / "p1.png").unlink()
    harness.watch()
    assert harness.id_of("z.png") == harness.index.current_id(shown) != shown


def test_project_of_an_earlier_version_gets_its_digests(harness: ContentHarness) -> None:
    with_work(harness, "p1.png")

    def forget() -> None:
        with Project.open(harness.folder) as project, project.store.write_transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE pictures SET digest = NULL, file_bytes = NULL, file_modified = NULL"
            )

    harness.reopen(forget)
    known = {each.path: each for each in harness.contents._contents.known()}
    assert known["p1.png"].digest is not None and known["p1.png"].age is not None
    assert (
        known["p0.png"].digest is None and known["p0.png"].age is not None
    )  # nothing depends on it: not read


def test_label_that_was_replaced_before_it_was_ever_hashed_is_not_paired(harness: ContentHarness) -> None:
    """Nothing proves that the label belongs to the new content: a person has to say so."""
    with_work(harness, "p1.png")

    def replace() -> None:
        with Project.open(harness.folder) as project, project.store.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE pictures SET digest = NULL")
        save(harness.folder / "p1.png", seed=77, age=30)

    harness.reopen(replace)
    assert harness.record("p1.png").is_replaced
    result = harness.contents.decide([harness.id_of("p1.png")], LabelDecision.KEEP).result(TIMEOUT)
    assert result.problems == () and not harness.record("p1.png").is_replaced


def test_files_with_another_time_only_are_not_called_replaced(harness: ContentHarness) -> None:
    """As after a copy of the whole folder that did not keep the times."""
    harness.reopen(lambda: grow_old(harness.folder, 20))
    assert "replaced" not in harness.said


def forget_digests(folder: Path) -> None:
    with Project.open(folder) as project, project.store.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE pictures SET digest = NULL")


@unix
def test_picture_that_may_not_be_read_keeps_no_other_from_being_hashed(
    harness: ContentHarness, tmp_path: Path
) -> None:
    for path in ("p0.png", "p1.png"):
        with_work(harness, path)
    save(tmp_path / "private" / "x.png", seed=3)

    def lead_out() -> None:
        forget_digests(harness.folder)
        (harness.folder / "p0.png").unlink()
        (harness.folder / "p0.png").symlink_to(tmp_path / "private" / "x.png")

    harness.reopen(lead_out)
    known = {each.path: each.digest for each in harness.contents._contents.known()}
    assert known["p0.png"] is None and known["p1.png"] is not None


def test_double_is_forgotten_when_the_missing_picture_is_back(harness: ContentHarness) -> None:
    relabelled_double(harness)
    ids = [harness.id_of(path) for path in ("p1.png", "z.png")]
    assert None not in map(harness.contents.double_of, ids)
    harness.announced.clear()
    shutil.copy2(harness.folder / "z.png", harness.folder / "p1.png")
    harness.watch()
    assert harness.record("p1.png").problem is None
    assert [harness.contents.double_of(i) for i in ids] == [None, None]
    assert any(changes.pictures >= {*ids} for changes in harness.announced)  # the window stops offering it


def test_pictures_of_unknown_content_are_no_doubles(harness: ContentHarness) -> None:
    """Two that were replaced before their contents were ever hashed: nothing says that they were equal."""
    for path in ("p0.png", "p1.png"):
        with_work(harness, path)

    def replace() -> None:
        forget_digests(harness.folder)
        for seed, path in enumerate(("p0.png", "p1.png"), 77):
            save(harness.folder / path, seed=seed, age=30)

    harness.reopen(replace)
    assert harness.record("p0.png").is_replaced and harness.record("p1.png").is_replaced
    (harness.folder / "p1.png").unlink()
    harness.watch()
    assert harness.record("p1.png").problem is not None
    assert harness.contents.double_of(harness.id_of("p1.png")) is None
    assert "the same content" not in harness.said


def test_closing_while_files_are_looked_at_leaves_renamed_ones_for_the_next_time(
    harness: ContentHarness,
) -> None:
    label, picture_id = with_work(harness, "p1.png"), harness.id_of("p1.png")
    renamed(harness, "p1.png", "z.png")()
    harness.contents._closing = True
    harness.watch()
    assert "z.png" not in harness.paths
    harness.reopen()
    assert harness.id_of("z.png") == picture_id and "p1.png" not in harness.paths
    np.testing.assert_array_equal(harness.values("z.png"), label)


def test_file_that_an_earlier_version_listed_anew_is_joined_when_the_project_opens(
    harness: ContentHarness,
) -> None:
    label, picture_id = with_work(harness, "p1.png"), harness.id_of("p1.png")

    def as_before() -> None:
        (harness.folder / "p1.png").rename(harness.folder / "z.png")
        with Project.open(harness.folder) as project:
            project.pictures.add(["z.png"])
            project.pictures.set_problem(picture_id, MISSING.format(path="p1.png"))

    harness.reopen(as_before)
    assert harness.id_of("z.png") == picture_id and harness.record("z.png").problem is None
    np.testing.assert_array_equal(harness.values("z.png"), label)
    assert "p1.png" not in harness.paths and "z.png" in harness.said


def test_many_renamed_files_are_joined_in_steps_and_undone_at_once(
    harness: ContentHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "JOIN_CHUNK", 2)
    names = ["p0.png", "p1.png", "p2.png", "sub/s1.png", "sub/s2.png"]
    ids = {name: harness.id_of(name) for name in names}
    for name in names:
        with_work(harness, name)
        (harness.folder / name).rename(harness.folder / f"new{ids[name]}.png")
    steps: list[int] = []
    store = harness.contents._store_joins

    def counted(*args: object) -> JoinResult:
        result = store(*args)  # type: ignore[arg-type]
        steps.append(len(result.joins))
        return result

    monkeypatch.setattr(harness.contents, "_store_joins", counted)
    harness.watch()
    assert steps == [2, 2, 1] and harness.paths == sorted(f"new{i}.png" for i in ids.values())
    [notice] = [each for each in harness.notices if each.joins is not None]
    assert notice.joins is not None and "5 renamed pictures" in notice.message
    apart = harness.contents.undo_joins(notice.joins).result(TIMEOUT)
    assert len(apart.joins) == 5 and steps[3:] == [2, 2, 1]
    assert {name: harness.id_of(name) for name in names} == ids
    again = harness.contents.redo_joins(notice.joins).result(TIMEOUT)
    assert len(again.joins) == 5 and harness.id_of(f"new{ids['p0.png']}.png") == ids["p0.png"]
    latest = harness.contents.undo_latest_joins().result(TIMEOUT)
    assert latest is not None and len(latest.joins) == 5


def test_decisions_about_all_replaced_pictures_can_be_given_up(harness: ContentHarness) -> None:
    for number in range(3):
        with_work(harness, f"p{number}.png")
        save(harness.folder / f"p{number}.png", seed=70 + number, age=30)
    harness.watch()
    ids = harness.contents.replaced_ids()
    assert [harness.index.get(i).path for i in ids] == ["p0.png", "p1.png", "p2.png"]
    told: list[tuple[int, int]] = []
    result = harness.contents.decide(
        ids, LabelDecision.KEEP, lambda *done: told.append(done), lambda: bool(told)
    ).result(TIMEOUT)
    assert result.done == (ids[0],) and told == [(0, 3)]
    harness.settle()
    assert harness.contents.replaced_ids() == ids[1:]
