"""Table of the ready experiments: networks that are trained on one dataset and compared. Does not import torch.

Its networks are trained as such experiments usually are: without the augmentation, class weights, averaged weights and
other defaults of Maskloop, which the default network beside them has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.base.display_text import quoted
from core.base.errors import UserError
from core.models.spec import InputSize

PLAIN: Mapping[str, Any] = {
    "class_weights": "none",
    "balanced": "0",
    "schedule": "constant",
    "warm_up": "0",
    "weight_decay": "0",
    "clip": "0",
    "ema": "0",
    "head_first": False,
    "encoder_rate": "1",
    "frozen_levels": "0",
    "frozen_norm": False,
    "flip": "none",
    "turn": "none",
    "zoom": "none",
    "colour": "none",
}
"""Options of a plain training: one loss, one learning rate, pictures as they are."""


@dataclass(frozen=True, slots=True)
class ExperimentNetwork:
    """A network of an experiment.

    architecture: name of `core.models.catalogue`, None for the default network with all defaults
    weights: "imagenet" where they are packaged or can be downloaded, else random
    options: recipe options by name, as the command line takes them; budget: times that of the experiment
    """

    title: str
    architecture: str | None = None
    encoder: str | None = None
    weights: str = "none"
    size: InputSize | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: float = 1.0


@dataclass(frozen=True, slots=True)
class ReferenceScores:
    """Scores that were published for an experiment. scores: by name of `MEAN_SCORES`"""

    title: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Experiment:
    """about: one line; data: what it is meant for; steps: what it does, in sentences
    references: scores to compare with; shows_one_hot: whether the report shows the targets of the Dice loss
    minutes: budget of each network unless another is given
    """

    name: str
    title: str
    about: str
    data: str
    steps: tuple[str, ...]
    networks: tuple[ExperimentNetwork, ...]
    references: tuple[ReferenceScores, ...] = ()
    shows_one_hot: bool = False
    minutes: float = 10.0


DEFAULT = ExperimentNetwork("Default network")
_ADAM: Mapping[str, Any] = {**PLAIN, "optimizer": "adam", "learning_rate": "0.001"}
_CROSS_ENTROPY: Mapping[str, Any] = {**_ADAM, "loss": "ce"}
_BESIDE = (
    "The default network with all default options is trained on the same data for the same time, to compare."
)
_NUMBERED = (
    "The distinct values of the masks are found and renumbered 0 to N-1 in the order of the classes; the table below "
    "shows the numbers, and “maskloop export numbered-masks” writes such masks."
)

EXPERIMENTS = (
    Experiment(
        "unet-resnet34",
        "U-Net on ResNet-34 with Dice loss",
        "U-Net on ResNet-34, 256 x 256, Dice loss, Adam",
        "Cityscapes image pairs, or any pictures with masks",
        (
            "Pictures are scaled to 256 x 256 pixels, whatever their shape, and normalised by the mean and standard "
            "deviation of ImageNet.",
            _NUMBERED,
            "The Dice loss compares the probabilities of each class with a one-hot target: a plane for each class that "
            "is 1 where the pixel has this class and 0 elsewhere. Void and unlabelled pixels are 0 in all planes and "
            "are left out.",
            "U-Net with a ResNet-34 encoder is trained with Adam (learning rate 0.001) on the Dice loss alone.",
            _BESIDE,
        ),
        (
            ExperimentNetwork(
                "U-Net on ResNet-34",
                "unet",
                "resnet34",
                "imagenet",
                (256, 256),
                {**_ADAM, "loss": "dice", "batch": "8"},
            ),
            DEFAULT,
        ),
        (ReferenceScores("Notebook, on Cityscapes", {"miou": 0.43}),),
        shows_one_hot=True,
    ),
    Experiment(
        "deeplab",
        "DeepLab v3+",
        "DeepLab v3+ with loss and accuracy, for street scenes",
        "CamVid (11 or 32 classes) or Cityscapes (19, 30 or 34 classes)",
        (
            "Pictures are scaled to a long side of 480 pixels. Cityscapes with 30 classes: --format cityscapes-30.",
            "DeepLab v3+ on ResNet-34 is trained with Adam and cross-entropy: dilated convolutions see far around a "
            "pixel at four scales at once, and a decoder brings the fine edges back.",
            "IoU and pixel accuracy are computed on the validation pictures, and inputs, labels and predictions are "
            "shown side by side.",
            _BESIDE,
        ),
        (
            ExperimentNetwork(
                "DeepLab v3+ on ResNet-34",
                "deeplabv3plus",
                "resnet34",
                "imagenet",
                480,
                {**_CROSS_ENTROPY, "flip": "light", "batch": "4", "learning_rate": "0.0005"},
            ),
            DEFAULT,
        ),
    ),
    Experiment(
        "pets",
        "Three networks on pets",
        "U-Net on MobileNetV2, FCN-8s and plain U-Net",
        "Oxford-IIIT Pet, or any pictures with masks of a few classes",
        (
            "The trimaps hold 1, 2 and 3. They become classes that are numbered from 0, as the networks count them: "
            "see the table below.",
            "Three networks are trained on pictures scaled to 128 x 128 pixels, each with Adam and cross-entropy: "
            "U-Net on a MobileNetV2 encoder; FCN-8s, which adds the scores of three levels of a VGG network; and the "
            "U-Net of 2015 at half its width, from random weights.",
            _BESIDE,
        ),
        (
            ExperimentNetwork(
                "U-Net on MobileNetV2",
                "unet",
                "mobilenet_v2",
                "imagenet",
                (128, 128),
                {**_CROSS_ENTROPY, "batch": "16", "flip": "light"},
            ),
            ExperimentNetwork(
                "FCN-8s",
                "fcn-8s",
                "vgg16_bn",
                "imagenet",
                (128, 128),
                {**_CROSS_ENTROPY, "batch": "16", "flip": "light", "learning_rate": "0.0003"},
            ),
            ExperimentNetwork(
                "Plain U-Net",
                "plain-unet",
                size=(128, 128),
                options={**_CROSS_ENTROPY, "batch": "16", "flip": "light"},
            ),
            DEFAULT,
        ),
    ),
    Experiment(
        "base-improved",
        "A base U-Net and an improved one",
        "the same U-Net without and with dropout, initialiser, optimiser and more epochs",
        "Cityscapes image pairs, or any pictures with masks",
        (
            "Each file of Cityscapes image pairs holds a photograph and its colour-coded labels; they are cut apart, "
            "and each pixel gets the class whose colour it had before JPEG smeared it.",
            "The base is a plain U-Net with cross-entropy and stochastic gradient descent.",
            "The improved one is the same network with four changes: half of the channels before the last layer are "
            "dropped in training, weights start by He's rule, Adam takes the place of gradient descent, and it is "
            "trained twice as long.",
            "The difference between the two is given for the mean and for each class, with its 95 % interval.",
            _BESIDE,
        ),
        (
            ExperimentNetwork(
                "Base U-Net",
                "plain-unet",
                size=(256, 256),
                options={**PLAIN, "loss": "ce", "optimizer": "sgd", "learning_rate": "0.01", "batch": "8"},
            ),
            ExperimentNetwork(
                "Improved U-Net",
                "plain-unet",
                size=(256, 256),
                options={**_CROSS_ENTROPY, "dropout": "0.5", "initialiser": "he", "batch": "8"},
                budget=2.0,
            ),
            DEFAULT,
        ),
        (ReferenceScores("Notebook, on Cityscapes image pairs", {"pixel_accuracy": 0.71, "dice": 0.46}),),
    ),
    Experiment(
        "aerial",
        "An asymmetric U-Net on aerial pictures",
        "asymmetric U-Net with ASPP and SE at 144 x 256",
        "aerial pictures with masks, such as those of Dubai",
        (
            "Pictures are scaled to 256 pixels in width and 144 in height, whatever their shape.",
            "The encoder is deeper and wider than the decoder (asymmetric). Atrous spatial pyramid pooling (ASPP) "
            "looks at several distances around each pixel, and squeeze-and-excitation (SE) weighs the "
            "channels by what the picture holds.",
            "It starts from random weights and is trained with Adam on cross-entropy and Dice together; pictures are "
            "mirrored and turned, because an aerial picture has no top.",
            _BESIDE,
        ),
        (
            ExperimentNetwork(
                "Asymmetric U-Net with ASPP and SE",
                "asymmetric-unet",
                size=(256, 144),
                options={**_ADAM, "loss": "ce+dice", "batch": "8", "flip": "strong", "turn": "strong"},
            ),
            DEFAULT,
        ),
    ),
    Experiment(
        "default",
        "The default network",
        "what Maskloop trains by itself, without a choice",
        "any pictures with masks",
        (
            "The default network is trained with all default options: an encoder pretrained on ImageNet that comes "
            "inside a package, whose head is fitted first.",
        ),
        (DEFAULT,),
    ),
)


def experiment(name: str) -> Experiment:
    """The experiment of this name. Raises UserError, which lists all names."""
    for each in EXPERIMENTS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in EXPERIMENTS)
    raise UserError(f"There is no recipe {quoted(name)}; choose one of {names}.")
