"""How to train: every choice that the loop has, in words that fit in a file. No torch in here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.base.errors import TrainingError
from core.base.option_spec import OptionSpec, markdown

LOSSES = ("ce", "dice", "jaccard", "focal", "tversky", "lovasz")
CLASS_WEIGHTS = ("none", "sqrt", "inverse", "effective")
OPTIMIZERS = ("adamw", "adam", "nadam", "sgd", "rmsprop")
SCHEDULES = ("cosine", "constant", "one-cycle", "poly")
INITIALISERS = ("own", "he", "glorot", "orthogonal")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")
BUDGETS = ("minutes", "steps", "epochs")
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1.0, "zoom": (0.9, 1.2), "turn": 0.0},
    "balanced": {},
    "best": {"minutes": 30.0, "zoom": (0.5, 2.0), "ema": 0.998, "patience": 40},
}
"""Named sets of differences from what training does by itself."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training; TABLE says what each part is. Exactly one of `minutes`, `steps`, `epochs` is the budget, the
    others are None. Raises TrainingError when a part is impossible.
    """

    minutes: float | None = 5.0
    steps: int | None = None
    epochs: float | None = None
    patience: int = 0
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
            raise TrainingError("The budget of a training must be more than nothing.")
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
        try:
            if isinstance(given.get("zoom"), list):
                low, high = given["zoom"]
                given["zoom"] = (float(low), float(high))
            # As the first versions said it: a power of 1/frequency, a long name, sideways or not.
            if isinstance(given.get("class_weights"), int | float):
                given["class_weights"] = {0.0: "none", 1.0: "inverse"}.get(
                    float(given["class_weights"]), "sqrt"
                )
            if isinstance(given.get("flip"), bool):
                given["flip"] = "light" if given["flip"] else "none"
            if isinstance(given.get("loss"), str):
                given["loss"] = given["loss"].replace("cross-entropy", "ce")
            return cls(**given)
        except (TypeError, ValueError) as problem:
            raise TrainingError(f"The training recipe is damaged ({problem}).") from problem

    def with_changes(self, differences: Mapping[str, Any]) -> Recipe:
        """With other parts; a budget among them takes the place of the one there was. Raises TrainingError."""
        given = {name: value for name, value in differences.items() if name in BUDGETS}
        others = dict.fromkeys(BUDGETS) if any(v is not None for v in given.values()) else {}
        return replace(self, **{**others, **differences})


def parse_loss(text: str) -> tuple[tuple[float, str], ...]:
    """(weight, one of LOSSES) of each term of "ce+dice" or "0.5*ce + 2*lovasz". Raises TrainingError."""
    terms: list[tuple[float, str]] = []
    for part in text.split("+"):
        found = re.fullmatch(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)\s*\*\s*)?([a-z]+)\s*", part)
        if not found or found[2] not in LOSSES or float(found[1] or 1) == 0:
            raise TrainingError(
                f"The loss “{text}” is not known; it takes {', '.join(LOSSES)}, or a sum such as ce+dice or "
                "0.5*ce+lovasz."
            )
        terms.append((float(found[1] or 1), found[2]))
    return tuple(terms)


def validate_device(text: str) -> None:
    """Raises TrainingError unless it is a name that a device can have."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise TrainingError(f"The device “{text}” is not known; choose auto, cpu, cuda, cuda:0 or mps.")


_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Recipe)}


def _row(name: str, title: str, kind: type, help_: str, group: str, **more: Any) -> OptionSpec:
    return OptionSpec(name, title, help_, kind, _DEFAULTS[name], group, error=TrainingError, **more)


_B, _L, _C, _O = "Budget", "What is made small", "Corrections and rare classes", "How it learns"
_A, _M = "Augmentation", "Machine"
_STRENGTHS = ("none", "light", "strong")

