"""How to train: every number the loop needs, in words that fit in a file. No torch in here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from core.errors import TrainingError

LOSSES = ("cross-entropy", "dice", "cross-entropy+dice")
OPTIMIZERS = ("adamw", "sgd")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training. Exactly one of `minutes`, `steps`, `epochs` is the budget, the others are None.

    loss: one of LOSSES; class_weights: 0 = a class counts by its pixels, 1 = a rare one as much as a common one
    optimizer: one of OPTIMIZERS; learning_rate at its peak; weight_decay decoupled, not on biases and norms
    batch: pictures a step; crop: longest side in px of the piece that is learned from, None = a whole picture
    ema: decay per step of the averaged weights, which are what is scored and published
    flip: mirror left-right; zoom: smallest and largest enlargement; turn: degrees either way; colour: 0..1
    fresh: share of each batch drawn from newly changed labels, for `fresh_steps` steps after they came
    seed: of every random choice; precision: one of PRECISIONS; device: "auto", "cpu", "cuda", "cuda:1", "mps"
    threads: of torch on the processor, None = one a core

    Raises TrainingError when a part is out of range.
    """

    minutes: float | None = 5.0
    steps: int | None = None
    epochs: float | None = None
    loss: str = "cross-entropy+dice"
    class_weights: float = 0.5
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    batch: int = 6
    crop: int | None = None
    ema: float = 0.99
    flip: bool = True
    zoom: tuple[float, float] = (0.75, 1.6)
    turn: float = 3.0
    colour: float = 0.15
    fresh: float = 0.5
    fresh_steps: int = 60
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        budgets = [amount for amount in (self.minutes, self.steps, self.epochs) if amount is not None]
        if len(budgets) != 1:
            raise TrainingError("Give a training exactly one budget: minutes, steps or epochs.")
        checks = {
            "the budget must be more than nothing": _positive(budgets[0]),
            f"the loss must be one of {', '.join(LOSSES)}": self.loss in LOSSES,
            f"the optimizer must be one of {', '.join(OPTIMIZERS)}": self.optimizer in OPTIMIZERS,
            f"the precision must be one of {', '.join(PRECISIONS)}": self.precision in PRECISIONS,
            "the learning rate must be above 0 and at most 10": 0 < self.learning_rate <= 10,
            "the weight decay must be from 0 to 1": 0 <= self.weight_decay <= 1,
            "the batch must be at least one picture": self.batch >= 1,
            "the crop must be at least 32 pixels": self.crop is None or self.crop >= 32,
            "the averaging (ema) must be from 0 to below 1": 0 <= self.ema < 1,
            "the class weights must be from 0 to 1": 0 <= self.class_weights <= 1,
            "the zoom must run from at least 0.1 to at most 10": 0.1 <= self.zoom[0] <= self.zoom[1] <= 10,
            "the turn must be from 0 to 180 degrees": 0 <= self.turn <= 180,
            "the colour change must be from 0 to 1": 0 <= self.colour <= 1,
            "the share of fresh labels must be from 0 to 1": 0 <= self.fresh <= 1,
            "there must be at least one thread": self.threads is None or self.threads >= 1,
        }
        for sentence, holds in checks.items():
            if not holds:
                raise TrainingError(f"Training cannot start: {sentence}.")

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for `json.dumps`."""
        return {**asdict(self), "zoom": list(self.zoom)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` described, also that of another version of Maskloop: missing parts take the
        default, unknown ones are left out. Raises TrainingError when a part is wrong.
        """
        known = {field.name for field in fields(cls)}
        given = {name: value for name, value in raw.items() if name in known}
        try:
            if "zoom" in given:
                low, high = given["zoom"]
                given["zoom"] = (float(low), float(high))
            return cls(**given)
        except (TypeError, ValueError) as problem:
            raise TrainingError(f"The training recipe is damaged ({problem}).") from problem


def default_recipe(device_kind: str) -> Recipe:
    """What to start with on a device ("cpu", "mps" or "cuda"). docs/benchmarks.md says how it was found."""
    if device_kind == "cuda":
        return Recipe(batch=16, learning_rate=1e-3, ema=0.995, zoom=(0.5, 2.0))
    return Recipe()


def _positive(amount: float) -> bool:
    return amount > 0 and math.isfinite(amount)
