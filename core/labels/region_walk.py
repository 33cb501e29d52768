"""The order in which the uncertain regions of a picture are looked at, and which of them were judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.labels.prediction import PredictedMask
from core.labels.uncertain_regions import UncertainRegion, Uncertainty


@dataclass(frozen=True, slots=True, eq=False)
class _Stop:
    region: UncertainRegion
    is_judged: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RegionWalk:
    """Immutable. Judged regions stay in it, so that it can return to them when the verdict is undone.

    index: of the region that is shown; None when all are judged
    """

    stops: tuple[_Stop, ...] = ()
    index: int | None = None

    @classmethod
    def over(cls, regions: Iterable[UncertainRegion]) -> RegionWalk:
        """At the first of these."""
        stops = tuple(_Stop(region) for region in regions)
        return cls(stops, 0 if stops else None)

    def __len__(self) -> int:
        return len(self.stops)

    @property
    def current(self) -> UncertainRegion | None:
        return None if self.index is None else self.stops[self.index].region

    @property
    def judged_count(self) -> int:
        return sum(stop.is_judged for stop in self.stops)

    def moved(self, step: int) -> RegionWalk:
        """At the next (1) or previous (-1) region that is not judged, from the last on to the first."""
        if self.index is None:
            return self
        for distance in range(1, len(self.stops) + 1):
            index = (self.index + step * distance) % len(self.stops)
            if not self.stops[index].is_judged:
                return replace(self, index=index)
        return replace(self, index=None)

    def judged(self) -> RegionWalk:
        """The region that is shown has a verdict: at the next one."""
        if self.index is None:
            return self
        stops = list(self.stops)
        stops[self.index] = replace(stops[self.index], is_judged=True)
        return replace(self, stops=tuple(stops)).moved(1)

    def updated(self, found: Uncertainty, prediction: PredictedMask) -> RegionWalk:
        """After another prediction or label. What was passed keeps its place, the rest follows, largest first.

        A judged region that has no label any more, because its verdict was undone, is the one that is shown. What is
        shown otherwise stays, also when the prediction has become sure there, until somebody goes on or has labelled
        nearly all of it.
        """
        left = list(found.regions)
        stops: list[_Stop] = []
        index = reopened = None
        for number, stop in enumerate(self.stops):
            is_current = number == self.index
            was_passed = self.index is None or number <= self.index
            # Somebody may be painting in the region that is shown: what is left of it is shown on.
            region = stop.region.without(found.labels) if is_current else stop.region
            if region is None or found.is_labelled(*region.anchor):
                if stop.is_judged:
                    # Without the prediction that it was judged by, which is as large as the picture.
                    judged = replace(stop.region, predicted=prediction.values)
                    stops.append(replace(stop, region=judged))
                continue
            successor = next((each for each in left if each.covers(*region.anchor)), None)
            if successor is not None:
                if not (stop.is_judged or was_passed):
                    continue  # it is listed with the rest
                left.remove(successor)
            elif not (stop.is_judged or is_current):
                continue  # the prediction has become sure
            stops.append(_Stop(successor or region.under(prediction)))
            if is_current:
                index = len(stops) - 1
            if stop.is_judged:
                reopened = len(stops) - 1
        first_left = len(stops)
        stops += [_Stop(region) for region in left]
        if reopened is not None:
            index = reopened
        elif index is None and left:
            index = first_left
        elif index is None:
            index = next((n for n, stop in enumerate(stops) if not stop.is_judged), None)
        return RegionWalk(tuple(stops), index)
