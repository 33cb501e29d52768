"""Links among the pictures of a project: nothing that reads or writes pictures follows one out of the folder."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from core.base.errors import ImageError
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.integrity.check import check_project
from core.project.project import HOME_FOLDER, Project
from core.project.records import Split
from core.session.dataset.fingerprint_cache import read_fingerprints
from core.session.models.augmentation_previewer import AugmentationPreviewer
from core.session.models.model_exporter import make_export_job
from core.session.picture_index import PictureIndex
from core.session.session import Session
from core.session.training.snapshot_builder import initial_spec, update_snapshot
from core.session.transfer.drop import PASTED_FOLDER, DropPlan, copy_dropped, store_pasted
from core.training.data.snapshot import TrainingSnapshot
from core.training.recipe import default_recipe
from tests.command_line import json_of, run_command
from tests.core.project.faults import unix
from tests.factories import label_all, picture, picture_folder, project_in
from tests.mask_datasets import mask_dataset

pytestmark = unix

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The pictures of a project that is labelled and trained; p1.png is a link to a private picture."""
    folder = tmp_path / "pictures"
    with project_in(folder, 4) as project:
        label_all(project, project.pictures.all())
        run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
        save_checkpoint(project.run_folder(run.id), build_network(SPEC), SPEC, {})
        project.runs.update(run.id, published=1)
    picture_folder(tmp_path / "private", 1)
    (folder / "p1.png").unlink()
    (folder / "p1.png").symlink_to(tmp_path / "private" / "p0.png")
    return folder


def said_of(folder: Path) -> str:
    return f"“{folder / 'p1.png'}” is a link to “{folder.parent / 'private' / 'p0.png'}”, outside the folder"


def test_picture_path_is_refused_for_links_that_lead_out(planted: Path) -> None:
    (planted / "inside.png").symlink_to("p0.png")
    (planted / "album").symlink_to(planted.parent / "private")
    os.mkfifo(planted / "pipe.png")
    with Project.open_read_only(planted) as project:
        assert project.picture_path("p0.png").is_file()
        assert project.picture_path("inside.png").is_file()
        assert not project.picture_path("not-there.png").exists()
        for path, reason in (
            ("p1.png", "outside the folder"),
            ("album/p0.png", "outside the folder"),
            ("pipe.png", "is a pipe"),
            ("../private/p0.png", "outside its folder"),
            ("p0\0.png", "cannot be the name of a file"),
        ):
            with pytest.raises(ImageError, match=reason):
                project.picture_path(path)


def test_a_folder_that_is_a_link_itself_works(planted: Path) -> None:
    """The person chose it: only links within it are bounded."""
    linked = planted.parent / "linked"
    linked.symlink_to(planted)
    with Project.open(linked) as project:
        assert project.picture_path("p0.png").is_file()
        with pytest.raises(ImageError, match="outside the folder"):
            project.picture_path("p1.png")


def test_a_project_in_its_folder_of_pictures_has_its_pictures_there(planted: Path) -> None:
    """A planted project file may name any other folder."""
    with Project.open(planted) as project:
        project.set_fact("pictures", "../../private")
    with Project.open_read_only(planted) as project:
        assert project.folder == planted
    with Project.open_read_only(planted / HOME_FOLDER) as project:  # named: it says where its pictures are
        assert project.folder == planted.parent / "private"


@pytest.mark.parametrize(
    "command", [("export", "masks", "OUT", "--project"), ("predict", "--images", "all", "--project")]
)
def test_commands_leave_the_picture_out_and_say_so(planted: Path, command: tuple[str, ...]) -> None:
    words = [str(planted.parent / "out") if word == "OUT" else word for word in command]
    answer = json_of(*words, planted)
    assert answer["pictures"] == 3
    assert [problem for problem in answer["problems"] if said_of(planted) in problem], answer
    assert not list((planted.parent).glob("out/**/p1*"))


def test_training_and_evaluation_leave_the_picture_out(planted: Path) -> None:
    with Project.open(planted) as project:
        project.pictures.set_split([record.id for record in project.pictures.all()], Split.VAL)
        records = project.pictures.all()
        snapshot = TrainingSnapshot.create(project.cache_folder / "snapshot", SPEC, default_recipe("cpu"))
        (problem,) = update_snapshot(project, snapshot, records)
        assert said_of(planted) in problem
        assert set(snapshot.entries()) == {1, 3, 4}
    answer = json_of("evaluate", "--split", "val", "--device", "cpu", "--project", planted)
    assert answer["pictures"] == 3
    assert [said_of(planted) in problem for problem in answer["problems"]] == [True]


def test_check_reports_the_picture(planted: Path) -> None:
    with Project.open(planted) as project:
        found = [finding.sentence for finding in check_project(project) if finding.picture_id == 2]
    assert len(found) == 1
    assert said_of(planted) in found[0]


def test_the_window_shows_the_sentence(planted: Path) -> None:
    """Picture, thumbnail and review preview."""
    session = Session.open(planted, None, lambda _: None)
    try:
        for future in (
            session.loader.load(2),
            session.loader.thumbnail(2, 64),
            session.review.preview(2, 64),
        ):
            with pytest.raises(ImageError, match="outside the folder"):
                future.result(30)
        assert session.loader.thumbnail(1, 64).result(30).shape[2] == 3
    finally:
        session.close()


def test_what_reads_many_pictures_goes_on_without_it(planted: Path) -> None:
    with Project.open(planted) as project:
        records = project.pictures.all()
        assert initial_spec(project, records[1:], "cpu").channels == 3
        _, unreadable = read_fingerprints(project, records, lambda *_: None, lambda: False)
        assert unreadable == [2]
        job = make_export_job(project, planted.parent / "net.onnx")
        assert planted / "p1.png" not in job.pictures
        previewer = AugmentationPreviewer(PictureIndex(records), project.picture_path)
        try:
            shown = previewer.request(default_recipe("cpu"), 64, 0).result(240)
        finally:
            previewer.close()
        assert len(shown.pictures) == 3


def test_nothing_is_written_through_a_link(planted: Path) -> None:
    outside = planted.parent / "private"
    before = {path: path.read_bytes() for path in outside.iterdir()}
    for name in ("train", "album", PASTED_FOLDER):
        (planted / name).symlink_to(outside)
    dataset = mask_dataset(planted.parent / "dataset")
    code, out, errors = run_command("import", "auto", dataset, "--into", planted)
    assert "outside the folder" in out + errors, (code, out, errors)
    plan = DropPlan(planted, ((planted / "p0.png", "album/new.png"),), (), 0, 1)
    with pytest.raises(ImageError, match="outside the folder"):
        copy_dropped(plan, lambda *_: None, lambda: False)
    with pytest.raises(ImageError, match="outside the folder"):
        store_pasted(planted, picture(), datetime(2026, 1, 1))
    assert {path: path.read_bytes() for path in outside.iterdir()} == before
