"""What a person has chosen for the curves: measures, axis, layout, smoothing, classes. Stored with the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from core.labels.confusion_scores import METRIC_TITLES

NO_SCORES = "The IoU of each class appears here with the first validation, if there are validation pictures."
NO_SCORE = "{} appears here with the first validation, if there are validation pictures."
NO_LOSS = "The loss of each step appears here during training."
NO_PROGRESS = "{} appears here during training. Runs of earlier versions have not stored it."
NO_PIXELS = (
    "No run shown here has stored its labelled pixels, as runs of earlier versions. Choose another axis."
)
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
    "pictures_per_second": _progress("pictures_per_second", "Pictures per second"),
}
AXES = {
    "seconds": "Training time",
    "steps": "Steps",
    "epochs": "Epochs",
    "pictures": "Labelled pictures",
    "pixels": "Labelled pixels",
}
BY_LABELS = frozenset({"pictures", "pixels"})
"""Axes along which the best of all runs is drawn."""
LAYOUTS = {"end": "End to end", "over": "Over each other"}
MAX_SMOOTHING = 99
"""Percent."""


@dataclass(frozen=True, slots=True)
class CurveChoices:
    """measures: keys of MEASURES, of the large and the small chart; axis: of AXES; layout: of LAYOUTS; smoothing:
    weight of the values before, in percent; classes: values that are shown, None: chosen by number and score; hidden:
    names of other measurements that are not shown; logarithmic: measures whose axis upwards is"""

    measures: tuple[str, str] = ("iou", "loss")
    axis: str = "seconds"
    layout: str = "end"
    smoothing: int = 0
    classes: tuple[int, ...] | None = None
    hidden: tuple[str, ...] = ()
    logarithmic: tuple[str, ...] = ()

    @property
    def is_by_labels(self) -> bool:
        return self.axis in BY_LABELS

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
        made = cls()
        match found.get("measures"):
            case [first, second] if _is_key(first, MEASURES) and _is_key(second, MEASURES):
                made = replace(made, measures=(first, second))
        if _is_key(found.get("axis"), AXES):
            made = replace(made, axis=found["axis"])
        if _is_key(found.get("layout"), LAYOUTS):
            made = replace(made, layout=found["layout"])
        match found.get("smoothing"):
            case int(percent) if 0 <= percent <= MAX_SMOOTHING:
                made = replace(made, smoothing=int(percent))
        match found.get("classes"):
            case [*values] if all(isinstance(each, int) for each in values):
                made = replace(made, classes=tuple(values))
        match found.get("hidden"):
            case [*names] if all(isinstance(each, str) for each in names):
                made = replace(made, hidden=tuple(names))
        match found.get("logarithmic"):
            case [*keys] if all(_is_key(each, MEASURES) and not MEASURES[each].is_score for each in keys):
                made = replace(made, logarithmic=tuple(keys))
        return made


def _is_key(value: object, keys: Mapping[str, object]) -> bool:
    return isinstance(value, str) and value in keys
