"""Writes Cityscapes: leftImg8bit and gtFine with labelIds, labelTrainIds and colours, for classes of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from core.base.errors import FormatError
from core.formats.class_sets import class_set, train_ids
from core.formats.dataset_types import DatasetClass
from core.formats.writers.base import (
    NO_SPLIT,
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    tag_losses,
    void_losses,
    write_index_png,
    write_rgb_png,
)
from core.labels.class_list import ClassList

CITY = "maskloop"
_UNLABELLED = 0
_NOT_TRAINED = 255


class CityscapesWriter:
    """Classes are matched by name; pixels of other classes become unlabeled (0)."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        known = _known(classes)
        lost = [*tag_losses(statistics), *void_losses(statistics, "0, unlabeled")]
        if unknown := [c.name for c in classes if c.value not in known]:
            names = ", ".join(unknown[:8])
            names = names if len(unknown) <= 8 else f"{names} …"
            lost.append(f"Cityscapes has no class called {names}: their pixels become unlabeled.")
        trained = set(train_ids().values())
        if unscored := [c.name for c in known.values() if c.index not in trained]:
            lost.append(
                f"labelTrainIds do not contain {', '.join(unscored[:8])}: Cityscapes does not evaluate them."
            )
        if statistics.without_split:
            lost.append(
                f"Pictures without a split ({statistics.without_split:,}) are written to a folder “{NO_SPLIT}”, "
                "which readers of Cityscapes ignore."
            )
        return tuple(lost)

    def start(self, plan: WritePlan) -> None:
        known = _known(plan.classes)
        self._root = plan.root
        self._ids = np.full(256, _UNLABELLED, np.uint8)
        self._train = np.full(256, _NOT_TRAINED, np.uint8)
        self._colours = np.zeros((256, 3), np.uint8)
        number = {label: train for train, label in train_ids().items()}
        for value, c in known.items():
            self._ids[value] = c.index
            self._train[value] = number.get(c.index, _NOT_TRAINED)
            self._colours[value] = c.colour

    def write(self, picture: ExportPicture) -> WriteResult:
        name = picture.name
        below = f"{picture.split}/{CITY}"
        path = copy_picture(picture, self._root / "leftImg8bit" / below, f"{name}_leftImg8bit", (".png",))
        if picture.label is None:
            return WriteResult((path,))
        lead = self._root / "gtFine" / below
        kinds = ("labelIds", "labelTrainIds", "color")
        ids, train, colour = (lead / f"{name}_gtFine_{kind}.png" for kind in kinds)
        write_index_png(ids, self._ids[picture.label])
        write_index_png(train, self._train[picture.label])
        write_rgb_png(colour, self._colours[picture.label])
        return WriteResult((path, ids, train, colour))

    def finish(self, entries: Iterable[Any]) -> None:
        del entries


def _known(classes: ClassList) -> Mapping[int, DatasetClass]:
    """Cityscapes label by class value, for classes of the same name. Raises FormatError if there is none."""
    labels = {c.name.casefold(): c for c in class_set("cityscapes") if c.index > 0}
    known = {c.value: labels[c.name.casefold()] for c in classes if c.name.casefold() in labels}
    if not known:
        names = ", ".join(c.name for c in class_set("cityscapes") if c.index in train_ids().values())
        raise FormatError(
            f"No class of this project has the name of a Cityscapes class ({names}). Rename classes, or choose a "
            "format that allows any name."
        )
    return known
