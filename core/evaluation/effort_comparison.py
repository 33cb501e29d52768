"""Means over simulations with several seeds, and paired differences of two arms: orders of pictures, or live
prediction on and off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from core.evaluation.effort import Effort

MEASURES = ("share", "share_last_quarter", "miou_at_fifth", "miou")
"""What is compared. Field names are JSON keys."""
_T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t, 97.5 %, for 1 to 9 degrees of freedom."""
_NORMAL_975 = 1.96


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """arm: what it shares with its other seeds, such as the order of pictures

    miou: of the last network on the held-out pictures at full size; None if none was published
    """

    arm: str
    seed: int
    effort: Effort
    miou: float | None

    def measure(self, name: str) -> float | None:
        """One of MEASURES."""
        value = self.miou if name == "miou" else getattr(self.effort, name)
        return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """Mean of some seeds and its 95 % interval by Student's t over seeds; no interval for a single one."""

    mean: float
    low: float | None
    high: float | None
    seeds: int


def mean_interval(values: Sequence[float]) -> MeanInterval | None:
    """None without values."""
    if not values:
        return None
    mean = fmean(values)
    if len(values) == 1:
        return MeanInterval(mean, None, None, 1)
    half = _t_975(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return MeanInterval(mean, mean - half, mean + half, len(values))


def means_by_arm(runs: Sequence[SimulatedRun]) -> dict[str, dict[str, MeanInterval | None]]:
    """By arm and measure."""
    arms = dict.fromkeys(run.arm for run in runs)
    return {
        arm: {
            name: mean_interval([v for r in runs if r.arm == arm and (v := r.measure(name)) is not None])
            for name in MEASURES
        }
        for arm in arms
    }


def paired_differences(runs: Sequence[SimulatedRun]) -> dict[str, MeanInterval | None]:
    """The first arm minus the second, by measure, over the seeds of both. Empty unless there are two arms."""
    by_arm: dict[str, dict[int, SimulatedRun]] = {}
    for run in runs:
        by_arm.setdefault(run.arm, {})[run.seed] = run
    if len(by_arm) != 2:
        return {}
    first, second = by_arm.values()
    return {name: mean_interval(_differences(first, second, name)) for name in MEASURES}


def _differences(
    first: Mapping[int, SimulatedRun], second: Mapping[int, SimulatedRun], name: str
) -> list[float]:
    found = []
    for seed in first.keys() & second.keys():
        one, two = first[seed].measure(name), second[seed].measure(name)
        if one is not None and two is not None:
            found.append(one - two)
    return found


def _t_975(freedom: int) -> float:
    """Student's t, 97.5 %: above the table within 0.003, by the first terms of its expansion in 1 / freedom."""
    if freedom <= len(_T_975):
        return _T_975[freedom - 1]
    return _NORMAL_975 + 2.37 / freedom + 2.8 / freedom**2
