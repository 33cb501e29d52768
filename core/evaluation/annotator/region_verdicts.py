"""Verdicts on uncertain regions, one key each: right as predicted, or another class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.base.geometry import Box
from core.evaluation.annotator.brush_strokes import MARGIN, brush_seconds
from core.evaluation.annotator.planned_edit import AnnotationTool, PlannedEdit
from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Values
from core.labels.uncertain_regions import UncertainRegion

RIGHT_SHARE = 0.95
"""Share of a region that has to be right for the verdict "right"."""


def plan_verdicts(
    prediction: Values, truth: Values, regions: Sequence[UncertainRegion], annotator: AnnotatorModel
) -> list[PlannedEdit]:
    """Verdicts on as many of the regions, in their order, as save time against the brush; none where none does.

    prediction, truth: (H, W) uint8. A region that is neither right nor better off with another class is passed by one
    key, the time of which is part of the next verdict. So is the key that begins the walk; the last verdict has that
    which ends it, unless it was on the last region.
    """
    label = prediction.copy()
    verdicts: list[PlannedEdit] = []
    count, saved, most_saved, last_key, spent = 0, 0.0, 0.0, 0.0, annotator.key_seconds
    for number, region in enumerate(regions, 1):
        spent += annotator.verdict_seconds
        pixels, place = region.pixels_in(region.box), region.box.slices
        counts = np.bincount(truth[place][pixels], minlength=256)
        counts[[UNLABELLED, VOID]] = 0
        value = int(counts.argmax())
        if not counts.any() or (value == region.value and counts[value] < RIGHT_SHARE * counts.sum()):
            continue
        gain = 0.0
        if value != region.value:
            after = label.copy()
            after[place][pixels] = value
            gain = _saved(label, after, truth, (value, region.value), region.box, annotator)
            if gain <= 0:
                continue
        label[place][pixels] = value
        tool = AnnotationTool.ACCEPT if value == region.value else AnnotationTool.CORRECT
        at = np.array([region.anchor], np.int64)
        verdicts.append(PlannedEdit(tool, value, 0.0, at, region.box, pixels, spent))
        saved += gain - spent
        spent = 0.0
        end = 0.0 if number == len(regions) else annotator.key_seconds
        if saved - end > most_saved:
            count, most_saved, last_key = len(verdicts), saved - end, end
    if not count:
        return []
    *others, last = verdicts[:count]
    return [*others, replace(last, seconds=last.seconds + last_key)]


def _saved(
    before: Values, after: Values, truth: Values, values: tuple[int, ...], box: Box, annotator: AnnotatorModel
) -> float:
    """Seconds of painting both classes with the brush around the region that a verdict saves."""
    part = box.grown(MARGIN).clipped(truth.shape[1], truth.shape[0])
    corner, true = (part.x0, part.y0), truth[part.slices]
    without, with_it = (
        sum(brush_seconds(label[part.slices], true, value, corner, None, annotator) for value in values)
        for label in (before, after)
    )
    return without - with_it
