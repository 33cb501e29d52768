"""Deals things that stay whole into parts of wanted sizes, if wished with like shares of every class.

The second is iterative stratification: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label
Data", ECML PKDD 2011: the rarest class first, while there is still room everywhere. Two things differ, because what is
dealt are whole groups with amounts of pixels instead of examples with labels: each goes where it brings all classes
closest to what is wanted (least chi-square), and a part that has all the pictures it should have gets no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SplitUnits:
    """What is dealt: `sizes` (n,) pictures in each, `amounts` (n, classes) what each holds of every class."""

    sizes: NDArray[np.int_]
    amounts: Floats


def assign_units(
    units: SplitUnits, wanted: Floats, wanted_amounts: Floats, allowed: NDArray[np.bool_], seed: int
) -> list[int]:
    """The part of each unit, as a place in `wanted`.

    `wanted` (parts,) pictures and `wanted_amounts` (parts, classes) are what each part still lacks; a part that is not
    `allowed` gets nothing. No part gets more than it lacks but by less than one unit, as long as the lacks add up to
    what is dealt. Every allowed part that lacks something gets a unit if there are enough of them.
    """
    hand = _Assignment(units, wanted, wanted_amounts, allowed)
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(units.sizes))
    left = order[np.argsort(-units.sizes[order], kind="stable")]  # large ones first: small ones even out
    while len(left):
        carriers = (units.amounts[left] > 0).sum(axis=0)
        if not carriers.any():
            break
        rarest = int(np.argmin(np.where(carriers > 0, carriers, len(left) + 1)))
        of_class = units.amounts[left, rarest] > 0
        chosen = left[of_class]
        for unit in chosen[np.argsort(-units.amounts[chosen, rarest], kind="stable")]:
            hand.assign(int(unit))
        left = left[~of_class]
    for unit in left:
        hand.assign(int(unit))
    return hand.parts


class _Assignment:
    """What each part lacks while units are dealt."""

    def __init__(
        self, units: SplitUnits, wanted: Floats, wanted_amounts: Floats, allowed: NDArray[np.bool_]
    ) -> None:
        self._sizes = units.sizes.tolist()
        self._missing = wanted.tolist()
        self._allowed = [int(n) for n in np.flatnonzero(allowed)]
        self._empty = {n for n in self._allowed if self._missing[n] > 0}
        self._remaining = len(self._sizes)
        self.parts = [0] * self._remaining
        # Pictures count as one more class, so that a part does not fill up with those that are nearly empty.
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
        # The last units go to the parts that have none yet: three sequences make three parts.
        open_ = sorted(self._empty) if self._remaining <= len(self._empty) else []
        open_ = open_ or [n for n in self._allowed if self._missing[n] > 0] or self._allowed
        amounts = self._amounts[unit]
        if not amounts[:-1].any():
            return max(open_, key=lambda n: self._missing[n])
        further = (amounts * (amounts - 2 * self._missing_amounts) * self._weights).sum(axis=1)
        return min(open_, key=lambda n: further[n])
