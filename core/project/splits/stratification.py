"""Assigns groups of pictures to splits of given sizes, optionally with similar shares of every class.

The latter is iterative stratification: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label
Data", ECML PKDD 2011: it assigns the rarest class first, while every split still has room. Two things differ, because
whole groups with amounts of pixels are assigned instead of examples with labels: each group goes to the split where it
brings all classes closest to the wanted amounts (least chi-square), and a split that is full gets no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SplitUnits:
    """Groups of pictures that stay together: `sizes` (n,) pictures in each, `amounts` (n, classes) pixels of each
    class."""

    sizes: NDArray[np.int_]
    amounts: Floats


def assign_units(
    units: SplitUnits, wanted: Floats, wanted_amounts: Floats, allowed: NDArray[np.bool_], seed: int
) -> list[int]:
    """The split of each unit, as an index into `wanted`.

    wanted: (splits,) pictures that each split is missing; wanted_amounts: (splits, classes) pixels likewise; allowed:
    (splits,) whether a split may get any unit. As long as `wanted` adds up to the pictures of all units, no split gets
    more than wanted by a whole unit. Every allowed split that wants pictures gets a unit if there are enough of them.
    """
    assignment = _Assignment(units, wanted, wanted_amounts, allowed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(units.sizes))
    remaining = order[np.argsort(-units.sizes[order], kind="stable")]  # large ones first: small ones even out
    while len(remaining):
        units_with_class = (units.amounts[remaining] > 0).sum(axis=0)
        if not units_with_class.any():
            break
        rarest = int(np.argmin(np.where(units_with_class > 0, units_with_class, len(remaining) + 1)))
        of_class = units.amounts[remaining, rarest] > 0
        chosen = remaining[of_class]
        for unit in chosen[np.argsort(-units.amounts[chosen, rarest], kind="stable")]:
            assignment.assign(int(unit))
        remaining = remaining[~of_class]
    for unit in remaining:
        assignment.assign(int(unit))
    return assignment.parts


class _Assignment:
    """What each split is still missing while units are assigned."""

    def __init__(
        self, units: SplitUnits, wanted: Floats, wanted_amounts: Floats, allowed: NDArray[np.bool_]
    ) -> None:
        self._sizes = units.sizes.tolist()
        self._missing = wanted.tolist()
        self._allowed = [int(n) for n in np.flatnonzero(allowed)]
        self._empty = {n for n in self._allowed if self._missing[n] > 0}
        self._remaining = len(self._sizes)
        self.parts = [0] * self._remaining
        # Pictures count as one more class, so that a split is not filled with pictures that are nearly unlabelled.
        self._amounts = np.column_stack([units.amounts, units.sizes])
        self._missing_amounts = np.column_stack([wanted_amounts, wanted])
        self._weights = 1 / np.maximum(
            self._missing_amounts, self._missing_amounts.max(axis=0, initial=1.0) * 1e-3
        )

    def assign(self, unit: int) -> None:
        part = self._part_for(unit)
        self.parts[unit] = part
        self._missing[part] -= self._sizes[unit]
        self._missing_amounts[part] -= self._amounts[unit]
        self._empty.discard(part)
        self._remaining -= 1

    def _part_for(self, unit: int) -> int:
        # The last units go to splits that have none yet, so that three sequences fill three splits.
        open_ = sorted(self._empty) if self._remaining <= len(self._empty) else []
        open_ = open_ or [n for n in self._allowed if self._missing[n] > 0] or self._allowed
        amounts = self._amounts[unit]
        if not amounts[:-1].any():
            return max(open_, key=lambda n: self._missing[n])
        distance = (amounts * (amounts - 2 * self._missing_amounts) * self._weights).sum(axis=1)
        return min(open_, key=lambda n: distance[n])
