"""What a person has chosen for the curves: measures, axis, layout, smoothing, classes. Stored with the project."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from core.labels.confusion_scores import METRIC_TITLES
from core.session.training.run_series import SERIES_NAMES

NO_SCORES = "The IoU of each class appears here with the first validation, if there are validation pictures."
NO_SCORE = "{} appears here with the first validation, if there are validation pictures."
NO_LOSS = "The loss of each step appears here during training."
NO_PROGRESS = "{} appears here during training. Runs of earlier versions have not stored it."
NO_EPOCHS = "No run shown here has stored its epochs, as runs of earlier versions. Choose another axis."


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the list of measures. names: of the measurements that it draws; is_score: from 0 to 1, the higher the
    better; empty_text: said where there is none"""

    title: str
    names: tuple[str, ...]
    is_score: bool
    empty_text: str


def _score(name: str) -> Measure:
    title = METRIC_TITLES[name]
    title = title[0].upper() + title[1:] if name != "miou" else title
    return Measure(title, (name,), True, NO_SCORE.format(title))


def _progress(name: str, title: str) -> Measure:
    return Measure(title, (name,), False, NO_PROGRESS.format(title))


MEASURES = {
    "iou": Measure("IoU of each class", ("iou", "miou"), True, NO_SCORES),
    **{name: _score(name) for name in METRIC_TITLES},
    "loss": Measure("Loss", ("loss", "val_loss"), False, NO_LOSS),
    "learning_rate": _progress("learning_rate", "Learning rate"),
    "pictures_per_second": _progress("pictures_per_second", "Pictures a second"),
}
AXES = {
    "seconds": "Training time",
    "steps": "Steps",
    "epochs": "Epochs",
    "pictures": "Labelled pictures",
}
LAYOUTS = {"end": "End to end", "over": "Over each other"}
MAX_SMOOTHING = 99
"""Percent."""


@dataclass(frozen=True, slots=True)
class CurveChoices:
    """measures: keys of MEASURES, of the large and the small chart; axis: of AXES; layout: of LAYOUTS; smoothing:
    weight of the values before, in percent; classes: values that are shown, None: chosen by number and score; hidden:
    names of other measurements that are not shown"""

    measures: tuple[str, str] = ("iou", "loss")
    axis: str = "seconds"
    layout: str = "end"
    smoothing: int = 0
    classes: tuple[int, ...] | None = None
    hidden: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> CurveChoices:
        """What `to_json` wrote; what is missing or not understood is as in a new project."""
        try:
            found = json.loads(text or "{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return cls()
        default = cls()
        measures, smoothing, classes = found.get("measures"), found.get("smoothing"), found.get("classes")
        hidden = found.get("hidden")
        is_pair = isinstance(measures, list) and len(measures) == 2
        return cls(
            (measures[0], measures[1])
            if isinstance(measures, list) and is_pair and all(_is_key(each, MEASURES) for each in measures)
            else default.measures,
            found["axis"] if _is_key(found.get("axis"), AXES) else default.axis,
            found["layout"] if _is_key(found.get("layout"), LAYOUTS) else default.layout,
            smoothing if type(smoothing) is int and 0 <= smoothing <= MAX_SMOOTHING else default.smoothing,
            tuple(each for each in classes if type(each) is int) if isinstance(classes, list) else None,
            tuple(name for name in hidden if name in SERIES_NAMES) if isinstance(hidden, list) else (),
        )


def _is_key(value: object, keys: dict[str, Measure] | dict[str, str]) -> bool:
    return isinstance(value, str) and value in keys
