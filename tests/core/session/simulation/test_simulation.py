"""Tests of maskloop simulate: it labels in its own project, and the source project does not change."""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.geometry import Box
from core.evaluation.annotator.planned_edit import ALL_TOOLS, AnnotationTool, seconds_of
from core.evaluation.annotator.time_model import AnnotatorModel
from core.evaluation.annotator.tool_choice import plan_edits
from core.labels.label_map import LabelMap, Origin
from core.labels.prediction import PredictedMask
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Split, Status
from core.project.row_changes import RowChange
from core.session.session import Session
from core.session.simulation.acquisition_order import AcquisitionOrder
from core.session.simulation.annotator_work import AnnotatorWork
from core.session.simulation.live_answers import LiveAnswers
from core.session.simulation.setup import make_simulation_project, split_for_simulation
from core.session.simulation.simulation import Simulation, SimulationOptions
from core.session.training.next_run import FACT, NextRun
from core.session.training.training_state import TrainingPreferences
from tests.command_line import error_of, json_of, run_command, usage_error_of
from tests.factories import label_all, predict, project_in, truth


def source_in(folder: Path, count: int = 7, validation: int = 2) -> Path:
    """A closed project of pictures that all carry their truth: the first ones val, the others train."""
    with project_in(folder, count=count) as project:
        records = project.pictures.all()
        label_all(project, records)
        ids = [r.id for r in records]
        project.pictures.set_split(ids[:validation], Split.VAL)
        project.pictures.set_split(ids[validation:], Split.TRAIN)
        project.set_fact(FACT, NextRun(size=64, choices={"threads": "1"}).to_json())
    return folder


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / HOME_FOLDER / PROJECT_FILE).read_bytes()).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Project]:
    with Project.open_read_only(source_in(tmp_path / "pictures")) as project:
        yield project


def test_it_paints_then_corrects_in_undoable_strokes(source: Project, tmp_path: Path) -> None:
    """With the real trainer: two pictures from blank, then one that the network has predicted meanwhile."""
    before = digest(source.folder)
    split = split_for_simulation(source)
    target = make_simulation_project(source, tmp_path / "simulation", split, 0)
    options = SimulationOptions(pace=100.0, device="cpu")
    with closing(Simulation(source, target, options)) as simulation:
        simulation.label_next()
        simulation.label_next()
        assert all(
            w.iou is None and w.from_blank and w.share == 1.0 and w.strokes == w.blank_strokes
            for w in simulation.efforts
        )
        path = target.prediction_path(5)
        end = time.monotonic() + 200
        while not path.exists():
            assert time.monotonic() < end, "waited in vain for a prediction"
            time.sleep(0.05)
        simulation.label_next()
    last = simulation.efforts[-1]
    assert last.name == "p4.png" and last.confidence is not None and last.iou is not None
    assert 0 <= last.pixels < 96 * 64 and last.seconds - last.waited <= last.blank_seconds
    assert sum(last.tools.values()) == pytest.approx(last.seconds - last.waited)
    assert sum(last.blank_tools.values()) == pytest.approx(last.blank_seconds)
    assert last.miou is not None and last.labelled_share == pytest.approx(3 / 5)
    assert last.at == pytest.approx(sum(w.seconds for w in simulation.efforts))

    with Project.open(target.home) as kept:
        assert kept.folder == source.folder
        assert kept.classes.read() == source.classes.read()
        records = {r.name: r for r in kept.pictures.all()}
        assert [r.status for r in records.values()] == [Status.DONE] * 5 + [Status.NEW] * 2
        for name in ("p2.png", "p3.png"):
            wrong = kept.labels.read(records[name].id, 96, 64) != truth()
            assert not wrong[:, :46].any() and not wrong[:, 50:].any()
        # What was predicted well is accepted; the rest is painted and comes from nobody else.
        corrected = records["p4.png"].id
        wrong_pixels = kept.labels.read(corrected, 96, 64) != truth()
        assert not wrong_pixels[:, :46].any() and not wrong_pixels[:, 50:].any()
        edits = kept.journal.history(corrected)
        strokes = [e for e in edits if e.origin is Origin.PAINTED and e.tool in list(AnnotationTool)]
        assert len(strokes) <= last.strokes and sum(e.pixels for e in strokes) == last.pixels
        # Verdicts on regions take time; what is left is accepted by a key of the final check.
        accepted = [(e.tool, not e.seconds) for e in edits if e.origin is Origin.ACCEPTED]
        assert accepted[-1:] == ([] if last.from_blank else [("accept", True)])
        assert all(each == ("accept", False) for each in accepted[:-1])
        painted = kept.journal.history(records["p2.png"].id)
        first = simulation.efforts[0]
        assert sum(e.seconds for e in painted) == pytest.approx(first.seconds - 0.4)
        while kept.journal.undo(records["p2.png"].id) is not None:
            pass
        assert not kept.labels.read(records["p2.png"].id, 96, 64).any()
    assert digest(source.folder) == before


