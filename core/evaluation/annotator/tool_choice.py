"""The edits that turn the current label into the true one, each with the tool that is quickest there.

They are only planned here; the caller carries them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from core.evaluation.annotator.edge_tolerance import edge_distance, is_within_tolerance
from core.evaluation.annotator.edit_planner import EditPlanner
from core.evaluation.annotator.planned_edit import (
    ALL_TOOLS,
    BRUSH_ALONE,
    VERDICTS,
    AnnotationTool,
    PlannedEdit,
    label_after,
    seconds_of,
)
from core.evaluation.annotator.region_verdicts import plan_verdicts
from core.evaluation.annotator.superpixel_drags import Segments
from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Values
from core.labels.uncertain_regions import UncertainRegion

REPAINTED_FROM = 0.4
"""Share of its edge that is wrong, from which on an object may be painted again."""
FILLS = 20
"""How often regions to fill are looked for, once before each class: a fill may ruin what was painted before."""


def plan_edits(
    current: Values,
    truth: Values,
    annotator: AnnotatorModel | None = None,
    tools: frozenset[AnnotationTool] = ALL_TOOLS,
    segments: Segments | None = None,
) -> Iterator[PlannedEdit]:
    """The edits that turn the `current` label into the `truth`; both (H, W) uint8.

    segments: superpixels of the picture; None where there is no superpixel tool

    What was right stays so within the tolerance, and unlabelled or void pixels of the truth do not count. What remains
    wrong is not `worth_correcting`. Deterministic. Raises ValueError when the sizes differ.
    """
    if current.shape != truth.shape:
        raise ValueError(f"the current label {current.shape} and the truth {truth.shape} differ in size")
    if segments is not None and segments.shape != truth.shape:
        raise ValueError(f"the superpixels {segments.shape} and the truth {truth.shape} differ in size")
    planner = EditPlanner(current.copy(), truth, annotator or AnnotatorModel(), tools, segments)
    for turn in count():
        if AnnotationTool.FILL in tools and turn < FILLS:
            yield from planner.fill()
        value = planner.next_class()
        if value is None:
            return
        yield from planner.paint_class(value)


def plan_corrections(
    prediction: Values,
    truth: Values,
    annotator: AnnotatorModel | None = None,
    tools: frozenset[AnnotationTool] = ALL_TOOLS,
    segments: Segments | None = None,
    regions: Sequence[UncertainRegion] = (),
) -> list[PlannedEdit]:
    """The quickest edits that correct a prediction, as `plan_edits`. regions: the uncertain ones of the prediction.

    Where it saves time, verdicts are given on uncertain regions first, or all objects of which much of the edge is
    wrong are painted again from nothing: their neighbours are then painted over them without care, and each edge is
    drawn once.
    """
    annotator = annotator or AnnotatorModel()
    kept = list(plan_edits(prediction, truth, annotator, tools, segments))
    if tools == BRUSH_ALONE:
        return kept
    plans = [kept]
    verdicts = plan_verdicts(prediction, truth, regions if tools >= VERDICTS else (), annotator)
    if verdicts:
        judged = label_after(prediction, verdicts)
        plans.append([*verdicts, *plan_edits(judged, truth, annotator, tools, segments)])
    again = _wrong_edge_share(prediction, truth, annotator.tolerance) >= REPAINTED_FROM
    if again.any():
        without_fill = tools - {AnnotationTool.FILL}  # what would be filled is not what is shown
        partly = np.where(again, np.uint8(UNLABELLED), prediction)
        plans.append(list(plan_edits(partly, truth, annotator, without_fill, segments)))
    return min(plans, key=seconds_of)


def _wrong_edge_share(current: Values, truth: Values, tolerance: float) -> NDArray[np.float32]:
    """(H, W) float32: of the true object at each pixel, the share of its edge next to which pixels are wrong."""
    shares = np.zeros(truth.shape, np.float32)
    for value in np.unique(truth).tolist():
        if value in (UNLABELLED, VOID):
            continue
        true = truth == value
        objects, numbers = cv2.connectedComponents(true.astype(np.uint8), connectivity=8)
        edge = true & (edge_distance(true) <= 1.5)
        wrong = true & (current != value) & ~is_within_tolerance(true & (current == value), true, tolerance)
        wrong |= ~true & (current == value) & (edge_distance(~true) > tolerance)
        near = edge & (edge_distance(~wrong) <= tolerance + 1.5)
        sizes = np.bincount(numbers[edge], minlength=objects)
        of_object = np.bincount(numbers[near], minlength=objects) / np.maximum(sizes, 1)
        shares[true] = of_object[numbers[true]]
    return shares
