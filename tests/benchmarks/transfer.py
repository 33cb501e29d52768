"""A recipe on small data sets unlike each other: mIoU of the first checkpoint and at the end of the training.

python -m tests.benchmarks.transfer [--data SAMPLES] [--only NAME ...] [--minutes 1] [--network N] [--encoder E]
                                    [--weights imagenet|none] [--size 480] [--channels 3] [--set loss=ce ...]
                                    [--seed 0] [--json]

Network, size and recipe are the program's defaults unless given. The data sets:

pets      photos of cats and dogs, SAMPLES/oxford-pets (Oxford-IIIT Pet in its own layout). Classes of the trimaps:
          pet and background; the border, "not classified", is void. A picture without a pet in its trimap is left out.
aerial    views of Dubai, SAMPLES/dubai-aerial ("Tile N/images", "Tile N/masks"). Five classes by their colours in the
          masks, which are not those of its classes.json; any other colour is void.
scenes    the drawn sample pictures, `core.samples`, with exact labels: 24 teach, 8 val, 16 scored.
tissue    a section under the microscope, immunohistochemically stained, `skimage.data.immunohistochemistry`, in
          16 tiles of 128 x 128. It has no labels, so a classical rule gives them: colour deconvolution (Ruifrok and
          Johnston 2001, `skimage.color.rgb2hed`), both stains smoothed (sigma 1.5) and thresholded by Otsu's method:
          epithelium where there is DAB (brown), else nucleus where there is haematoxylin (blue), else stroma.
retina    a photo of the back of an eye, `skimage.data.retina`, in 16 tiles of 352 x 352. By rule as well: vessel where
          the black top-hat (ellipse of 41 pixels) of the smoothed green channel is above Otsu's threshold, in regions
          of 400 pixels and more; background where it is below half of that; void between, and outside the field.

tissue and retina are one picture each, so their tiles share light and stain, and their labels say how well a network
learns a rule from few pixels, not how well it agrees with a pathologist. Both pictures are part of scikit-image's
wheel; nothing is downloaded. pets and aerial are left out without `--data`.

With `--channels 1` the network sees the pictures in grey, with `--channels 5` their three colours, how fast the grey
value changes at each pixel (Sobel), and how much it varies around it (deviation in a box of 9 pixels): two measures
with other ranges than a colour's, such as elevation or infrared would be.

Each data set but scenes is sorted by file name (tiles by row) and dealt by `PARTS`: of six pictures three teach, one
is in val, two are scored. The teaching and the selected checkpoint never see a scored picture or tile.

Per data set: pictures in the three parts, classes, [seconds, mIoU] of the first published checkpoint with its step
(0 is the fitted head), mIoU of the last one, and what `recipe` reports. Pictures are scored at their own size.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from core.models.catalogue import resolve_network
from core.models.spec import ModelSpec, default_spec
from core.samples.scenes import SCENE_CLASSES, draw_scene
from tests.benchmarks.plain import VOID, Pair
from tests.benchmarks.recipe import add_training_options, build_recipe, device_kind, train_and_score

PARTS = ("teach", "scored", "teach", "val", "scored", "teach")
"""Part of the 1st, 2nd, ... picture, over and over."""
SCENE_PARTS = {"teach": range(24), "val": range(24, 32), "scored": range(32, 48)}
"""Seeds of the scenes."""
TRIMAP_PET, TRIMAP_BACKGROUND = 1, 2
AERIAL_CLASSES = {
    "building": (60, 16, 152),
    "land": (132, 41, 246),
    "road": (110, 193, 228),
    "vegetation": (254, 221, 58),
    "water": (226, 169, 41),
}
"""Colours in the masks."""
STAIN_SIGMA = 1.5
VESSEL_ELLIPSE, VESSEL_PIXELS = 41, 400
Label = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Pictures by name in the parts "teach", "val" and "scored"; names of the class values 1, 2, 3, ..."""

    classes: Sequence[str]
    parts: Mapping[str, Mapping[str, Pair]]


