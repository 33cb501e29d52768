"""The commands runs, runs show and runs compare, on real projects, networks and evaluations."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.evaluation.evaluation import class_differences
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.kept.evaluation_task import find_kept
from core.labels.confusion_scores import class_iou
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import WEIGHTS_FILE, ModelSpec
from core.project.project import Project
from core.project.records import Measurement, Split
from core.project.run_labels import RunLabels
from core.training.recipe import Recipe
from tests.command_line import error_of, json_of, output_of, usage_error_of
from tests.factories import label_all, project_in

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three labelled val pictures; runs 1 and 2 have weights and differ in the optimizer, run 3 kept nothing."""
    folder = tmp_path_factory.mktemp("runs") / "pictures"
    with project_in(folder) as opened:
        label_all(opened, opened.pictures.all())
        opened.pictures.set_split([record.id for record in opened.pictures.all()], Split.VAL)
        for number, miou in ((1, 0.5), (2, 0.75), (3, None)):
            recipe = Recipe(optimizer="sgd") if number == 1 else Recipe()
            run = opened.runs.start(json.dumps(SPEC.to_json()), json.dumps(recipe.to_json()), None, 3).id
            opened.runs.set_labels(run, RunLabels.of(opened.pictures.labelled()))
            opened.runs.update(run, device="cpu")
            if miou is not None:
                torch.manual_seed(number)
                save_checkpoint(opened.run_folder(run), build_network(SPEC).eval(), SPEC, {})
                opened.runs.update(run, published=2, best_miou=miou)
                opened.runs.add_measurements(points(run, miou))
            opened.runs.end(run, "finished")
        opened.runs.use(1)
        opened.runs.set_starred([2], True)
        opened.runs.set_tags(2, ["paper", "final"])
        opened.runs.set_note(2, "lower rate")
    return folder


def points(run: int, miou: float) -> list[Measurement]:
    """Two evaluations, the first of which was published, the second with a higher Dice; and one second of loss."""
    found = []
    for step, score in ((10, miou), (20, 0.99)):
        row = step, step * run, 3
        found += [Measurement(run, "dice", None, *row, score), Measurement(run, "miou", None, *row, score)]
        found += [Measurement(run, "iou", value, *row, score / value) for value in (1, 2)]
    return [*found, Measurement(run, "checkpoint", None, 10, 10.0 * run, 3, 1)]


def test_runs_are_listed_and_sorted(project: Path) -> None:
    found = json_of("runs", "--project", project)
    assert [run["run"] for run in found["runs"]] == [3, 2, 1]
    second = found["runs"][1]
    assert second["scores"]["miou"] == second["scores"]["dice"] == 0.75, "of the weights that were kept"
    assert second["scores"]["precision"] is None
    assert (second["seconds"], second["val_pixels"], second["train_pixels"]) == (40, 3 * 96 * 64, 0)
    assert (second["starred"], second["tags"], second["note"]) == (True, ["final", "paper"], "lower rate")
    assert [run["in_use"] for run in found["runs"]] == [False, False, True]
    assert found["runs"][0]["scores"]["miou"] is None
    by_result = json_of("runs", "--project", project, "--sort", "result", "--metric", "dice")
    assert [run["run"] for run in by_result["runs"]] == [2, 1, 3], "unknown ones come last"
    turned = json_of("runs", "--project", project, "--sort", "result", "--reverse")
    assert [run["run"] for run in turned["runs"]] == [1, 2, 3]
    text = output_of("runs", "--project", project, "--metric", "dice").splitlines()
    assert "Dice" in text[0]
    assert text[2].startswith("2★") and "0.750" in text[2] and "18.4 k" in text[2]
    assert text[2].endswith("final, paper  lower rate")
    assert text[3].startswith("1*")