def test_validation_pictures_are_never_labelled(source: Project, tmp_path: Path) -> None:
    split = split_for_simulation(source)
    assert [r.name for r in split.validation] == ["p0.png", "p1.png"]
    assert [r.name for r in split.train] == [f"p{n}.png" for n in range(2, 7)]
    with make_simulation_project(source, tmp_path / "simulation", split, 5) as target:
        for record in target.pictures.all():
            validation = record.name in ("p0.png", "p1.png")
            assert record.split == (Split.VAL if validation else Split.TRAIN)
            assert record.is_labelled == validation
        np.testing.assert_array_equal(target.labels.read(1, 96, 64), truth())
        options = NextRun.from_json(target.fact(FACT))
        assert options.size == 64 and options.choices == {"seed": "5", "threads": "1"}


def test_without_val_a_fifth_validates_in_whole_groups(tmp_path: Path) -> None:
    with project_in(tmp_path / "alone", count=10) as project:
        records = project.pictures.all()
        label_all(project, records)
        project.pictures.set_split([1], Split.TEST)
        project.pictures.set_status([2], Status.SKIPPED)
        split = split_for_simulation(project)
        assert {r.id for r in (*split.train, *split.validation)} == set(range(3, 11))
        assert 1 <= len(split.validation) <= 3
        assert split_for_simulation(project) == split
        for record in records:
            project.journal.change_rows(
                record.id,
                "Tag",
                "mark",
                [RowChange("picture_tags", f"{record.id}:group:{record.id % 4}", {})],
            )
        grouped = split_for_simulation(project)
        assert {r.id % 4 for r in grouped.validation}.isdisjoint({r.id % 4 for r in grouped.train})
        assert {r.id % 4 for r in (*grouped.train, *grouped.validation)} == {0, 1, 2, 3}


def test_command_prints_a_table_json_and_csv(tmp_path: Path) -> None:
    folder = source_in(tmp_path / "pictures")
    before = digest(folder)
    rows = tmp_path / "rows.csv"
    words = ("simulate", "--project", folder, "--pace", 1000, "--device", "cpu", "--order", "random")
    result = json_of(*words, "--seed", 3, "--pictures", 4, "--csv", rows, "--into", tmp_path / "simulation")
    assert (result["pictures"], result["held_out"], result["order"], result["seed"]) == (4, 2, "random", 3)
    names = [row["name"] for row in result["by_picture"]]
    assert len(set(names)) == 4 and names != sorted(names) and {"p0.png", "p1.png"}.isdisjoint(names)
    assert result["share"] == result["share_last_quarter"] == 1.0  # far too quick for any prediction
    assert result["miou"] is None and result["kept_in"] == str(tmp_path / "simulation")
    with rows.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["name"] for row in written] == names
    assert [float(row["seconds"]) for row in written] == [row["seconds"] for row in result["by_picture"]]
    with Project.open(folder):  # a window may be open on it
        again = json_of(*words, "--seed", 3, "--pictures", 4)
    assert [(r["name"], r["strokes"], r["seconds"]) for r in again["by_picture"]] == [
        (r["name"], r["strokes"], r["seconds"]) for r in result["by_picture"]
    ]
    assert again["kept_in"] is None

    code, out, errors = run_command(*words, "--minutes", 0.001)
    assert (code, errors) == (0, "")
    assert out.startswith("picture ") and "1 picture took 2 simulated seconds" in out
    assert digest(folder) == before