def deal(pairs: Mapping[str, Pair]) -> dict[str, dict[str, Pair]]:
    """The three parts of pictures in their order, by `PARTS`."""
    parts: dict[str, dict[str, Pair]] = {part: {} for part in dict.fromkeys(PARTS)}
    for i, (name, pair) in enumerate(pairs.items()):
        parts[PARTS[i % len(PARTS)]][name] = pair
    return parts


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a picture of any mode."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def load_pets(samples: Path) -> DataSet:
    """Pet and background; labels (H, W) uint8 from trimaps."""
    folder, pairs = samples / "oxford-pets", {}
    for path in sorted((folder / "annotations" / "trimaps").glob("[!.]*.png")):
        with Image.open(path) as mask:
            trimap = np.asarray(mask)
        if (trimap == TRIMAP_PET).any():
            label = np.where(trimap <= TRIMAP_BACKGROUND, trimap, VOID).astype(np.uint8)
            pairs[path.stem] = (read_rgb(folder / "images" / f"{path.stem}.jpg"), label)
    return DataSet(("pet", "background"), deal(pairs))


def load_aerial(samples: Path) -> DataSet:
    """Five classes of land; labels (H, W) uint8 from colour masks."""
    pairs = {}
    for path in sorted((samples / "dubai-aerial").glob("*/Tile */masks/*.png")):
        mask = read_rgb(path)
        label = np.full(mask.shape[:2], VOID, np.uint8)
        for value, colour in enumerate(AERIAL_CLASSES.values(), 1):
            label[(mask == colour).all(2)] = value
        tile = path.parents[1]
        pairs[f"{tile.name} {path.stem}"] = (read_rgb(tile / "images" / f"{path.stem}.jpg"), label)
    return DataSet(tuple(AERIAL_CLASSES), deal(pairs))


def draw_scenes() -> DataSet:
    """Drawn scenes with exact labels."""
    parts: dict[str, dict[str, Pair]] = {}
    for part, seeds in SCENE_PARTS.items():
        scenes = {f"scene {seed}": draw_scene(seed) for seed in seeds}
        parts[part] = {name: (scene.picture, scene.truth) for name, scene in scenes.items()}
    return DataSet([name for name, _ in SCENE_CLASSES], parts)


def cut_tiles(picture: NDArray[np.uint8], label: Label, length: int) -> dict[str, Pair]:
    """Whole squares of `length` pixels without overlap, row by row; what is left at the right and below is not used."""
    height, width = label.shape
    corners = (
        (y, x) for y in range(0, height - length + 1, length) for x in range(0, width - length + 1, length)
    )
    return {
        f"tile {y} {x}": (
            np.ascontiguousarray(picture[y : y + length, x : x + length]),
            np.ascontiguousarray(label[y : y + length, x : x + length]),
        )
        for y, x in corners
    }


def cut_tissue() -> DataSet:
    """Tiles of a stained section, labelled by the stains."""
    picture = skimage.data.immunohistochemistry()
    stains = cv2.GaussianBlur(skimage.color.rgb2hed(picture), (0, 0), STAIN_SIGMA)
    haematoxylin, dab = (
        stain > skimage.filters.threshold_otsu(stain) for stain in (stains[..., 0], stains[..., 2])
    )
    label = np.where(dab, 1, np.where(haematoxylin, 2, 3)).astype(np.uint8)
    return DataSet(("epithelium", "nucleus", "stroma"), deal(cut_tiles(picture, label, 128)))


def cut_retina() -> DataSet:
    """Tiles of a fundus photo, labelled by how dark and thin a place is."""
    picture = skimage.data.retina()
    bright = cv2.GaussianBlur(picture[..., 0], (0, 0), 3) > 25
    # Near the edge of the field the top-hat sees the dark outside.
    field = cv2.erode(bright.astype(np.uint8), np.ones((VESSEL_ELLIPSE, VESSEL_ELLIPSE), np.uint8)) > 0
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (VESSEL_ELLIPSE, VESSEL_ELLIPSE))
    darkness = cv2.morphologyEx(cv2.GaussianBlur(picture[..., 1], (0, 0), 2), cv2.MORPH_BLACKHAT, ellipse)
    threshold = skimage.filters.threshold_otsu(darkness[field])
    _, regions, statistics, _ = cv2.connectedComponentsWithStats((darkness > threshold).astype(np.uint8))
    vessel = (darkness > threshold) & (statistics[regions, cv2.CC_STAT_AREA] >= VESSEL_PIXELS)
    label = np.where(vessel, 1, np.where(darkness <= threshold / 2, 2, VOID))
    label[~field] = VOID
    return DataSet(("vessel", "background"), deal(cut_tiles(picture, label.astype(np.uint8), 352)))


