"""The lessons: a few plain sentences each, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass

from core.lessons.kernels import EDGES_ACROSS
from core.lessons.layer_demo import DemoSetup


@dataclass(frozen=True, slots=True)
class Lesson:
    """setup: what to put on the bench, else None; place, door: the id of an action that leads to what it is about,
    and the words on its button; both may be there."""

    title: str
    text: str
    setup: DemoSetup | None = None
    action_id: str = ""
    button_text: str = ""


LESSONS = (
    Lesson(
        "What a class of a pixel is",
        "A network gives every pixel one score for each class. Softmax turns the scores into shares that sum to 1, "
        "and the largest share is the prediction. What you paint are the right answers it learns from.",
        DemoSetup("softmax", patch_side=4),
        "workspace_label",
        "Go and paint",
    ),
    Lesson(
        "Convolution",
        "Nine numbers slide over the picture, and at each place the products are summed. Some numbers find edges, "
        "others blur. Nobody chooses those of a network: it learns them.",
        DemoSetup("convolution", EDGES_ACROSS, patch_side=16),
    ),
    Lesson(
        "Pooling and how far it sees",
        "Pooling keeps one number of each square, so the same kernel then covers twice as much of the picture. What "
        "is lost is where exactly things were; a U-Net brings that back over its bridges.",
        DemoSetup("max", pool_size=2, patch_side=16),
    ),
    Lesson(
        "Overfitting and validation",
        "A network can learn its pictures by heart and still fail on new ones. So some pictures are kept for "
        "validation: it never learns from them. Loss that falls while their score does not rise is the sign; more "
        "labelled pictures and augmentation are the cure.",
        action_id="workspace_train",
        button_text="Open the charts",
    ),
    Lesson(
        "IoU",
        "Of all pixels that are road, or were taken for it, how many are both? That share is the IoU "
        "(intersection over union) of the class: 1 is perfect. Mean IoU counts rare classes as much as common ones.",
        action_id="workspace_train",
        button_text="Open the charts",
    ),
    Lesson(
        "Looking far, and weighing",
        "Atrous spatial pyramid pooling looks at the same place with kernels of several reaches, near and far. "
        "Squeeze-and-excitation then turns each channel up or down by what the whole picture shows.",
        DemoSetup("dilated", EDGES_ACROSS, rate=4, patch_side=16),
    ),
)
