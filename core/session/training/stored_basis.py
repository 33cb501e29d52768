"""What a mean IoU rests on, as measurements of its run."""

from __future__ import annotations

from collections.abc import Mapping

from core.labels.score_basis import ScoreBasis
from core.project.records import BASIS_NAMES

MeasuredPoint = tuple[str, int | None, float]
"""Name, class value and number of a measurement."""

_PICTURES, _SHARE, _LOW, _HIGH, _FEW = BASIS_NAMES


def basis_points(basis: ScoreBasis | None) -> list[MeasuredPoint]:
    """The measurements to store beside a mean IoU."""
    if basis is None:
        return []
    points: list[MeasuredPoint] = [(_PICTURES, None, basis.pictures), (_SHARE, None, basis.share)]
    if basis.interval is not None:
        points += [(_LOW, None, basis.interval[0]), (_HIGH, None, basis.interval[1])]
    return points + [(_FEW, value, pixels) for value, pixels in basis.few.items()]


def basis_from(points: Mapping[tuple[str, int | None], float]) -> ScoreBasis | None:
    """What `basis_points` made, by name and class value; None for a score that was stored without."""
    if (_PICTURES, None) not in points:
        return None
    low, high = points.get((_LOW, None)), points.get((_HIGH, None))
    few = {value: int(pixels) for (name, value), pixels in points.items() if name == _FEW and value}
    return ScoreBasis(
        int(points[_PICTURES, None]),
        points.get((_SHARE, None), 0.0),
        None if low is None or high is None else (low, high),
        few,
    )