def test_impossible_simulations_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with project_in(tmp_path / "blank", count=3):
        pass
    assert "has a label" in error_of("simulate", "--project", tmp_path / "blank")
    with project_in(tmp_path / "lone", count=3, classes=("grass",)):
        pass
    assert "at least two classes" in error_of("simulate", "--project", tmp_path / "lone")
    few = source_in(tmp_path / "few", count=3, validation=2)
    assert "there are 1 and 2" in error_of("simulate", "--project", few)
    with project_in(tmp_path / "same", count=4) as project:
        for record in project.pictures.all():
            labels = LabelMap.blank(96, 64)
            labels.begin_edit("Label", "test", 1)
            labels.put_values(Box(0, 0, 96, 64), np.ones((64, 96), np.uint8))
            edit = labels.finish_edit()
            assert edit is not None
            project.journal.commit(record.id, edit)
    assert "fewer than two classes" in error_of("simulate", "--project", tmp_path / "same")
    folder = source_in(tmp_path / "pictures")
    assert "already holds a project" in error_of("simulate", "--project", folder, "--into", few / HOME_FOLDER)
    assert "is inside the project" in error_of(
        "simulate", "--project", folder, "--into", folder / "simulation"
    )
    assert not (folder / "simulation").exists()
    assert "above 0" in usage_error_of("simulate", "--project", folder, "--pace", 0)
    (folder / "p3.png").unlink()
    assert "p3.png is not in" in error_of("simulate", "--project", folder)
    assert "no Maskloop project" in error_of("simulate", "--project", tmp_path)
    assert "no folder" in error_of("simulate", "--project", folder, "--csv", tmp_path / "no" / "rows.csv")


def test_several_seeds_and_two_orders_are_compared(tmp_path: Path) -> None:
    folder = source_in(tmp_path / "pictures", count=5)
    rows, plot = tmp_path / "rows.csv", tmp_path / "shares.html"
    words = ("simulate", "--project", folder, "--pace", 1000, "--device", "cpu", "--pictures", 2)
    orders = (*words, "--order", "queue", "--compare", "random", "--seeds", "4,1")
    result = json_of(
        *orders,
        "--tools",
        "brush",
        "--least-error",
        4,
        "--csv",
        rows,
        "--plot",
        plot,
        "--into",
        tmp_path / "kept",
    )
    runs = [(run["order"], run["seed"]) for run in result["runs"]]
    assert runs == [("queue", 4), ("random", 4), ("queue", 1), ("random", 1)]
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "queue-seed-1", "queue-seed-4", "random-seed-1", "random-seed-4"
    ]  # fmt: skip
    # Without a prediction the queue starts as the random order does.
    first, second = ([row["name"] for row in run["by_picture"]] for run in result["runs"][:2])
    assert first == second
    assert result["paired_differences"]["share"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "seeds": 2}
    assert result["means"]["queue"]["share"]["mean"] == 1.0 and result["means"]["queue"]["miou"] is None
    assert (result["tools_available"], result["tolerance"], result["live"]) == ("brush", 2.0, "off")
    assert result["least_error"] == 4
    with rows.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["run"] for row in written[::2]] == [f"{order}, seed {seed}" for order, seed in runs]
    assert all(float(row["brush_s"]) > 0 and float(row["fill_s"]) == 0 for row in written)
    page = plot.read_text("utf-8")
    assert "random, seed 1" in page and page.count("<polyline") == 5  # and that of painting from blank

    code, out, errors = run_command(*orders, "--plot", tmp_path / "shares.svg")
    assert (code, errors) == (0, "")
    assert "mean over seeds" in out and "queue - random" in out and "Order random, seed 1:" in out
    assert (tmp_path / "shares.svg").read_text("utf-8").startswith("<svg")
    assert "such as 0,1,2" in usage_error_of(*words, "--seeds", "1;2")
    assert ".svg or .html" in usage_error_of(*words, "--plot", tmp_path / "shares.png")


