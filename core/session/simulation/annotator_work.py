"""The work of the simulated annotator on one picture: what it still plans, and what it has done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.evaluation.annotator.planned_edit import VERDICTS, AnnotationTool, PlannedEdit, seconds_of
from core.evaluation.annotator.superpixel_drags import Segments
from core.evaluation.annotator.time_model import AnnotatorModel
from core.evaluation.annotator.tool_choice import plan_corrections
from core.labels.class_list import UNLABELLED
from core.labels.label_map import LabelMap, Values
from core.labels.prediction import PredictedMask
from core.labels.uncertain_regions import UncertainRegion, find_uncertainty
from core.project.records import PictureRecord

ASK_LIVE_AFTER = (8, 32)
"""Edits after which the live prediction takes the place of what is shown and not yet painted."""


class AnnotatorWork:
    """One picture, corrected from its prediction or painted from blank, whichever is quicker. Used from one thread."""

    def __init__(
        self,
        record: PictureRecord,
        truth: Values,
        prediction: PredictedMask | None,
        blank: Sequence[PlannedEdit],
        annotator: AnnotatorModel,
        tools: frozenset[AnnotationTool],
        segments: Segments | None = None,
    ) -> None:
        """blank: the edits from blank; truth: (H, W) uint8; segments: superpixels of the picture"""
        self.record, self.prediction = record, prediction
        self._truth, self._annotator, self._tools, self._segments = truth, annotator, tools, segments
        self.shown: PredictedMask | None = None
        """What is accepted in the end where nothing was painted; None when painting from blank."""
        self.planned = list(blank)
        if prediction is not None:
            regions = _uncertain_regions(prediction) if tools >= VERDICTS else ()
            corrections = plan_corrections(prediction.values, truth, annotator, tools, segments, regions)
            if seconds_of(corrections) + annotator.key_seconds < seconds_of(blank):
                self.shown, self.planned = prediction, corrections
        self.done: list[PlannedEdit] = []
        self.live_answers = 0

    @property
    def finish_seconds(self) -> float:
        return self._annotator.finish_seconds(accepts=self.shown is not None)

    @property
    def asks_live(self) -> bool:
        """Whether it is time for a live prediction."""
        return len(self.done) in ASK_LIVE_AFTER and bool(self.planned)

    def next_edit(self) -> PlannedEdit | None:
        """The next edit, which is done then; None at the end."""
        if not self.planned:
            return None
        self.done.append(self.planned.pop(0))
        return self.done[-1]

    def replan(self, painted: Values, live: PredictedMask | None) -> None:
        """Go on with a live prediction where nothing is painted yet, (H, W) uint8; None: there is none.

        The annotator keeps what it saw before where that leaves less to do.
        """
        if live is None or live.values.shape != painted.shape:
            return
        now = np.where(painted == UNLABELLED, live.values, painted)
        planned = plan_corrections(now, self._truth, self._annotator, self._tools, self._segments)
        if planned:  # to come back from looking at the answer
            planned[0] = replace(planned[0], seconds=planned[0].seconds + self._annotator.search_seconds)
        if seconds_of(planned) < seconds_of(self.planned):
            self.planned, self.shown = planned, live
            self.live_answers += 1


def _uncertain_regions(prediction: PredictedMask) -> tuple[UncertainRegion, ...]:
    """Those of a picture that nobody has labelled yet."""
    height, width = prediction.values.shape
    return find_uncertainty(prediction, LabelMap.blank(width, height).snapshot()).regions