def test_the_table_is_written_whole(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    output_of("runs", "--project", project, "--csv", file)
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert [row["run"] for row in rows] == ["3", "2", "1"]
    assert (rows[1]["dice"], rows[1]["tags"], rows[1]["starred"]) == ("0.75", "final; paper", "1")
    assert rows[0]["miou"] == ""
    assert "not the name of a CSV file" in error_of(
        "runs", "--project", project, "--csv", tmp_path / "runs.txt"
    )
    assert "There is no folder" in error_of(
        "runs", "--project", project, "--csv", tmp_path / "no" / "runs.csv"
    )


def test_a_run_is_shown_with_its_labels_and_classes(project: Path) -> None:
    found = json_of("runs", "show", 2, "--project", project)
    assert found["class_iou"] == {"grass": 0.75, "roof": 0.375}
    assert found["labels"][1] == {"picture": "p1.png", "split": "val", "pixels": 6144, "pixels_now": 6144}
    assert found["settings"]["optimizer"] == "adamw"
    text = output_of("runs", "show", 2, "--project", project)
    assert "p2.png  val  6,144" in text
    assert (
        "Result on val: mIoU 0.750, Dice 0.750." in " ".join(sorted(text.splitlines()))
        or "Dice 0.750" in text
    )
    assert "It has no result on val." in output_of("runs", "show", 3, "--project", project)
    assert "There is no run 9" in error_of("runs", "show", 9, "--project", project)


def test_runs_are_compared_and_evaluated_on_demand(project: Path) -> None:
    found = json_of("runs", "compare", 1, 2, "--project", project)
    assert not found["evaluated"]
    assert found["missing"] == {"1": "", "2": ""}
    assert found["settings"]["optimizer"] == ["sgd", "adamw"]
    assert "loss" not in found["settings"]
    assert found["classes"]["roof"]["iou"] == [0.25, 0.375]
    assert found["classes"]["roof"]["differences"] == [{"change": 0.125, "interval": None}]
    assert found["miou_differences"][0]["change"] == 0.25
    text = output_of("runs", "compare", 1, 2, "--project", project)
    assert "Runs 1, 2 are not evaluated on val" in text

    made = json_of("runs", "compare", 1, 2, "--project", project, "--evaluate", "--device", "cpu")
    assert (made["evaluated"], made["pictures"], made["missing"]) == (True, 3, {})
    with Project.open_read_only(project) as opened:
        one, two = (find_kept(opened, EvaluationJob(opened.home, run)) for run in (1, 2))
    assert one is not None
    assert two is not None
    for row, name in enumerate(("grass", "roof")):
        scores = [class_iou(each.confusion)[row] for each in (one, two)]
        assert made["classes"][name]["iou"] == pytest.approx(scores)
        (difference,) = made["classes"][name]["differences"]
        assert difference["change"] == pytest.approx(scores[1] - scores[0])
        np.testing.assert_allclose(difference["interval"], class_differences(one, two)[row])
    again = json_of("runs", "compare", 2, 1, 2, "--project", project)
    assert again["runs"] == [2, 1], "the kept evaluations are taken"
    assert again["miou_differences"][0]["change"] == pytest.approx(-made["miou_differences"][0]["change"])


def test_what_cannot_be_compared_is_said(project: Path) -> None:
    assert "two or more" in usage_error_of("runs", "compare", 1, 1, "--project", project)
    assert "There is no run 7" in error_of("runs", "compare", 1, 7, "--project", project)
    text = output_of("runs", "compare", 1, 3, "--project", project)
    assert "Run 3 has no weights of its own" in text
    assert "Give the options after “show”" in usage_error_of("runs", "--metric", "dice", "show", 1)
    assert "choose one of miou" in usage_error_of("runs", "--metric", "accuracy")
    assert "choose one of run" in usage_error_of("runs", "--sort", "colour")
    weights = project / ".maskloop" / "models" / "2" / WEIGHTS_FILE
    content = weights.read_bytes()
    weights.unlink()
    gone = json_of("runs", "compare", 1, 2, "--project", project)
    assert "The weights of run 2 are gone" in gone["missing"]["2"]
    weights.write_bytes(content)


def test_a_project_without_runs(tmp_path: Path) -> None:
    project_in(tmp_path / "pictures").close()
    assert output_of("runs", "--project", tmp_path / "pictures") == "There are no runs yet.\n"
    assert json_of("runs", "--project", tmp_path / "pictures")["runs"] == []
