"""Finds the different values of a mask by its runs of equal pixels: sorting runs takes a tenth of sorting pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class ValueRuns:
    """found: (n,) the different values in ascending order; counts: (n,) int64 pixels of each"""

    found: NDArray[Any]
    counts: NDArray[np.int64]
    _of_run: NDArray[np.intp]
    """(r,) position in `found` for each run of equal pixels in reading order."""
    _lengths: NDArray[np.int64]
    _shape: tuple[int, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> ValueRuns:
        """values: of any shape and kind of number."""
        flat = values.ravel()
        starts = np.flatnonzero(np.concatenate((np.ones(min(1, flat.size), bool), flat[1:] != flat[:-1])))
        lengths = np.diff(starts, append=flat.size)
        found, of_run = np.unique(flat[starts], return_inverse=True)
        counts = np.bincount(of_run, lengths, len(found)).astype(np.int64)
        return cls(found, counts, of_run, lengths, values.shape)

    def replaced(self, table: NDArray[Scalar]) -> NDArray[Scalar]:
        """The values with `table[k]` in place of `found[k]`, in their shape."""
        return table[self._of_run].repeat(self._lengths).reshape(self._shape)