RECIPE_OPTIONS: tuple[OptionSpec, ...] = (
    _row("minutes", "Minutes", float, "Budget in minutes.", _B, minimum=0, none_word="none"),
    _row("steps", "Steps", int, "Budget in steps.", _B, minimum=0, none_word="none"),
    _row("epochs", "Epochs", float, "Budget in passes over the labelled pictures.", _B, minimum=0, none_word="none"),
    _row("patience", "Patience", int, "End after so many looks at the val pictures without a better one; 0 = never.",
         _B, minimum=0),
    _row("loss", "Loss", str, f"One of {', '.join(LOSSES)}, or a weighted sum: ce+dice, 0.5*ce+lovasz.", _L,
         validator=parse_loss, suggestions=(*LOSSES, "ce+dice", "ce+lovasz", "focal+dice")),
    _row("class_weights", "Class weights", str,
         "What a pixel of a rare class counts more in ce and focal: by the square root of 1/frequency, by all of it, "
         "or by effective number.", _L, choices=CLASS_WEIGHTS),
    _row("correction_weight", "Weight of corrections", float,
         "What a pixel counts where a person painted over another prediction; Lovász counts all alike.", _C, minimum=1,
         maximum=10),
    _row("fresh", "Share of fresh labels", float,
         "Of each batch, what comes from labels that have just changed; the others are old ones of all kinds.", _C,
         minimum=0, maximum=1),
    _row("fresh_steps", "Steps with fresh labels", int, "For how many steps a label stays fresh.", _C, minimum=0),
    _row("balanced", "Balanced crops", float,
         "Share of the other crops that lie around a class drawn evenly, however rare it is.", _C, minimum=0, maximum=1),
    _row("optimizer", "Optimiser", str, "Who turns gradients into steps; sgd is with Nesterov momentum 0.9.", _O,
         choices=OPTIMIZERS),
    _row("learning_rate", "Learning rate", float, "At its peak; auto finds one by a short range test.", _O, minimum=1e-8,
         maximum=10, none_word="auto", short="--lr"),
    _row("schedule", "Schedule", str, "How the learning rate falls over the budget.", _O, choices=SCHEDULES),
    _row("warm_up", "Warm-up", int, "Steps in which the learning rate rises to its peak.", _O, minimum=0, maximum=100_000),
    _row("weight_decay", "Weight decay", float, "Pull towards zero of weights, not of biases and norms.", _O, minimum=0,
         maximum=1),
    _row("clip", "Longest gradient", float, "Longer gradients are shortened to it; 0 = never.", _O, minimum=0),
    _row("batch", "Batch", int, "Pictures a step; halves by itself when memory runs out.", _O, minimum=1, maximum=4096),
    _row("crop", "Crop", int, "Longest side in pixels of the piece that is learned from.", _O, minimum=32, maximum=16384,
         none_word="whole"),
    _row("ema", "Averaging", float, "Decay a step of the averaged weights, which are scored and published; 0 = off.",
         _O, minimum=0, maximum=0.99999),
    _row("dropout", "Dropout", float, "Share of the channels before the last layer that are silenced.", _O, minimum=0,
         maximum=0.9),
    _row("initialiser", "Initialiser", str, "Of weights that start at random; own = as the network's makers did.",
         _O, choices=INITIALISERS),
    _row("freeze_encoder", "Frozen encoder", float, "Share of the budget in which the encoder stays as it is.", _O,
         minimum=0, maximum=1),
    _row("flip", "Flip", str, "Mirror: light sideways, strong also upside down.", _A, choices=_STRENGTHS),
    _row("turn", "Turn", float, "Degrees either way.", _A, minimum=0, maximum=180,
         aliases=(("none", 0.0), ("light", 3.0), ("strong", 20.0))),
    _row("zoom", "Scale", tuple, "Smallest and largest enlargement.", _A, minimum=0.1, maximum=10,
         aliases=(("none", (1.0, 1.0)), ("light", (0.75, 1.6)), ("strong", (0.5, 2.0)))),
    _row("colour", "Colour", float, "Change of brightness, contrast, saturation and tint.", _A, minimum=0, maximum=1,
         aliases=(("none", 0.0), ("light", 0.15), ("strong", 0.4))),
    _row("blur", "Blur", float, "Largest radius in pixels (sigma).", _A, minimum=0, maximum=5,
         aliases=(("none", 0.0), ("light", 0.8), ("strong", 2.0))),
    _row("noise", "Noise", float, "Largest strength, as a share of the range of a colour.", _A, minimum=0, maximum=0.5,
         aliases=(("none", 0.0), ("light", 0.03), ("strong", 0.1))),
    _row("seed", "Seed", int, "Of every random choice.", _M, minimum=0, maximum=2**31 - 1),
    _row("deterministic", "Deterministic", bool,
         "The same seed gives the same weights, with a budget in steps or epochs; slower on graphics cards.", _M),
    _row("precision", "Precision", str, "Number format; auto takes half-size numbers where the hardware has them.",
         _M, choices=PRECISIONS),
    _row("compile", "Compile", bool, "Let torch compile the network: slow to begin, quicker later.", _M),
    _row("device", "Device", str, "auto, cpu, cuda, cuda:0 (the first of several) or mps.", _M, validator=validate_device),
    _row("threads", "Threads", int, "Of torch on the processor.", _M, minimum=1, maximum=1024, none_word="all"),
)  # fmt: skip
"""Every choice of a training, once: options, docs and forms are made from it."""

RECIPE_OPTIONS_BY_NAME = {field.name: field for field in RECIPE_OPTIONS}


def default_recipe(device_kind: str) -> Recipe:
    """What to start with on a device ("cpu", "mps" or "cuda"). docs/benchmarks.md says how it was found."""
    if device_kind == "cuda":
        return Recipe(batch=16, learning_rate=1e-3, ema=0.995, zoom=(0.5, 2.0))
    return Recipe()


def parse_recipe_options(said: Mapping[str, str]) -> dict[str, Any]:
    """The values of choices said in words, by name of the field; what is blank is not said. Raises TrainingError."""
    found = {name: RECIPE_OPTIONS_BY_NAME[name].parse(text) for name, text in said.items() if text.strip()}
    if sum(found.get(name) is not None for name in BUDGETS) > 1:
        raise TrainingError("Give a training exactly one budget: minutes, steps or epochs.")
    return {name: value for name, value in found.items() if name not in BUDGETS or value is not None}


def format_recipe_changes(recipe: Recipe, usual: Recipe) -> dict[str, str]:
    """What a recipe has otherwise than another, in the words that `read_choices` reads."""
    pairs = ((field, getattr(recipe, field.name)) for field in RECIPE_OPTIONS)
    return {f.name: f.format(value) for f, value in pairs if value is not None or f.name not in BUDGETS
            if value != getattr(usual, f.name)}  # fmt: skip


def preset_recipe(name: str, device_kind: str) -> Recipe:
    """The default of a device with a preset's differences. Raises TrainingError for an unknown name."""
    if name not in PRESETS:
        raise TrainingError(f"There is no preset “{name}”; choose {', '.join(PRESETS)}.")
    return default_recipe(device_kind).with_changes(PRESETS[name])


if __name__ == "__main__":
    print(markdown(RECIPE_OPTIONS, PRESETS))  # noqa: T201  (for docs/training.md)
