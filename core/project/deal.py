"""Deals things that stay whole into parts of wanted sizes, if wished with like shares of every class.

The second is iterative stratification: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label
Data", ECML PKDD 2011. Instead of examples with labels, whole groups with amounts of pixels are dealt, and a part
that has all the pictures it should have gets no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Units:
    """What is dealt: `sizes` (n,) pictures in each, `amounts` (n, classes) what each holds of every class."""

    sizes: NDArray[np.int_]
    amounts: Floats


def deal(
    units: Units, wanted: Floats, wanted_amounts: Floats, allowed: NDArray[np.bool_], seed: int
) -> list[int]:
    """The part of each unit, as a place in `wanted`.

    `wanted` (parts,) pictures and `wanted_amounts` (parts, classes) are what each part still lacks; a part that is not
    `allowed` gets nothing. No part gets more than it lacks but by less than one unit, as long as the lacks add up to
    what is dealt. Every allowed part that lacks something gets a unit if there are enough of them.
    """
    hand = _Hand(units, wanted, wanted_amounts, allowed)
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
            hand.give(int(unit), rarest)
        left = left[~of_class]
    for unit in left:
        hand.give(int(unit), None)
    return hand.dealt


class _Hand:
    """What each part lacks while units are dealt."""

    def __init__(
        self, units: Units, wanted: Floats, wanted_amounts: Floats, allowed: NDArray[np.bool_]
    ) -> None:
        self._sizes = units.sizes.tolist()
        self._amounts = units.amounts
        self._lacks = wanted.tolist()
        self._lacks_of = wanted_amounts.copy()
        self._allowed = [int(n) for n in np.flatnonzero(allowed)]
        self._empty = {n for n in self._allowed if self._lacks[n] > 0}
        self._left = len(self._sizes)
        self.dealt = [0] * self._left

    def give(self, unit: int, rarest: int | None) -> None:
        part = self._part_for(rarest)
        self.dealt[unit] = part
        self._lacks[part] -= self._sizes[unit]
        if self._amounts.shape[1]:
            self._lacks_of[part] -= self._amounts[unit]
        self._empty.discard(part)
        self._left -= 1

    def _part_for(self, rarest: int | None) -> int:
        # The last units go to the parts that have none yet: three sequences make three parts.
        open_ = sorted(self._empty) if self._left <= len(self._empty) else []
        open_ = open_ or [n for n in self._allowed if self._lacks[n] > 0] or self._allowed
        if rarest is None:
            return max(open_, key=lambda n: self._lacks[n])
        return max(open_, key=lambda n: (self._lacks_of[n, rarest], self._lacks[n]))
