"""The command line: one JSON object or lines for people, one plain sentence for an error, and the right exit code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.cli.app import app, command_names
from core.cli.terminal import print_result, run
from core.labels.prediction import read_prediction
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Split
from desktop.__main__ import COMMANDS
from tests.external_datasets import FORMS
from tests.factories import label_all, picture, picture_folder, project_in, truth
from tests.mask_datasets import indices, mask_dataset

ROOT = Path(__file__).resolve().parents[3]


def call(*words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "masks"], "Missing argument 'OUT'; see maskloop export --help."),
        (["evaluate", "--split", "best"], "Invalid value for '--split': 'best' is not one of"),
        (["train", "--depth", "9"], "No such option: --depth"),
        (["model"], "Missing command; see maskloop model --help."),
    ],
)
def test_wrong_use_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, words) == 2
    out, errors = capsys.readouterr()
    assert out == "" and errors.startswith(said) and errors.endswith(" --help.\n") and errors.count("\n") == 1


def test_what_works_and_what_fails_keep_their_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, ["--version"]) == 0 and capsys.readouterr().out.startswith("maskloop ")
    assert run(app, ["status", "--project", str(tmp_path)]) == 1
    assert "There is no Maskloop project" in capsys.readouterr().err


def done(*words: object) -> str:
    """Standard output of a command that works and has nothing to complain about."""
    code, out, errors = call(*words)
    assert (code, errors) == (0, "")
    return out


def asked(*words: object) -> Any:
    """The one JSON object that a command prints with --json."""
    out = done(*words, "--json")
    assert out.count("\n") == 1
    assert out.endswith("\n")
    return strictly(out)


def strictly(text: str) -> Any:
    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def refused(*words: object) -> str:
    """The one plain sentence of a command that fails."""
    code, out, errors = call(*words)
    assert (code, out) == (1, "")
    assert errors.count("\n") == 1
    assert errors.rstrip()[-1] in ".}" or "maskloop " in errors
    return errors


def wrong(*words: object) -> str:
    """What a command says that was called wrongly."""
    code, out, errors = call(*words)
    assert (code, out) == (2, "")
    assert "Traceback" not in errors
    return errors


# Making and looking ---------------------------------------------------------------------------------


def test_a_new_project(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    made = asked("init", folder, "--classes", "road, tree,traffic light,")
    assert made == {
        "project": str(folder / HOME_FOLDER),
        "pictures": 3,
        "classes": {"road": 1, "tree": 2, "traffic light": 3},
    }
    assert "already holds a project" in refused("init", folder)
    assert asked("status", "--project", folder)["pictures"] == 3


def test_a_new_project_in_words_and_elsewhere(tmp_path: Path) -> None:
    folder, home = picture_folder(tmp_path / "pictures"), tmp_path / "home"
    out = done("init", folder, "--classes", "a,b", "--project", home)
    assert out == f"3 pictures and 2 classes in {home}.\n"
    assert not (folder / HOME_FOLDER).exists()
    assert asked("status", "--project", home)["classes"] == {
        "a": {"value": 1, "pixels": 0, "pictures": 0},
        "b": {"value": 2, "pixels": 0, "pictures": 0},
    }


def test_folders_without_pictures_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert "There is no folder" in refused("init", tmp_path / "missing")
    assert "no pictures" in refused("init", tmp_path / "empty")
    assert "no pictures" in refused("init", tmp_path / "notes")
    assert "is a file" in refused("init", tmp_path / "a.png")
    assert list(tmp_path.rglob(HOME_FOLDER)) == []


@pytest.mark.parametrize("classes", ["road,Road", "x" * 81, ",".join(map(str, range(255)))])
def test_a_bad_class_list_makes_no_project(classes: str, tmp_path: Path) -> None:
    assert refused("init", picture_folder(tmp_path), "--classes", classes)
    assert not (tmp_path / HOME_FOLDER).exists()


@pytest.mark.parametrize("command", ["status", "train", "predict", "evaluate"])
def test_where_there_is_no_project_none_is_made(command: str, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    for place in (folder, folder / "p0.png", tmp_path / "missing"):
        said = refused(command, "--project", place)
        assert "no Maskloop project" in said
        assert "maskloop init" in said
    assert not (folder / HOME_FOLDER).exists()


def test_status_works_while_somebody_writes_and_in_words(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:2])
        project.pictures.set_split([1], Split.TEST)
        found = asked("status", "--project", tmp_path)
        words = done("status", "--project", tmp_path)
    assert (found["pictures"], found["labelled"], found["edits"], found["splits"]) == (3, 2, 2, {"test": 1})
    half = 2 * 64 * 48
    assert found["classes"]["roof"] == {"value": 2, "pixels": half, "pictures": 2}
    assert "3 pictures: 2 labelled, 0 done" in words
    assert "splits: test 1" in words
    assert "roof" in words
    assert "50.0%" in words


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set")
    with project_in(tmp_path / "pictures"):
        said = refused("import", "masks", dataset, "--into", tmp_path / "pictures")
    assert "already open for writing: a test (process" in said


def test_a_project_from_the_future_is_left_alone(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    raw = sqlite3.connect(tmp_path / HOME_FOLDER / PROJECT_FILE)
    with raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    for words in (("status",), ("train", "--steps", 1), ("export", "masks", tmp_path / "out")):
        assert "newer Maskloop" in refused(*words, "--project", tmp_path)


def test_a_damaged_project_is_named(tmp_path: Path) -> None:
    (tmp_path / HOME_FOLDER).mkdir()
    (tmp_path / HOME_FOLDER / PROJECT_FILE).write_bytes(b"this is not SQLite" * 100)
    assert "is damaged" in refused("status", "--project", tmp_path)


# In and out -----------------------------------------------------------------------------------------


def test_formats_are_listed() -> None:
    assert {"masks", "colour-masks"} <= set(asked("formats"))
    assert "classes.json" in done("formats")


def test_a_dataset_comes_in_and_leaves(tmp_path: Path) -> None:
    dataset, mine, out = mask_dataset(tmp_path / "set"), tmp_path / "mine", tmp_path / "out"
    came = asked("import", "masks", dataset, "--into", mine)
    assert came == {
        "project": str(mine / HOME_FOLDER),
        "format": "masks",
        "pictures": 3,
        "labels": 3,
        "classes": {"sky": 1, "road": 2, "tree": 3},
        "problems": [],
        "skipped": 0,
        "notes": [],
        "unsure": {},
    }
    left = asked("export", "masks", out, "--project", mine, "--split", "train")
    assert left == {
        "out": str(out),
        "pictures": 2,
        "pairs": 2,
        "predictions": 0,
        "problems": [],
        "reused": 0,
        "losses": [],
    }
    with Image.open(out / "masks" / "train" / "a.png") as image:
        shown = np.asarray(image)
    np.testing.assert_array_equal(
        shown, np.vectorize({0: 1, 1: 2, 2: 3, 11: 255}.get)(indices(0)).astype(np.uint8)
    )
    words = done("export", "colour-masks", out, "--project", mine)
    assert words == f"3 pictures, 3 with masks, 0 predictions in {out}.\n"
    with Image.open(out / "masks" / "val" / "c.png") as image:
        assert image.mode == "RGB"


def test_problems_of_an_import_are_listed(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", masks={"val/c": np.full((16, 24), 99, np.uint8)})
    out = done("import", "masks", dataset, "--into", tmp_path / "mine", "--split", "test")
    first, second = out.splitlines()
    assert first == "3 pictures, 2 with labels, 3 classes."
    assert second.startswith("Left out: ")
    assert "index 99" in second
    found = asked("import", "masks", dataset, "--into", tmp_path / "mine")
    assert len(found["problems"]) == 1
    assert asked("status", "--project", tmp_path / "mine")["splits"] == {"test": 3}


def test_a_foreign_dataset_is_recognised_and_looked_at_before_it_comes_in(tmp_path: Path) -> None:
    next(form for form in FORMS if form.format == "coco").write(tmp_path / "set")
    chosen = ("--map", "roof=building", "--map", "everything else=skip", "--map", "street=void")
    words = ("import", "auto", tmp_path / "set", "--into", tmp_path / "mine", *chosen)
    plan = asked(*words, "--dry-run")
    assert (plan["format"], plan["sure"], plan["pictures"], plan["masks"]) == ("coco", 0.94, 1, 1)
    assert plan["classes"] == {"street": "void", "roof": "building", "everything else": "skip"}
    assert plan["new_classes"] == ["building"]
    assert not (tmp_path / "mine").exists()
    told = done(*words, "--dry-run")
    assert told.startswith("coco, 94% sure: ")
    assert "roof                     becomes building (new)" in told
    came = asked(*words)
    assert (came["format"], came["labels"], came["classes"]) == ("coco", 1, {"roof": 2})
    assert "building (known)" in done(*words, "--dry-run")
    assert "1 more were in already, unchanged." in done(*words)
    assert "--map takes OLD=NEW" in wrong("import", "auto", tmp_path / "set", "--map", "roof")
    assert "no class “sky”" in refused(*words, "--map", "sky=void")


def test_what_is_no_dataset_is_refused_and_nothing_made(tmp_path: Path) -> None:
    broken = mask_dataset(tmp_path / "broken")
    (broken / "classes.json").write_text("{")
    assert "classes.json cannot be understood" in refused("import", "masks", broken, "--into", tmp_path / "a")
    unnamed = mask_dataset(tmp_path / "unnamed", classes=None)
    assert "classes.json is missing" in refused("import", "masks", unnamed, "--into", tmp_path / "a")
    assert "There is no folder" in refused("import", "masks", tmp_path / "no", "--into", tmp_path / "a")
    assert "does not contain the folders" in refused("import", "masks", tmp_path, "--into", tmp_path / "a")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    good = mask_dataset(tmp_path / "good")
    assert "cannot be made" in refused("import", "masks", good, "--into", tmp_path / "file")


def test_an_export_says_beforehand_what_it_would_write_and_lose(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    done("import", "masks", mask_dataset(tmp_path / "set"), "--into", mine)
    words = ("export", "coco", out, "--project", mine, "--tile", 16)
    plan = asked(*words, "--dry-run")
    assert (plan["pictures"], plan["pieces"], plan["labels"], plan["predictions"]) == (3, 6, 3, 0)
    assert plan["splits"] == {"train": 2, "val": 1}
    assert set(plan["pixels"]) == {"sky", "road", "tree", "void"}
    assert "void pixels are left out" in plan["losses"][0]
    told = done(*words, "--dry-run")
    assert told.startswith(
        "3 pictures as 6 tiles or less (train 2, val 1), 3 with labels, 0 with predictions"
    )
    assert "Would be lost: " in told
    assert not out.exists()
    assert "Lost: " in done(*words)
    assert len(list((out / "images" / "train").iterdir())) == 4
    named = tmp_path / "named"
    done("export", "masks", named, "--project", mine, "--names", "{index:03}", "--lists", "--longest", 48)
    assert {p.name for p in (named / "masks").iterdir()} == {"000.png", "001.png", "002.png"}
    assert "leave out --lists" in wrong("export", "coco", out, "--project", mine, "--lists")


def test_formats_say_who_reads_them(tmp_path: Path) -> None:
    table = asked("formats")
    assert table["coco"]["directions"] == "in, out"
    assert table["geotiff"]["directions"] == "out"
    assert table["oxford-pet"]["directions"] == "in"
    assert "pycocotools" in table["coco"]["read_back_by"]
    assert "Void" in table["yolo-seg"]["cannot_hold"]


def test_an_export_onto_other_things_is_refused(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures") as project:
        label_all(project, project.pictures.all())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    assert "not empty" in refused("export", "masks", tmp_path / "out", "--project", tmp_path / "pictures")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]
    assert "of the project" in refused(
        "export", "masks", tmp_path / "pictures" / "out", "--project", tmp_path / "pictures"
    )
    assert "nothing to export" in refused(
        "export", "masks", tmp_path / "new", "--project", tmp_path / "pictures", "--only-done"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Usage"),
        (("import",), "FORMAT"),
        (("import", "colour-masks", "SRC"), "“maskloop formats” lists"),
        (("import", "floppy", "SRC"), "“maskloop formats” lists"),
        (("export", "floppy", "OUT"), "“maskloop formats” lists"),
        (("export", "masks", "OUT", "--what", "everything"), "--what takes"),
        (("export", "masks", "OUT", "--split", "everything"), "everything"),
        (("status", "--colour"), "--colour"),
        (("evaluate", "--run", "first"), "--run"),
        (("predict", "--device", "gpu"), "choose auto, cpu, cuda"),
        (("predict", "--tta", "twice"), "choose one of none, flip"),
        (("train", "--strategy", "fsdp"), "choose auto or ddp"),
    ],
)
def test_wrong_use_is_exit_code_two(words: tuple[str, ...], said: str) -> None:
    assert said in wrong(*words)


# Learning -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Torch's threads wait for each other busily: where others want the cores too, two are three times slower."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture(scope="module")
def trained(one_core: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A project of six pictures, four labelled, with one run of two steps."""
    folder = tmp_path_factory.mktemp("trained")
    with project_in(folder, count=6) as project:
        label_all(project, project.pictures.all()[:4])
    return folder, asked("train", "--project", folder, "--steps", 2, "--size", 64, "--device", "cpu")


