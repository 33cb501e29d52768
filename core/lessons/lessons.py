"""The texts of the lessons, each with a demo to try or an action to open."""

from __future__ import annotations

from dataclasses import dataclass

from core.lessons.kernels import EDGES_ACROSS
from core.lessons.layer_demo import DemoSetup


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson. setup: the demo to show, if any; action_id, button_text: an action that opens the related part of the
    program, if any, and the text on its button."""

    title: str
    text: str
    setup: DemoSetup | None = None
    action_id: str = ""
    button_text: str = ""


LESSONS = (
    Lesson(
        "Semantic segmentation: a class for every pixel",
        "A network computes a score for each pixel and class. Softmax turns the scores into probabilities that sum to "
        "1; the class with the largest one is the prediction. What you paint is the ground truth it is trained on.",
        DemoSetup("softmax", patch_side=4),
        "workspace_label",
        "Open Label",
    ),
    Lesson(
        "Convolution",
        "A kernel of nine weights slides over the picture, and at each position the products are summed. Some kernels "
        "detect edges, others blur. In a network the weights are not set by hand: training finds them.",
        DemoSetup("convolution", EDGES_ACROSS, patch_side=16),
    ),
    Lesson(
        "Pooling and the receptive field",
        "Pooling keeps one value of each square, so the next kernel covers twice as much of the picture: its receptive "
        "field grows. Exact positions are lost; a U-Net restores them through its skip connections.",
        DemoSetup("max", pool_size=2, patch_side=16),
    ),
    Lesson(
        "Overfitting and validation",
        "A network can memorise its training pictures and still fail on new ones: it overfits. So some pictures "
        "are kept for validation and never trained on. Overfitting shows when the training loss falls but the "
        "validation score does not rise; more labelled pictures and augmentation help.",
        action_id="workspace_train",
        button_text="Open Train",
    ),
    Lesson(
        "IoU",
        "Of all pixels that are labelled or predicted as road, how many are both? That share is the IoU (intersection "
        "over union) of the class: 1 is perfect. Mean IoU gives rare classes the same weight as common ones.",
        action_id="workspace_train",
        button_text="Open Train",
    ),
    Lesson(
        "Dilated kernels and channel attention",
        "Atrous spatial pyramid pooling (ASPP) applies kernels with several dilation rates at the same position, for "
        "near and far context. Squeeze-and-excitation then scales each channel by a summary of the whole picture.",
        DemoSetup("dilated", EDGES_ACROSS, rate=4, patch_side=16),
    ),
)
