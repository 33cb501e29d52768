"""Reports: one page without anything from elsewhere, with the scores that evaluate prints."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from core.base.axis_ticks import time_ticks
from core.base.errors import UserError
from core.evaluation.evaluation import Evaluation, class_differences
from core.evaluation.picture_counts import count_picture
from core.evaluation.report.charts import ChartCurve, calibration_chart, heat_map, line_chart
from core.evaluation.report.introduction import Introduction, OneHotPlane
from core.evaluation.report.page import render_report, write_report
from core.evaluation.report.page_file import check_report_place, print_page
from core.evaluation.report.picture_strip import GAP, picture_strip
from core.evaluation.report.run_report import RunReport, ScoredPicture, differing_settings
from core.labels.class_list import ClassList
from core.project.records import Measurement, ProjectCounts, RunRecord, Split
from core.training.experiments.experiment import ReferenceScores
from tests.factories import project_in, skip_without_pdf

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


def test_a_comparison_has_the_interval_of_each_class() -> None:
    reports = [report(1, 3, 0.5, "0.001"), report(2, 3, 0.1, "0.01")]
    page = render_report("streets", Split.VAL, class_list(3), ProjectCounts(9, 4), reports)
    for low, high in class_differences(reports[0].evaluation, reports[1].evaluation):
        assert 0 < low < high
        assert f'<td class="number ">{low:+.3f} to {high:+.3f}</td>' in page
    other = replace(reports[0], run=replace(reports[0].run, id=3))
    same = render_report("streets", Split.VAL, class_list(3), ProjectCounts(9, 4), [reports[0], other])
    assert same.count('<td class="number muted">+0.000 to +0.000</td>') == 3


def test_a_page_about_the_project_shows_its_runs_over_time() -> None:
    runs = [
        replace(report(number, 2, 0.1, "1").run, id=number, best_miou=score, started_at=begun, ended_at=ended)
        for number, score, begun, ended in (
            (1, 0.3, "2026-01-01T10:00:00+00:00", "2026-01-01T10:06:00+00:00"),
            (2, None, HOSTILE, None),
            (3, 0.7, "2026-01-02T10:00:00+00:00", None),
        )
    ]
    page = render_report("streets", Split.VAL, class_list(2), ProjectCounts(9, 4), [], None, runs)
    tags = [tag for tag, _ in _Tags(page).found]
    assert "script" not in tags
    assert page.count("<circle") == 2
    assert ">6.0<" in page
    assert page.index(">0.700<") < page.index(">0.300<")
    empty = render_report("streets", Split.VAL, ClassList(), ProjectCounts(), [])
    assert "There are no runs yet." in empty


def test_a_page_about_an_experiment_says_what_was_done() -> None:
    reports = [
        replace(report(1, 2, 0.1, "1"), title="Base"),
        replace(report(2, 2, 0.1, "1"), title="Improved"),
    ]
    references = (ReferenceScores("Notebook", {"pixel_accuracy": 0.71, "dice": 0.46}),)
    planes = (OneHotPlane("input", b"."), OneHotPlane(HOSTILE, b"."))
    said = Introduction("Two networks", (HOSTILE, "Second."), references, {}, planes, HOSTILE, (HOSTILE,))
    page = render_report("streets", Split.VAL, class_list(2), ProjectCounts(9, 4), reports, said)
    assert "script" not in {tag for tag, _ in _Tags(page).found}
    assert "<h1>Two networks</h1>" in page
    assert "Base (run 1)" in page and "Improved (run 2)" in page
    assert ">0.71<" in page and ">0.46<" in page
    assert page.count("data:image/png;base64,") == 2


def test_a_report_is_printed_as_pdf_and_reads_nothing_else(tmp_path: Path) -> None:
    skip_without_pdf()
    secret = tmp_path / "secret.png"
    cv2.imwrite(str(secret), np.full((4, 4), 77, np.uint8))
    page = render_report("streets", Split.VAL, class_list(3), ProjectCounts(9, 4), [report(1, 3, 0.2, "1")])
    plain = print_page(page)
    assert plain.startswith(b"%PDF-")

    def images_with(address: str) -> int:
        return print_page(page.replace("</main>", f'<img src="{address}"></main>')).count(b"/Subtype /Image")

    inside = f"data:image/png;base64,{base64.b64encode(secret.read_bytes()).decode()}"
    assert images_with(inside) == images_with(secret.as_uri()) + 1


def test_after_a_pdf_half_a_picture_is_still_refused(tmp_path: Path) -> None:
    script = """
import subprocess
import sys
from pathlib import Path
import cv2, numpy as np
from core.base.errors import ImageError
from core.evaluation.report.page_file import check_report_place
from core.images.image_reader import read_picture
picture = Path(sys.argv[1])
check_report_place(picture.with_suffix(".pdf"))
assert "weasyprint" in sys.modules
whole = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))[1].tobytes()
picture.write_bytes(whole[:6000])
try:
    read_picture(picture)
except ImageError:
    sys.exit(7)
"""
    skip_without_pdf()
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "half.png")], check=False)
    assert done.returncode == 7


def test_a_pdf_without_its_library_is_refused_before_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(UserError, match=r"pip install maskloop\[pdf\]"):
        check_report_place(tmp_path / "report.pdf")
    check_report_place(tmp_path / "report.html")


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
    assert "road predicted as road: 90.0 %, 90 pixels" in chart
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


@pytest.mark.parametrize("runs", [1, 2, 4])
def test_nothing_of_a_printed_page_is_cut_off(runs: int) -> None:
    """Every cell and chart of every page of the PDF ends within the paper."""
    skip_without_pdf()
    import weasyprint

    history = [
        RunRecord(
            n, "finished", "2026-01-01T10:00:00", "2026-01-01T10:30:00", "cuda:0 NVIDIA RTX 4090",
            '{"architecture": "asymmetric-unet", "encoder": null}', "{}", None, 12_000, 0.5, 1, None,
        )
        for n in (1, 2)
    ]  # fmt: skip
    reports = [report(n, 11, 0.1 * n, "0.001") for n in range(1, runs + 1)]
    for page in (
        render_report("streets", Split.VAL, class_list(11), ProjectCounts(9, 4), reports),
        render_report("streets", Split.VAL, class_list(11), ProjectCounts(9, 4), [], None, history),
    ):
        checked = 0
        for sheet in weasyprint.HTML(string=page).render().pages:
            for box in sheet._page_box.descendants():
                if box.element_tag in ("td", "th", "svg"):
                    assert box.position_x + box.width <= sheet.width
                    checked += 1
        assert checked > 40