def test_a_training_says_what_came_of_it(trained: tuple[Path, Any]) -> None:
    folder, said = trained
    assert (said["run"], said["state"], said["device"], said["steps"]) == (1, "finished", "cpu", 2)
    assert (said["pictures"], said["published"] > 0, said["problems"]) == (4, True, [])
    assert 0 <= said["best_miou"] <= 1
    assert {p.name for p in Path(said["folder"]).iterdir()} >= {"model.safetensors", "run.json"}
    run = asked("status", "--project", folder)["runs"][-1]
    assert (run["run"], run["best_miou"]) == (1, said["best_miou"])
    assert "run 1: finished, mIoU" in done("status", "--project", folder)


def test_predictions_land_in_the_project(trained: tuple[Path, Any]) -> None:
    folder, _ = trained
    said = asked("predict", "--project", folder)
    assert (said["run"], said["pictures"], said["problems"]) == (1, 2, [])
    assert 0 < said["mean_confidence"] <= 1
    with Project.open_read_only(folder) as project:
        assert project.runs.prediction_runs() == {5: 1, 6: 1}
        mask = read_prediction(project.prediction_path(5))
    assert mask.values.shape == (64, 96)
    assert set(np.unique(mask.values)) <= {1, 2}
    assert (
        asked("predict", "--project", folder, "--images", "val", "--run", 1, "--tta", "all")["pictures"] == 1
    )


