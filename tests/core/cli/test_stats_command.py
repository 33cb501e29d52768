"""stats: what labelling took, in text and JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.evaluation.picture_work.work_overview import BASES
from core.project.picture_work.work_repository import WorkMeasure
from core.project.project import Project
from core.project.records import Status, now
from tests.command_line import error_of, json_of, output_of
from tests.factories import label_all, project_in


def test_a_project_without_measured_pictures_says_so(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    out = output_of("stats", "--project", tmp_path)
    assert "No picture is measured yet" in out and "Too early to say" in out
    assert json_of("stats", "--project", tmp_path)["pictures"] == []
    assert "There is no Maskloop project" in error_of("stats", "--project", tmp_path / "nowhere")


def measured_project(folder: Path) -> None:
    """Nine pictures: the first from blank, then with errors of 0.5, 0.45, ... 0.15."""
    with project_in(folder, count=9) as project:
        label_all(project, project.pictures.all())
        project.pictures.set_status(list(range(1, 10)), Status.DONE)
        for number in range(1, 10):
            with project.store.write_transaction() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO picture_work (picture_id, opened_at, labelled_pictures) VALUES (?, ?, ?)",
                    (number, now(), number - 1),
                )
            iou = None if number == 1 else 0.4 + 0.05 * number
            counts = {} if iou is None else {1: (3000, 3072, 3100), 2: (2972, 3072, 3044)}
            compared = 0 if iou is None else 6144
            project.work.measured(
                number, WorkMeasure(iou, counts, compared, compared // 10, 3, 90.0 - number)
            )


def test_averages_of_quarters_and_a_line_for_each_picture(tmp_path: Path) -> None:
    measured_project(tmp_path)
    lines = output_of("stats", "--project", tmp_path).splitlines()
    assert lines[0] == ("All: 9 pictures, 1 min 25 s each, error before correction 0.325, 10.0 % corrected.")
    assert lines[1].startswith("First quarter: 2 pictures, 1 min 28 s each, error before correction 0.500,")
    assert lines[2].startswith("Last quarter: 2 pictures, 1 min 22 s each, error before correction 0.175,")
    assert "p0.png" in lines[3] and "no prediction to compare with" in lines[3]
    assert "p8.png" in lines[11] and "error 0.150,  10.0 % corrected, 3 edits, 1 min 21 s" in lines[11]
    assert lines[12].startswith("Too early to say")
    assert len(lines) == 13


def test_json_has_all_numbers(tmp_path: Path) -> None:
    measured_project(tmp_path)
    found = json_of("stats", "--project", tmp_path)
    blank, first = found["pictures"][:2]
    assert (blank["error_before_correction"], blank["iou_before_correction"]) == (None, {})
    assert first["error_before_correction"] == pytest.approx(0.5)
    assert first["iou_before_correction"] == {
        "grass": pytest.approx(3000 / 3172),
        "roof": pytest.approx(2972 / 3144),
    }
    assert (first["labelled_pictures"], first["edits"], first["seconds"]) == (1, 3, 88.0)
    assert found["seconds"] == pytest.approx(sum(90 - number for number in range(1, 10)))
    assert found["forecast"]["rests_on"] == BASES["pictures"] and found["forecast"]["miou"] is None
    with Project.open(tmp_path):
        assert json_of("stats", "--project", tmp_path) == found, "also while it is open elsewhere"
