"""From a correction to the places like it: the search command, and its findings without what is labelled already."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.base.errors import MaskloopError
from core.base.geometry import Box
from core.labels.class_list import UNLABELLED
from core.labels.grid_region import GridRegion
from core.labels.label_map import Values
from core.live.correction import Correction
from core.live.labelled_pixels import LabelledPixels
from core.live.live_messages import LiveSimilar, PackedPixels, PicturePath, SearchCommand
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord
from core.session.live.teaching_pictures import is_usable, read_label

log = logging.getLogger(__name__)

MAX_REMEMBERED = 200
"""Pictures of which it is remembered that the process may have their features, far more than fit into its memory."""
MIN_FREE = 0.5
"""Share of a region that must be unlabelled: what a person has labelled is never changed."""


@dataclass(frozen=True, slots=True, eq=False)
class SimilarPlace:
    """A region that was predicted as the same wrong class, and looks like what was corrected. box: in image pixels"""

    picture_id: int
    region: GridRegion
    box: Box


@dataclass(frozen=True, slots=True)
class SimilarPlaces:
    """What was found in one picture. number: of the request with the correction; run_id: of the network that was wrong,
    0 for live prediction; remaining: pictures that are still to be searched"""

    number: int
    correction: Correction
    places: tuple[SimilarPlace, ...]
    remaining: int


class SimilarPlaceSearch:
    """Places like the newest correction. Owned by the live lane."""

    def __init__(self) -> None:
        self._correction: tuple[int, Correction] | None = None
        self._recent: OrderedDict[int, None] = OrderedDict()

    def requested(self, picture_id: int) -> None:
        """The process was asked for this picture, so it may have its features in memory."""
        self._recent[picture_id] = None
        self._recent.move_to_end(picture_id)
        if len(self._recent) > MAX_REMEMBERED:
            self._recent.popitem(last=False)

    def cancel(self) -> None:
        """Findings that still come are of no use."""
        self._correction = None

    def clear(self) -> None:
        """There is no process any more."""
        self.cancel()
        self._recent.clear()

    def command(
        self, project: Project, number: int, picture_id: int, correction: Correction
    ) -> SearchCommand:
        """Search for places like this correction from now on. number: of its request"""
        self._correction = number, correction
        return _search_command(project, number, picture_id, correction, reversed(self._recent))

    def found(self, project: Project, event: LiveSimilar) -> SimilarPlaces | None:
        """What was found in one picture; None for an older correction."""
        if self._correction is None or event.number != self._correction[0]:
            return None
        places: tuple[SimilarPlace, ...] = ()
        try:
            places = free_places(project, event)
        except (MaskloopError, KeyError, ValueError) as error:
            log.warning("places like a correction are left out: picture %s (%s)", event.picture_id, error)
        return SimilarPlaces(*self._correction, places, event.remaining)


def _search_command(
    project: Project, number: int, shown: int, correction: Correction, others: Iterable[int]
) -> SearchCommand:
    """others: pictures whose features may be in the memory of the process."""
    pictures = []
    for picture_id in (shown, *(each for each in others if each != shown)):
        try:
            record = project.pictures.get(picture_id)
        except KeyError:
            continue  # not in the list any more
        if is_usable(record):
            prediction = project.prediction_path(picture_id) if record.is_predicted else None
            pictures.append(PicturePath(picture_id, project.picture_path(record.path), prediction))
    run = project.runs.latest_published()
    network_id = correction.run_id or (run.id if run else 0)
    classes = run_class_mapping(project, network_id).tobytes() if network_id else b""
    values = np.full(len(correction.points), correction.right, np.uint8)
    return SearchCommand(
        number,
        shown,
        correction.wrong,
        correction.right,
        PackedPixels.pack(LabelledPixels(correction.points, values)),
        tuple(pictures),
        correction.run_id,
        network_id,
        classes,
    )


def free_places(project: Project, event: LiveSimilar) -> tuple[SimilarPlace, ...]:
    """The regions that are mostly unlabelled, each with the box of its unlabelled pixels."""
    if not event.regions:
        return ()
    record = project.pictures.get(event.picture_id)
    label = read_label(project, record)
    found = (_free_place(record, label, packed.unpack()) for packed in event.regions)
    return tuple(each for each in found if each is not None)


def _free_place(record: PictureRecord, label: Values, region: GridRegion) -> SimilarPlace | None:
    size = label.shape[1], label.shape[0]
    box = region.picture_box(size)
    if box.is_empty:
        raise MaskloopError(f"A region outside {record.path} was found.")
    inside = region.pixels_in(box, size)
    free = inside & (label[box.slices] == UNLABELLED)
    if np.count_nonzero(free) < MIN_FREE * np.count_nonzero(inside) or not free.any():
        return None
    rows, columns = np.flatnonzero(free.any(1)), np.flatnonzero(free.any(0))
    tight = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return SimilarPlace(record.id, region, tight.moved(box.x0, box.y0))
