"""Means over seeds and paired differences of orders."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.evaluation.effort import AnnotatedPicture, summarise_effort
from core.evaluation.effort_comparison import SimulatedRun, mean_interval, means_by_arm, paired_differences


def run(arm: str, seed: int, share: float, miou: float | None) -> SimulatedRun:
    picture = AnnotatedPicture("p.png", 5, 10 * share, 0.0, 9, 9, 10.0, None, None, 0.0, 0.1, miou)
    return SimulatedRun(arm, seed, summarise_effort([picture] * 4), miou)


def test_interval_is_students_t_over_seeds() -> None:
    found = mean_interval([1.0, 2.0, 3.0])
    assert found is not None and found.low is not None and found.high is not None
    assert (found.mean, found.seeds) == (2.0, 3)
    assert (
        found.high - found.mean
        == pytest.approx(4.303 / math.sqrt(3))
        == pytest.approx(found.mean - found.low)
    )
    alone = mean_interval([0.5])
    assert alone is not None and (alone.mean, alone.low, alone.high) == (0.5, None, None)
    assert mean_interval([]) is None
    for freedom, t in ((10, 2.228), (20, 2.086), (60, 2.000)):  # by the tables
        many = mean_interval([0.0, 1.0] * (freedom // 2) + [0.5])
        assert many is not None and many.high is not None
        assert (many.high - many.mean) / (0.5 / math.sqrt(freedom + 1)) == pytest.approx(t, abs=0.003)


def test_differences_are_paired_by_seed() -> None:
    runs = [run("queue", 0, 0.5, 0.6), run("random", 0, 0.6, 0.5)]
    runs += [run("queue", 1, 0.7, 0.3), run("random", 1, 0.8, 0.2), run("queue", 2, 0.1, None)]
    found = paired_differences(runs)
    share, miou = found["share"], found["miou_at_fifth"]
    assert share is not None and miou is not None
    assert share.low is not None and share.high is not None
    assert (share.mean, share.seeds) == (pytest.approx(-0.1), 2)
    assert share.high - share.low == pytest.approx(0.0, abs=1e-9), "both seeds differ by the same"
    assert miou.mean == pytest.approx(0.1)
    means = means_by_arm(runs)
    assert list(means) == ["queue", "random"]
    of_queue = means["queue"]
    assert of_queue["share"] is not None and of_queue["share"].seeds == 3
    assert of_queue["miou"] is not None and of_queue["miou"].seeds == 2
    assert paired_differences(runs[:1]) == {}
    assert paired_differences([*runs, replace(runs[0], arm="name")]) == {}