LOADED: Mapping[str, Callable[[Path], DataSet]] = {"pets": load_pets, "aerial": load_aerial}
"""Data sets in the folder that `--data` names."""
MADE: Mapping[str, Callable[[], DataSet]] = {
    "scenes": draw_scenes,
    "tissue": cut_tissue,
    "retina": cut_retina,
}


def with_channels(data: DataSet, channels: int) -> DataSet:
    """The same labels, with the pictures in grey or with measures of their texture behind their colours."""
    change = {1: in_grey, 3: lambda picture: picture, 5: with_texture}[channels]
    parts = {
        part: {name: (change(picture), label) for name, (picture, label) in pairs.items()}
        for part, pairs in data.parts.items()
    }
    return DataSet(data.classes, parts)


def in_grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) -> (H, W, 1)."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]


def with_texture(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) -> (H, W, 5)."""
    grey = in_grey(picture)[..., 0].astype(np.float32)
    change = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 4
    variance = cv2.blur(grey * grey, (9, 9)) - cv2.blur(grey, (9, 9)) ** 2
    measures = np.stack([change, np.sqrt(np.maximum(variance, 0))], 2).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.concatenate([picture, measures], 2))


def build_spec(asked: argparse.Namespace, class_values: tuple[int, ...]) -> ModelSpec:
    """The default spec of the device, with the network and size that were asked for."""
    usual = default_spec(device_kind(asked.device), class_values)
    encoder = asked.encoder if asked.encoder or asked.network else usual.encoder
    network = resolve_network(asked.network or usual.architecture, encoder)
    return replace(
        usual.with_network(*network, asked.weights), size=asked.size or usual.size, channels=asked.channels
    )


def measure(asked: argparse.Namespace, data: DataSet) -> dict[str, Any]:
    """Train on one data set and score it."""
    names = dict(enumerate(data.classes, 1))
    spec = build_spec(asked, tuple(names))
    teach, val, scored = (data.parts[part] for part in ("teach", "val", "scored"))
    found = train_and_score(spec, build_recipe(asked, spec), teach, val, list(scored.values()), names)
    return {
        "pictures": {"teach": len(teach), "val": len(val), "scored": len(scored)},
        "classes": len(names),
        "first": found["curve"][0],
        "network": spec.network_name,
        "weights": spec.weights,
        "size": spec.size,
        "channels": spec.channels,
        "said": asked.set,
        **found,
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument(
        "--data", type=Path, metavar="SAMPLES", help="folder with oxford-pets and dubai-aerial"
    )
    words.add_argument("--channels", type=int, choices=(1, 3, 5), default=3)
    words.add_argument("--only", nargs="+", choices=(*LOADED, *MADE), metavar="NAME")
    add_training_options(words)
    words.set_defaults(minutes=1.0)
    asked = words.parse_args()
    chosen = asked.only or [*(LOADED if asked.data else ()), *MADE]
    if not asked.data and (missing := [name for name in chosen if name in LOADED]):
        words.error(f"{' and '.join(missing)} need --data, the folder with the pictures.")
    results = {}
    for name in chosen:
        data = LOADED[name](asked.data) if name in LOADED else MADE[name]()
        if not all(data.parts.values()):
            words.error(f"There are too few pictures for {name} in {asked.data}.")
        found = results[name] = measure(asked, with_channels(data, asked.channels))
        if not asked.json:
            (seconds, first), counts = found["first"], "/".join(str(n) for n in found["pictures"].values())
            print(
                f"{name:8} {counts:>9} pictures ({'/'.join(found['pictures'])}), {found['classes']} classes: "
                f"mIoU {first:.4f} after {seconds:.1f} s (step {found['first_step']}), "
                f"{found['miou']:.4f} after {found['steps']} steps",
                flush=True,
            )
    if asked.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
