"""Labels that a person has called right although a network contradicts them; edits of the journal, so undoable."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from core.base.geometry import Box
from core.labels.label_region import LabelRegion
from core.project.row_changes import RowChange
from core.project.schema import kept_labels
from core.project.store import Store


class KeptLabelRepository:
    """The regions of an open project. Used on the thread that owns its Store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def picture_ids(self) -> frozenset[int]:
        """Pictures with any."""
        with self._store.read_transaction() as connection:
            return frozenset(connection.execute(select(kept_labels.c.picture_id).distinct()).scalars())

    def of_picture(self, picture_id: int) -> list[LabelRegion]:
        """Those of one picture; its label may have changed since. Rows that are none are left out."""
        query = select(kept_labels).where(kept_labels.c.picture_id == picture_id)
        with self._store.read_transaction() as connection:
            rows = connection.execute(query.order_by(kept_labels.c.digest)).all()
        regions = (_region_of(row) for row in rows)
        return [region for region in regions if region is not None]


def keep_row(picture_id: int, region: LabelRegion) -> RowChange:
    """The row that says that the label of a region is right, for `JournalRepository.change_rows`."""
    box = region.box
    content = {
        "class_value": region.class_value,
        "x0": box.x0,
        "y0": box.y0,
        "x1": box.x1,
        "y1": box.y1,
        "mask": base64.b64encode(region.mask).decode(),
    }
    return RowChange("kept_labels", f"{picture_id}:{region.digest}", content)


def renumbered_rows(
    connection: Connection, picture_ids: Collection[int], value: int, new_value: int
) -> list[RowChange]:
    """The rows of these pictures whose class gets another value, for the edit that gives it to their labels."""
    found = []
    for row in connection.execute(select(kept_labels).where(kept_labels.c.class_value == value)):
        if row.picture_id in picture_ids and (region := _region_of(row)) is not None:
            found.append(RowChange("kept_labels", f"{row.picture_id}:{row.digest}", None))
            found.append(keep_row(row.picture_id, replace(region, class_value=new_value)))
    return found


def _region_of(row: Row[Any]) -> LabelRegion | None:
    """None for what is no region: the file may be a stranger's."""
    numbers = [row.class_value, row.x0, row.y0, row.x1, row.y1]
    if not all(isinstance(number, int) for number in numbers):
        return None
    try:
        mask = base64.b64decode(row.mask, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None
    return LabelRegion(numbers[0], Box(*numbers[1:]), mask)