def test_a_score_counts_every_labelled_pixel_once(trained: tuple[Path, Any]) -> None:
    folder, _ = trained
    with changed(folder / "p0.png"):
        said = asked("evaluate", "--project", folder, "--split", "train", "--device", "cpu")
    assert (said["run"], said["split"], said["pictures"]) == (1, "train", 2)
    assert len(said["problems"]) == 1
    assert "p0.png is no longer of the size" in said["problems"][0]
    assert said["classes"] == ["grass", "roof"]
    matrix = np.array(said["confusion"])
    np.testing.assert_array_equal(matrix.sum(1), [2 * np.count_nonzero(truth() == v) for v in (1, 2)])
    hits = np.diag(matrix)
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    assert said["per_class"] == {"grass": pytest.approx(iou[0]), "roof": pytest.approx(iou[1])}
    assert said["miou"] == pytest.approx(iou.mean())
    assert said["pixel_accuracy"] == pytest.approx(hits.sum() / matrix.sum())
    assert "Run 1 on 1 pictures of val: mIoU" in done("evaluate", "--project", folder)
    with changed(folder / "p2.png"):
        assert "no longer of the size" in refused("evaluate", "--project", folder)


@contextlib.contextmanager
def changed(place: Path) -> Iterator[None]:
    """Another picture, of another size, lies there for a while."""
    original = place.read_bytes()
    Image.fromarray(picture(48, 32)).save(place)
    yield
    place.write_bytes(original)