def test_the_seed_of_the_simulation_takes_the_place_of_a_chosen_one(tmp_path: Path) -> None:
    folder = source_in(tmp_path / "pictures")
    with Project.open(folder) as project:
        project.set_fact(FACT, NextRun(choices={"threads": "1", "seed": "7"}).to_json())
    with Project.open_read_only(folder) as source:
        split = split_for_simulation(source)
        with closing(make_simulation_project(source, tmp_path / "simulation", split, 2)) as made:
            assert NextRun.from_json(made.fact(FACT)).choices == {"threads": "1", "seed": "2"}


def test_with_and_without_live_prediction_are_compared(tmp_path: Path) -> None:
    folder = source_in(tmp_path / "pictures", count=4)
    words = ("simulate", "--project", folder, "--pace", 1000, "--device", "cpu", "--pictures", 1)
    result = json_of(*words, "--live", "both", "--into", tmp_path / "kept")
    assert [(run["order"], run["live"]) for run in result["runs"]] == [("name", "on"), ("name", "off")]
    assert (
        list(result["means"]) == ["name, live on", "name, live off"] and result["paired_differences"]["share"]
    )
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "name-live-off-seed-0", "name-live-on-seed-0"
    ]  # fmt: skip


def test_live_prediction_takes_the_place_of_what_is_not_painted(tmp_path: Path) -> None:
    """The real live process: eight discs of two kinds on the ground; after the first edits it predicts the others."""
    with project_in(tmp_path / "pictures", classes=("ground", "roof")) as project:
        record = project.pictures.all()[0]
        with closing(
            Session(project, lambda _: None, lambda _: None, TrainingPreferences(device="cpu"))
        ) as session:
            answers = LiveAnswers(session.live)
            labels = LabelMap.blank(96, 64)
            labels.begin_edit("Label", "test", 1)
            labels.put_values(Box(4, 4, 20, 60), np.ones((56, 16), np.uint8))
            labels.put_values(Box(70, 4, 90, 60), np.full((56, 20), 2, np.uint8))
            labels.finish_edit()
            answer = answers.answer(record.id, labels, None)
    assert answer is not None
    assert (answer.values == truth()).mean() > 0.95

    blank = np.zeros((64, 96), np.uint8)
    model = AnnotatorModel()
    work = AnnotatorWork(record, truth(), None, list(plan_edits(blank, truth())), model, ALL_TOOLS)
    left = seconds_of(work.planned)
    work.replan(blank, replace(answer, values=np.full((64, 96), 3, np.uint8)))
    assert (work.live_answers, work.shown) == (0, None), "what helps nothing is not taken"
    work.replan(blank, answer)
    assert work.live_answers == 1 and work.shown is answer
    assert seconds_of(work.planned) < left
    assert work.finish_seconds == model.finish_seconds(accepts=True)


def test_poor_prediction_is_left_out_and_the_picture_painted_from_blank(tmp_path: Path) -> None:
    blank = list(plan_edits(np.zeros((64, 96), np.uint8), truth()))
    noise = np.random.default_rng(0).integers(1, 3, (64, 96)).astype(np.uint8)
    confidence = np.full((64, 96), 200, np.uint8)
    with project_in(tmp_path / "pictures") as project:
        record = project.pictures.all()[0]
    for values, from_blank in ((noise, True), (truth(), False)):
        prediction = PredictedMask(values, confidence, 1)
        work = AnnotatorWork(record, truth(), prediction, blank, AnnotatorModel(), ALL_TOOLS)
        assert (work.shown is None) == from_blank
        assert work.planned == (blank if from_blank else [])


def test_queue_asks_for_unsure_pictures_first(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures", count=12) as project:
        records = project.pictures.all()
        project.pictures.set_split([r.id for r in records], Split.TRAIN)
        order = AcquisitionOrder(project, 0)
        assert order.order(records[3:], records[:3], {}) == records[3:]
        for record in records:
            predict(project, record.id, confidence=90 if record is records[7] else 250)
        found = order.order(records[3:], records[:3], {})
        assert sorted(r.id for r in found) == [r.id for r in records[3:]]
        assert records[7] in found[:4]
        assert [r.id for r in order.order(records[3:], records[:3], {})] == [r.id for r in found]
