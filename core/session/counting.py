"""What an export holds, in numbers: beforehand for the dry run, and picture by picture for its card."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from core.formats.card import Card, Tally, moment
from core.formats.outgoing import Outgoing
from core.formats.writing import NO_SPLIT, LabelStatistics, OutPicture
from core.project.project import Project
from core.project.records import PictureRecord

if TYPE_CHECKING:
    from core.session.exporting import ExportWish


def statistics_of(
    project: Project, records: tuple[PictureRecord, ...], *, labels: bool, predictions: bool
) -> LabelStatistics:
    """In numbers what is to be written. Pixels of predictions are not counted: that would mean reading them all."""
    labelled = [r for r in records if labels and r.is_labelled]
    return LabelStatistics(
        project.pictures.pixels_in([r.id for r in labelled]),
        Counter(str(r.split or NO_SPLIT) for r in records),
        sum(max(0, (r.width or 0) * (r.height or 0) - r.labelled_pixels) for r in labelled),
        sum(bool(r.tags or r.note) for r in records),
        predictions,
        Counter(PurePosixPath(r.path).suffix.lower() for r in records),
    )


class Counting:
    """Counts pictures as they are written."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.tally = Tally()

    def wrote(self, piece: OutPicture) -> None:
        """A picture or a tile of one, as it is in the dataset."""
        values = piece.prediction if piece.label is None else piece.label
        self.tally.pictures[piece.split] += 1
        if values is None:
            return
        self.tally.masks[piece.split] += 1
        counts = np.bincount(values.ravel(), minlength=256)
        there = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
        self.tally.pixels.update(there)
        self.tally.holding.update(there.keys())

    def of(self, record: PictureRecord, picture: OutPicture) -> None:
        """A picture of the project was written: who labelled its pixels."""
        if picture.label is None:
            return
        who, meaning = self._project.labels.provenance(record.id, *picture.label.shape[::-1])
        counts = np.bincount(who.ravel())
        self.tally.said.update(
            {meaning[int(n)][0].value: int(counts[n]) for n in np.flatnonzero(counts) if int(n) in meaning}
        )


def card_of(
    project: Project, row: Outgoing, wish: ExportWish, losses: tuple[str, ...], left_out: int
) -> Card:
    """What the card says besides numbers."""
    what = " and ".join(["Labels"] * wish.labels + ["predictions"] * wish.predictions)
    return Card(
        project.name,
        row.title,
        row.about,
        version("maskloop"),
        moment(project.journal.newest_moment()),
        what[:1].upper() + what[1:],
        _choices(wish),
        losses,
        left_out,
    )


def _choices(wish: ExportWish) -> tuple[str, ...]:
    said = []
    if wish.splits:
        said.append(f"Only these splits: {', '.join(sorted(wish.splits))}.")
    if wish.only_done:
        said.append("Only pictures that are marked done.")
    if wish.shape.longest:
        said.append(
            f"The longer side of each picture was brought to {wish.shape.longest} pixels; masks took the nearest pixel."
        )
    if wish.shape.tile:
        kept = "those without a label left out" if wish.shape.drop_blank else "all of them kept"
        said.append(
            f"Cut into tiles of {wish.shape.tile} pixels that share {wish.shape.overlap}; {kept}. "
            "_y and _x in a name say where the tile begins."
        )
    return tuple(said)