def test_what_cannot_be_learned_or_scored_is_said(trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = trained
    assert "split “test”" in refused("evaluate", "--project", folder, "--split", "test")
    assert "no run 77" in refused("evaluate", "--project", folder, "--run", 77)
    assert "no run 77" in refused("train", "--project", folder, "--resume", 77, "--steps", 1)
    assert "device “cuda:99”" in refused("predict", "--project", folder, "--device", "cuda:99")
    assert "size 100" in refused("train", "--project", folder, "--size", 100, "--steps", 1)
    assert "budget" in refused("train", "--project", folder, "--steps", 0)
    assert "loss" in wrong("train", "--project", folder, "--loss", "mean", "--steps", 1)
    fresh = tmp_path / "fresh"
    project_in(fresh, classes=("one",)).close()
    assert "two classes" in refused("train", "--project", fresh, "--steps", 1)
    assert "no trained weights" in refused("predict", "--project", fresh)
    assert "no trained weights" in refused("evaluate", "--project", fresh)
    assert asked("status", "--project", folder)["runs"][0]["run"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--steps", 1, "--minutes", 1),
        ("train", "--weights", "coco"),
        ("train", "--resume", 1, "--arch", "unet"),
        ("train", "--device", "cuda:1", "--devices", 2),
        ("predict", "--images", "some"),
    ],
)
def test_wrong_use_of_learning_is_exit_code_two(words: tuple[object, ...], trained: tuple[Path, Any]) -> None:
    said = wrong(*words, "--project", trained[0])
    assert said.startswith(("--", "Give one budget"))
    assert said.count("\n") == 1


