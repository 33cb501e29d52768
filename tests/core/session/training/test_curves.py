"""Tests of training curves: what is measured is shown, in bounded memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.spec import ModelSpec
from core.project.records import Measurement
from core.session.training.curves import MAX_POINTS, CurveService, CurveStore, GrowingCurve
from tests.factories import MODEL, project_in

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2))
numbers = st.floats(0, 1, allow_nan=False)


@given(st.lists(numbers, max_size=200), st.sampled_from([4, 8, 16]))
def test_growing_curve_keeps_bounds_last_point_and_mean(values: list[float], most: int) -> None:
    curve = GrowingCurve(most)
    for x, y in enumerate(values):
        curve.add(x, y)
    points = curve.points()
    assert len(points) <= most + 1
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    if not values:
        assert points == ()
    elif len(values) < most:
        assert points == tuple(enumerate(values))
    else:
        assert points[-1][0] <= len(values) - 1 and min(values) - 1e-9 <= points[0][1] <= max(values) + 1e-9
    whole = len(values) - len(values) % curve._points_per_mean
    if whole:
        mean = sum(y for _, y in curve._means) / len(curve._means)
        assert mean == pytest.approx(sum(values[:whole]) / whole)


def test_last_point_is_never_averaged() -> None:
    curve = GrowingCurve(4)
    for x in range(6):
        curve.add(x, float(x == 5))
    assert curve.points()[-1] != (5, 1.0), "the sixth completes a pair"
    curve.add(6, 0.25)
    assert curve.points()[-1] == (6, 0.25)


def point(
    run: int, name: str, value: float, seconds: float, class_value: int | None = None, labelled: int = 3
) -> Measurement:
    return Measurement(run, name, class_value, 1, seconds, labelled, value)


def test_runs_are_joined_and_best_score_per_count_is_kept() -> None:
    book = CurveStore()
    book.add([point(1, "loss", 2.0, 0), point(1, "miou", 0.2, 10), point(1, "iou", 0.1, 10, 5)])
    before = book.curves()
    book.add(
        [
            point(2, "loss", 1.0, 4),
            point(2, "miou", 0.5, 6, labelled=4),
            point(2, "iou", 0.4, 6, 5, labelled=4),
        ]
    )
    book.add([point(2, "miou", 0.3, 8, labelled=4), point(2, "pixel_accuracy", 0.9, 8)])
    found = book.curves()
    assert found.loss == ((0, 2.0), (14, 1.0))
    assert found.miou == ((10, 0.2), (16, 0.5), (18, 0.3))
    assert found.by_labels == ((3, 0.2), (4, 0.5))
    assert found.per_class == {5: ((10, 0.1), (16, 0.4))} and found.newest == {5: 0.4}
    assert found.class_by_labels == {5: ((3, 0.1), (4, 0.4))}
    assert before.miou == ((10, 0.2),), "what was handed out stays as it was"


def test_the_newest_range_test_is_kept() -> None:
    book = CurveStore()
    assert book.curves().lr_range == () and book.curves().lr_chosen is None

    def step(run: int, number: int, name: str, value: float) -> Measurement:
        return Measurement(run, name, None, number, 0.0, 3, value)

    book.add([step(1, n, "range_rate", 10.0**-n) for n in range(3)])
    book.add([step(1, n, "range_loss", float(n)) for n in range(2)])
    assert book.curves().lr_range == ((1.0, 0.0), (0.1, 1.0)), (
        "a rate whose loss is not read yet has no point"
    )
    book.add([step(4, 0, "range_rate", 0.5), step(4, 0, "range_loss", 0.25), step(4, 1, "range_taken", 0.05)])
    assert book.curves().lr_range == ((0.5, 0.25),)
    assert book.curves().lr_chosen == 0.05
    assert book.curves().loss == ()


def test_service_reads_only_new_measurements(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        charts = CurveService(project.home)
        try:
            assert charts.curves().result(10).loss == ()
            run = project.runs.start(MODEL, "{}", None, 3)
            project.runs.add_measurements(
                [point(run.id, "loss", 1 / (n + 1), n) for n in range(11 * MAX_POINTS)]
            )
            many = charts.curves().result(10).loss
            assert MAX_POINTS // 2 <= len(many) <= MAX_POINTS + 1
            assert charts.curves().result(10).loss == many
            assert project.runs.measurements_after(charts._last_id) == (charts._last_id, [])
            project.runs.add_measurements([point(run.id, "miou", 0.5, 9)])
            assert charts.curves().result(10).miou == ((9, 0.5),)
        finally:
            charts.close()


def test_the_scores_of_the_network_in_use_are_kept_apart(tmp_path: Path) -> None:
    store = CurveStore()
    store.add([point(1, "in_use_miou", 0.9, 10), point(1, "in_use_iou", 0.8, 10, 5)])
    store.add([point(1, "in_use_iou", 1.0, 10, 6), point(2, "miou", 0.25, 4), point(2, "iou", 0.25, 4, 5)])
    curves = store.curves()
    assert curves.in_use == ((10, 0.9),)
    assert curves.in_use_iou == {5: 0.8, 6: 1.0}
    assert (curves.miou, dict(curves.newest)) == (((14, 0.25),), {5: 0.25}), "of a network that was not taken"
    store.add([point(2, "in_use_miou", 0.7, 6), point(2, "in_use_iou", 0.7, 6, 5)])
    assert store.curves().in_use_iou == {5: 0.7}, "6 is not labelled in val any more"
    with project_in(tmp_path) as project:
        run = project.runs.start(json.dumps(SPEC.to_json()), "{}", None, 3)
        project.runs.update(run.id, published=1)
        project.classes.change_value(2, 9)
    charts = CurveService(tmp_path)
    assert charts.curves().result().known_classes == {1, 9}
    charts.close()
