"""The recipe: every option of a training, its presets and defaults. Does not import torch."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.base.errors import TrainingError
from core.base.number_text import parse_decimal
from core.base.option_spec import OptionSpec, markdown
from core.labels.confusion_scores import MEAN_SCORES

LOSSES = ("ce", "dice", "jaccard", "focal", "tversky", "lovasz")
CLASS_WEIGHTS = ("none", "sqrt", "inverse", "effective")
OPTIMIZERS = ("adamw", "adam", "nadam", "sgd", "rmsprop")
METRICS = tuple(MEAN_SCORES)
SCHEDULES = ("cosine", "constant", "one-cycle", "poly", "plateau")
INITIALISERS = ("own", "he", "glorot", "orthogonal")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")
BUDGETS = ("minutes", "steps", "epochs")
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1.0},
    "balanced": {},
    "best": {"minutes": 30.0, "zoom": (0.5, 2.0), "ema": 0.998, "patience": 40},
}
"""Named sets of differences from the default recipe."""
PRETRAINED_CROP = 352
LARGE_INPUT, LARGE_INPUT_CROP = 512, 512
"""Pictures scaled to more pixels than this are trained on in crops: whole ones would take too much memory."""
BEFORE_PRETRAINED = {"head_first": False, "encoder_rate": 1.0, "frozen_levels": 0, "frozen_norm": False}
"""What recipes did that were stored before these options existed."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The options of one training, described by RECIPE_OPTIONS. Field names are stored with each run.

    Exactly one of `minutes`, `steps` and `epochs` is the budget, the others are None. Raises TrainingError when a value
    is not allowed.
    """

    minutes: float | None = 5.0
    steps: int | None = None
    epochs: float | None = None
    patience: int = 0
    metric: str = "miou"
    plateau_patience: int = 4
    plateau_factor: float = 0.3
    loss: str = "ce+dice"
    class_weights: str = "sqrt"
    correction_weight: float = 2.0
    fresh: float = 0.5
    fresh_steps: int = 60
    balanced: float = 0.5
    optimizer: str = "adamw"
    learning_rate: float | None = 3e-3
    schedule: str = "cosine"
    warm_up: int = 20
    weight_decay: float = 1e-2
    clip: float = 1.0
    batch: int = 6
    crop: int | None = None
    ema: float = 0.99
    dropout: float = 0.0
    initialiser: str = "own"
    freeze_encoder: float = 0.0
    head_first: bool = True
    encoder_rate: float = 0.4
    frozen_levels: int = 2
    frozen_norm: bool = True
    flip: str = "light"
    zoom: tuple[float, float] = (0.75, 1.6)
    turn: float = 3.0
    colour: float = 0.15
    blur: float = 0.0
    noise: float = 0.0
    seed: int = 0
    deterministic: bool = False
    precision: str = "auto"
    compile: bool = False
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        budgets = [amount for amount in (self.minutes, self.steps, self.epochs) if amount is not None]
        if len(budgets) != 1:
            raise TrainingError("Give a training exactly one budget: minutes, steps or epochs.")
        if not budgets[0] > 0:
            raise TrainingError("The budget of a training must be above 0.")
        for field in RECIPE_OPTIONS:
            field.validate(getattr(self, field.name))

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for `json.dumps`."""
        return {**asdict(self), "zoom": list(self.zoom)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` described, also that of another version of Maskloop: missing parts take the
        default, unknown ones are left out. Raises TrainingError when a part is wrong.
        """
        given = {name: value for name, value in raw.items() if name in RECIPE_OPTIONS_BY_NAME}
        if "encoder_rate" not in raw:
            given = {**BEFORE_PRETRAINED, **given}
        try:
            if isinstance(given.get("zoom"), list):
                low, high = given["zoom"]
                given["zoom"] = (float(low), float(high))
            # Values of the first versions: a power of 1/frequency, a long name, whether to flip.
            if isinstance(given.get("class_weights"), int | float):
                given["class_weights"] = {0.0: "none", 1.0: "inverse"}.get(
                    float(given["class_weights"]), "sqrt"
                )
            if isinstance(given.get("flip"), bool):
                given["flip"] = "light" if given["flip"] else "none"
            if isinstance(given.get("loss"), str):
                given["loss"] = given["loss"].replace("cross-entropy", "ce")
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise TrainingError(f"The training recipe is damaged ({error}).") from error

    def with_changes(self, differences: Mapping[str, Any]) -> Recipe:
        """With other parts; a budget among them takes the place of the one there was. Raises TrainingError."""
        given = {name: value for name, value in differences.items() if name in BUDGETS}
        others = dict.fromkeys(BUDGETS) if any(v is not None for v in given.values()) else {}
        return replace(self, **{**others, **differences})


def parse_loss(text: str) -> tuple[tuple[float, str], ...]:
    """(weight, one of LOSSES) of each term of "ce+dice" or "0.5*ce + 2*lovasz". Raises TrainingError."""
    terms: list[tuple[float, str]] = []
    for part in text.split("+"):
        found = re.fullmatch(r"\s*(?:(\d+(?:[.,]\d*)?|[.,]\d+)\s*\*\s*)?([a-z]+)\s*", part)
        if not found or found[2] not in LOSSES or parse_decimal(found[1] or "1") == 0:
            raise TrainingError(
                f"The loss “{text}” is not known; it takes {', '.join(LOSSES)}, or a sum such as ce+dice or "
                "0.5*ce+lovasz."
            )
        terms.append((parse_decimal(found[1] or "1"), found[2]))
    return tuple(terms)


def validate_device(text: str) -> None:
    """Raises TrainingError unless it is a name that a device can have."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise TrainingError(f"The device “{text}” is not known; choose auto, cpu, cuda, cuda:0 or mps.")


_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Recipe)}


def _row(name: str, title: str, kind: type, help_: str, group: str, **more: Any) -> OptionSpec:
    return OptionSpec(name, title, help_, kind, _DEFAULTS[name], group, error=TrainingError, **more)


_B, _L, _S, _O = "Budget", "Loss", "Sampling of corrections and rare classes", "Optimization"
_C, _P = "Callbacks", "Pretrained encoder"
_A, _M = "Augmentation", "Device and reproducibility"
_STRENGTHS = ("none", "light", "strong")

RECIPE_OPTIONS: tuple[OptionSpec, ...] = (
    _row("minutes", "Minutes", float, "Budget in minutes.", _B, minimum=0, none_word="none"),
    _row("steps", "Steps", int, "Budget in optimizer steps.", _B, minimum=0, none_word="none"),
    _row("epochs", "Epochs", float, "Budget in passes over the labelled pictures.", _B, minimum=0, none_word="none"),
    _row("patience", "Early stopping", int,
         "Patience: end after this many evaluations on val without a gain; 0 = never.", _C, minimum=0),
    _row("metric", "Best checkpoint by", str,
         "Score on val that decides which weights are kept. Curves and tables have all of them.", _C, choices=METRICS),
    _row("plateau_patience", "Plateau patience", int,
         "Schedule plateau: reduce the learning rate after this many evaluations on val without a gain.",
         _C, minimum=1),
    _row("plateau_factor", "Plateau factor", float, "Schedule plateau: factor of the learning rate each time.",
         _C, minimum=0.01, maximum=0.99),
    _row("loss", "Loss", str, f"One of {', '.join(LOSSES)}, or a weighted sum: ce+dice, 0.5*ce+lovasz.", _L,
         validator=parse_loss, suggestions=(*LOSSES, "ce+dice", "ce+lovasz", "focal+dice")),
    _row("class_weights", "Class weights", str,
         "Weight of a class in ce and focal: 1/frequency (inverse), its square root (sqrt), or by effective number.",
         _L, choices=CLASS_WEIGHTS),
    _row("correction_weight", "Correction weight", float,
         "Weight in the loss (except lovasz) of pixels where a prediction was corrected by hand.",
         _S, minimum=1, maximum=10),
    _row("fresh", "Fresh labels", float,
         "Share of each batch from labels that have just changed; the rest is sampled from all labels.",
         _S, minimum=0, maximum=1),
    _row("fresh_steps", "Steps with fresh labels", int, "Steps for which a changed label counts as fresh.",
         _S, minimum=0),
    _row("balanced", "Class-balanced crops", float,
         "Share of the other crops that are centred on a pixel of a class chosen with equal probability.",
         _S, minimum=0, maximum=1),
    _row("optimizer", "Optimizer", str, "sgd uses Nesterov momentum 0.9.", _O, choices=OPTIMIZERS),
    _row("learning_rate", "Learning rate", float, "Peak learning rate; auto runs the learning-rate finder.",
         _O, minimum=1e-8, maximum=10, none_word="auto", short="--lr"),
    _row("schedule", "Schedule", str, "Decay of the learning rate over the budget; plateau: where val no longer gains.",
         _O, choices=SCHEDULES),
    _row("warm_up", "Warm-up", int, "Steps in which the learning rate rises linearly to its peak.",
         _O, minimum=0, maximum=100_000),
    _row("weight_decay", "Weight decay", float, "Acts on weights, not on biases and norm layers.",
         _O, minimum=0, maximum=1),
    _row("clip", "Gradient clipping", float, "Largest norm of the gradient; 0 = no clipping.", _O, minimum=0),
    _row("batch", "Batch size", int, "Pictures a step; halved when memory runs out.", _O, minimum=1, maximum=4096),
    _row("crop", "Crop size", int, "Longest side in pixels of the crop that is trained on.",
         _O, minimum=32, maximum=16384, none_word="whole"),
    _row("ema", "EMA decay", float,
         "Decay a step of the averaged weights (EMA), which are evaluated and published; 0 = off.",
         _O, minimum=0, maximum=0.99999),
    _row("dropout", "Dropout", float, "Share of the channels before the last layer that are dropped.",
         _O, minimum=0, maximum=0.9),
    _row("initialiser", "Initialisation", str, "Of weights that are not pretrained; own = the network's own.",
         _O, choices=INITIALISERS),
    _row("freeze_encoder", "Freeze encoder", float, "Share of the budget in which the encoder is not trained.",
         _O, minimum=0, maximum=1),
    _row("head_first", "Head first", bool,
         "Fit the head of a new hypercolumn network to the features of its pretrained encoder before training it.", _P),
    _row("encoder_rate", "Encoder rate", float, "Learning rate of the encoder, as a share of that of the other layers.",
         _P, minimum=0, maximum=1),
    _row("frozen_levels", "Frozen levels", int,
         "Finest levels of a pretrained encoder that are never trained: a step is up to 40 % faster.",
         _P, minimum=0, maximum=5),
    _row("frozen_norm", "Frozen batch norm", bool, "Keep the batch norm statistics of the encoder.", _P),
    _row("flip", "Flip", str, "light: horizontally; strong: also vertically.", _A, choices=_STRENGTHS),
    _row("turn", "Rotation", float, "Largest angle in degrees, either way.", _A, minimum=0, maximum=180,
         aliases=(("none", 0.0), ("light", 3.0), ("strong", 20.0))),
    _row("zoom", "Scale", tuple, "Smallest and largest scale factor.", _A, minimum=0.1, maximum=10,
         aliases=(("none", (1.0, 1.0)), ("light", (0.75, 1.6)), ("strong", (0.5, 2.0)))),
    _row("colour", "Colour jitter", float, "Largest change of brightness, contrast, saturation and tint.",
         _A, minimum=0, maximum=1, aliases=(("none", 0.0), ("light", 0.15), ("strong", 0.4))),
    _row("blur", "Blur", float, "Largest sigma of a Gaussian blur, in pixels.", _A, minimum=0, maximum=5,
         aliases=(("none", 0.0), ("light", 0.8), ("strong", 2.0))),
    _row("noise", "Noise", float, "Largest strength of Gaussian noise, as a share of the range of a colour.",
         _A, minimum=0, maximum=0.5, aliases=(("none", 0.0), ("light", 0.03), ("strong", 0.1))),
    _row("seed", "Seed", int, "Of all random choices.", _M, minimum=0, maximum=2**31 - 1),
    _row("deterministic", "Deterministic", bool,
         "The same seed gives the same weights, with a budget in steps or epochs; slower on graphics cards.", _M),
    _row("precision", "Precision", str, "Number format; auto uses bfloat16 or float16 where the hardware has it.",
         _M, choices=PRECISIONS),
    _row("compile", "Compile", bool, "Compile the network with torch.compile: slow start, faster steps.", _M),
    _row("device", "Device", str, "auto, cpu, cuda, cuda:0 (the first of several) or mps.",
         _M, validator=validate_device),
    _row("threads", "Threads", int, "Threads of torch on the processor.",
         _M, minimum=1, maximum=1024, none_word="all"),
)  # fmt: skip
"""Every option of a training; command line options, docs and forms are made from it."""

RECIPE_OPTIONS_BY_NAME = {option.name: option for option in RECIPE_OPTIONS}


def default_recipe(device_kind: str, *, pretrained: bool = False, size: int = 0) -> Recipe:
    """The default on a device ("cpu", "mps" or "cuda"), for a network with or without a pretrained encoder.

    size: of the network's input; pictures larger than LARGE_INPUT are trained on in crops
    docs/experiments.md says how it was found.
    """
    crop = LARGE_INPUT_CROP if size > LARGE_INPUT else None
    if device_kind == "cuda":
        return Recipe(batch=16, learning_rate=1e-3, ema=0.995, zoom=(0.5, 2.0), crop=crop)
    if pretrained:
        # Larger rates undo what the encoder knows; whole pictures of 480 pixels make a step twice as long.
        return Recipe(learning_rate=1e-3, crop=PRETRAINED_CROP)
    return Recipe(crop=PRETRAINED_CROP if crop else None)


def parse_recipe_options(texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of options given as text, by field name; blank ones are left out. Raises TrainingError."""
    found = {name: RECIPE_OPTIONS_BY_NAME[name].parse(text) for name, text in texts.items() if text.strip()}
    if sum(found.get(name) is not None for name in BUDGETS) > 1:
        raise TrainingError("Give a training exactly one budget: minutes, steps or epochs.")
    return {name: value for name, value in found.items() if name not in BUDGETS or value is not None}


def format_recipe_changes(recipe: Recipe, default: Recipe) -> dict[str, str]:
    """The options in which a recipe differs from another, as text that `parse_recipe_options` reads."""
    values = {option.name: getattr(recipe, option.name) for option in RECIPE_OPTIONS}
    return {
        name: RECIPE_OPTIONS_BY_NAME[name].format(value)
        for name, value in values.items()
        if value != getattr(default, name) and (value is not None or name not in BUDGETS)
    }


def preset_recipe(name: str, device_kind: str, *, pretrained: bool = False) -> Recipe:
    """The default of a device with a preset's differences. Raises TrainingError for an unknown name."""
    if name not in PRESETS:
        raise TrainingError(f"There is no preset “{name}”; choose {', '.join(PRESETS)}.")
    return default_recipe(device_kind, pretrained=pretrained).with_changes(PRESETS[name])


if __name__ == "__main__":
    print(markdown(RECIPE_OPTIONS, PRESETS))  # noqa: T201  (for docs/training.md)
