"""Reports: one page without anything from elsewhere, with the scores that evaluate prints."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from core.base.axis_ticks import time_ticks
from core.base.errors import UserError
from core.evaluation.evaluation import Evaluation
from core.evaluation.picture_counts import count_picture
from core.evaluation.report.charts import ChartCurve, calibration_chart, heat_map, line_chart
from core.evaluation.report.page import render_report, write_report
from core.evaluation.report.picture_strip import GAP, picture_strip
from core.evaluation.report.run_report import RunReport, ScoredPicture, differing_settings
from core.labels.class_list import ClassList
from core.project.records import Measurement, ProjectCounts, RunRecord, Split
from tests.factories import project_in

HOSTILE = "<script>alert(1)</script>"


def evaluation(classes: int, wrong: float) -> Evaluation:
    """Four pictures, in which a share of the pixels is predicted as the next class."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(4):
        truth = rng.integers(0, classes, (40, 50)).astype(np.uint8)
        moved = np.where(rng.random(truth.shape) < wrong, (truth + 1) % classes, truth).astype(np.uint8)
        pictures.append(count_picture(number, truth, moved, np.full(truth.shape, 200, np.uint8), classes))
    paths = {number: f"{HOSTILE}{number}.png" for number in range(4)}
    return Evaluation(tuple(range(1, classes + 1)), tuple(pictures), 4 * 2000, paths)


def report(number: int, classes: int, wrong: float, rate: str) -> RunReport:
    run = RunRecord(number, "finished", "2026-01-01T10:00:00", None, "cpu", "{}", "{}", None, 4, 0.5, 1, None)
    points = tuple(
        Measurement(number, name, None, step, 10.0 * step, 4, 0.1 * step)
        for step in (1, 2, 3)
        for name in ("loss", "miou")
    )
    picture = ScoredPicture(f"{HOSTILE}.png", 0.25, b"not decoded here")
    settings = {"learning rate": rate, "loss": "ce"}
    return RunReport(run, "U-Net", evaluation(classes, wrong), points, settings, (picture,), ())


def class_list(count: int) -> ClassList:
    classes = ClassList()
    for number in range(count):
        classes = classes.with_class(HOSTILE if number == 0 else f"class {number}")
    return classes


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("classes", [2, 11, 150])
def test_a_page_about_one_run(classes: int) -> None:
    page = render_report(
        HOSTILE, Split.VAL, class_list(classes), ProjectCounts(9, 4), [report(3, classes, 0.2, "0.001")]
    )
    tags = _Tags(page).found
    assert "script" not in {tag for tag, _ in tags}
    assert {(attributes.get("src") or "data:")[:5] for _, attributes in tags} == {"data:"}
    assert not [a for _, a in tags if a.get("href") or a.get("srcset")]
    assert f">{evaluation(classes, 0.2).mean_scores()['miou']:.3f}<" in page
    assert page.count("<tr>") > classes
    assert "Settings that differ" not in page
    for chart in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(chart)


def test_a_comparison_says_what_differs_and_whether_it_is_chance() -> None:
    reports = [report(1, 3, 0.5, "0.001"), report(2, 3, 0.1, "0.01"), report(4, 3, 0.1, "0.01")]
    page = render_report("streets", Split.TEST, class_list(3), ProjectCounts(9, 4), reports)
    assert differing_settings(reports) == {"learning rate": ["0.001", "0.01", "0.01"]}
    assert "Settings that differ" in page
    assert "Run 2 against run 1: mIoU +" in page
    assert page.count("more than chance") == 2
    same = render_report("streets", Split.TEST, class_list(3), ProjectCounts(9, 4), reports[1:])
    assert "no difference beyond chance" in same
    assert "All settings are the same" in same


def test_a_long_curve_is_thinned_and_ends_where_it_ends() -> None:
    curve = ChartCurve("loss", [(float(n), n / 100_000) for n in range(100_000)], (1, 2, 3))
    chart = line_chart("Loss", [curve], time_ticks, is_score=True)
    (line,) = [each for each in ElementTree.fromstring(chart).iter() if each.tag.endswith("polyline")]
    places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
    assert len(places) < 700
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert places[-1][1] == min(y for _, y in places)


def test_a_chart_of_nothing_is_empty() -> None:
    assert not line_chart("Loss", [ChartCurve("loss", [])], time_ticks)
    assert "<circle" in line_chart("Loss", [ChartCurve("loss", [(3.0, 0.5)])], time_ticks)
    assert "<circle" not in calibration_chart("Confidence", [])


def test_a_heat_map_has_the_shares_of_each_row() -> None:
    matrix = np.array([[90, 10, 0], [0, 0, 0]])
    chart = heat_map("Confusion", ["road", "<tree>"], matrix)
    ElementTree.fromstring(chart)
    assert "road predicted as road: 90.0%, 90 pixels" in chart
    assert "&lt;tree&gt;" in chart
    assert chart.count("<rect") == 2


def test_a_strip_shows_right_wrong_and_ignored_pixels() -> None:
    label = np.full((60, 80), 1, np.uint8)
    label[:, :20] = 0
    predicted = np.full_like(label, 1)
    predicted[:, 60:] = 2
    strip = picture_strip(np.zeros((60, 80, 3), np.uint8), label, predicted, class_list(2))
    assert strip.shape == (60, 4 * 80 + 3 * GAP, 3)
    red, green, _ = np.moveaxis(strip[30, -80:].astype(int), 1, 0)
    assert (red[:20] == green[:20]).all()
    assert (green[20:60] > red[20:60]).all()
    assert (red[60:] > green[60:]).all()


def test_a_page_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures") as project:
        with pytest.raises(UserError, match="ends with"):
            write_report(project, [], Split.VAL, tmp_path / "report.txt")
        with pytest.raises(UserError, match="There is no folder"):
            write_report(project, [], Split.VAL, tmp_path / "missing" / "report.html")