# What every command shares --------------------------------------------------------------------------


def test_a_score_that_does_not_exist_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"miou": float("nan"), "per_class": {"a": [1.0, float("inf")]}}, True, [])
    assert strictly(capsys.readouterr().out) == {"miou": None, "per_class": {"a": [1.0, None]}}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_class_name_can_be_printed_anywhere(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for as_json in (True, False):
        pipe = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, encoding))
        print_result({"Straße 图": "😀 \udcff"}, as_json, ["Straße 图 😀 \udcff"])
        sys.stdout.flush()
        text = pipe.getvalue().decode(encoding)
        if as_json:
            (name,) = strictly(text)
            assert name == "Straße 图"
        else:
            assert text.startswith("Stra")
            assert text.endswith("\n")


def test_every_command_explains_itself() -> None:
    for name in sorted(command_names()):
        code, out, errors = call(name, "--help")
        assert (code, errors) == (0, "")
        assert f"Usage: maskloop {name}" in out


def test_the_program_starts_and_lists_its_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("init", "import", "export", "train", "predict", "evaluate", "status", "demo"):
        assert f"  {name} " in done.stdout


def test_the_words_known_beforehand_are_those_of_the_commands() -> None:
    import desktop.cli_commands  # noqa: F401  (adds the two that need a window)

    assert command_names() == COMMANDS
