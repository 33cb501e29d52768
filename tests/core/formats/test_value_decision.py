"""Which reading is chosen for which masks, and that an assumption is told as a doubt with answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_types import Dataset
from core.formats.doubt import ValueReading
from core.formats.mask_evidence import gather_evidence
from core.formats.readers.registry import open_dataset
from core.formats.value_decision import decide_values
from core.labels.class_list import VOID
from tests.dataset_files import photo, write_json, write_text

SIDE = (96, 64)
"""Width and height of the masks."""
BIRD, NEST = np.s_[8:40, 10:30], np.s_[30:60, 60:90]


def areas(background: Any = 0, bird: Any = 1, nest: Any = 2, kind: type = np.uint8) -> np.ndarray:
    """(64, 96) or (64, 96, 3): a bird and a nest before a background."""
    parts = [np.asarray(part, kind) for part in (background, bird, nest)]
    mask = np.empty((64, 96, *parts[0].shape), kind)
    mask[:] = parts[0]
    mask[BIRD], mask[NEST] = parts[1], parts[2]
    return mask


def dataset(root: Path, mask: Any, *, name: str = "a", suffix: str = ".png", **how: Any) -> Path:
    picture = root / "images" / f"{name}.jpg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((64, 96, 3), 90, np.uint8)).save(picture)
    path = root / "masks" / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(path, **how)
    return root


def with_palette(mask: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.frombytes("P", (mask.shape[1], mask.shape[0]), mask.tobytes())
    image.putpalette([part for colour in colours for part in colour])
    return image


def names(found: Dataset) -> np.ndarray:
    """(64, 96) class names of the first mask; "" is unlabelled."""
    read = found.samples[0].read_mask
    assert read is not None
    table = np.array(["", *(c.name for c in found.classes), *["?"] * (255 - len(found.classes))], object)
    table[VOID] = "void"
    return table[read().values]


def expect(found: Dataset, background: str, bird: str, nest: str) -> None:
    shown = names(found)
    np.testing.assert_array_equal(
        shown,
        np.array([background, bird, nest], object)[areas()],
    )


def keys(found: Dataset) -> list[str]:
    for doubt in found.doubts:
        assert doubt.sentence.endswith(".")
        assert sum(answer.is_assumed for answer in doubt.answers) <= 1
    return [doubt.key for doubt in found.doubts]


# Black and white -------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_black_and_white_is_background_and_foreground(channels: int, tmp_path: Path) -> None:
    black, white = (0, 255) if channels == 1 else ((0, 0, 0), (255, 255, 255))
    found = open_dataset(dataset(tmp_path, areas(black, white, white)))
    assert found.reading == ValueReading.BINARY
    expect(found, "background", "foreground", "foreground")
    assert keys(found) == []


def test_smeared_edges_are_no_classes(tmp_path: Path) -> None:
    sharp = areas(0, 255, 255)
    found = open_dataset(dataset(tmp_path, cv2.GaussianBlur(sharp, (9, 9), 0)))
    assert [c.name for c in found.classes] == ["background", "foreground"]
    assert keys(found) == ["smeared-edges"]
    (doubt,) = found.doubts
    assert [a.option for a in doubt.answers] == ["--values binary", "--values index"]
    assert abs(sum(share for _, share in doubt.evidence) - 1) < 0.2
    assert (names(found) == "foreground").sum() == pytest.approx((sharp > 0).sum(), rel=0.05)


def test_a_jpeg_saved_as_png_is_still_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(areas(0, 255, 255)).save(tmp_path / "smeared.jpg", quality=40)
    with Image.open(tmp_path / "smeared.jpg") as smeared:
        mask = np.asarray(smeared)
    (tmp_path / "smeared.jpg").unlink()
    assert len(np.unique(mask)) > 5
    found = open_dataset(dataset(tmp_path / "set", mask))
    expect(found, "background", "foreground", "foreground")


def test_two_listed_names_are_those_of_black_and_white(tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "sky\nbird\n")
    expect(open_dataset(dataset(tmp_path, areas(0, 255, 255))), "sky", "bird", "bird")
    write_text(tmp_path / "classes.txt", "bird\n")
    expect(open_dataset(dataset(tmp_path, areas(0, 255, 255))), "background", "bird", "bird")


def test_thin_classes_with_low_numbers_are_not_taken_for_edges(tmp_path: Path) -> None:
    mask = areas(0, 255, 255)
    mask[4, 4:90], mask[62, 4:90] = 1, 2  # lines of one pixel have no inside
    found = open_dataset(dataset(tmp_path, mask))
    assert found.reading == ValueReading.INDEX
    assert {c.name for c in found.classes} == {"class 0", "class 1", "class 2", "void"}


def test_spread_greys_are_classes_and_doubted(tmp_path: Path) -> None:
    found = open_dataset(dataset(tmp_path, areas(0, 128, 255)))
    expect(found, "class 0", "class 128", "class 255")
    assert keys(found) == ["spread-greys"]
    assert '--map "class 255=void"' in found.doubts[0].line()
    named = dataset(tmp_path, areas(0, 128, 255))
    write_text(named / "classes.txt", "background\nbird\nnest\n")
    expect(open_dataset(named), "background", "bird", "nest")


# Class lists -----------------------------------------------------------------------------------------


def test_grey_in_three_channels_is_a_number(tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "background\nbird\nnest\n")
    found = open_dataset(dataset(tmp_path, areas((0, 0, 0), (1, 1, 1), (2, 2, 2))))
    expect(found, "background", "bird", "nest")
    assert keys(found) == []


@pytest.mark.parametrize("more", ["", "egg\n"])
def test_a_list_without_background_begins_with_one(more: str, tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", f"bird\nnest\n{more}")
    found = open_dataset(dataset(tmp_path, areas()))
    expect(found, "background", "bird", "nest")
    assert keys(found) == ["list-without-background"]
    assert "0 is background, 1 is bird, 2 is nest" in found.doubts[0].sentence


def test_a_list_that_begins_with_surroundings_names_0_and_is_doubted(tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "sand\nbird\nnest\n")
    found = open_dataset(dataset(tmp_path, areas()))
    expect(found, "sand", "bird", "nest")
    assert keys(found) == ["list-without-background"]
    assert '"sand=background"' in found.doubts[0].line()


def test_numbers_from_1_are_the_lines_of_the_list(tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "sand\nbird\nnest\n")
    expect(open_dataset(dataset(tmp_path, areas(1, 2, 3))), "sand", "bird", "nest")


def test_a_list_that_does_not_fit_is_not_used(tmp_path: Path) -> None:
    write_text(tmp_path / "classes.txt", "background\nbird\n")
    found = open_dataset(dataset(tmp_path, areas(0, 1, 9)))
    expect(found, "class 0", "class 1", "class 9")
    assert keys(found) == ["class-list-unused"]
    assert "9" in found.doubts[0].sentence


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("masks/_classes.csv", "Pixel Value, Class\n0, background\n1, bird\n2, nest\n"),
        ("class_names.txt", "__ignore__\nbackground\nbird\nnest\n"),
        ("README.md", "# Birds\n\n- 0: background\n- 1: bird\n- 2: nest\n"),
        ("labels.txt", "0 = background\n1 = bird\n2 = nest\n"),
        ("classes.json", '["background", "bird", "nest"]'),
        ("classes.json", '{"background": 0, "bird": 1, "nest": 2}'),
        ("id2label.json", '{"0": "background", "1": "bird", "2": "nest"}'),
    ],
)
def test_class_lists_of_many_kinds_are_read(file: str, content: str, tmp_path: Path) -> None:
    root = dataset(tmp_path, areas())
    write_text(root / file, content)
    found = open_dataset(root, "mask-folders")
    expect(found, "background", "bird", "nest")
    assert any(file in note for note in found.notes)
    assert found.account.count_unrelated() == 0


def test_the_list_beside_the_masks_is_preferred(tmp_path: Path) -> None:
    root = dataset(tmp_path, areas())
    write_text(root / "masks" / "classes.txt", "background\nbird\nnest\n")
    write_text(root / "elsewhere" / "codes.txt", "background\nship\nharbour\n")
    expect(open_dataset(root), "background", "bird", "nest")


# Palettes and colours --------------------------------------------------------------------------------

GREEN, RED, BLUE = (0, 200, 0), (200, 0, 0), (0, 0, 200)


def listed(root: Path) -> None:
    rows = [
        {"index": n, "name": name, "color": list(colour)}
        for n, (name, colour) in enumerate((("background", GREEN), ("bird", RED), ("nest", BLUE)))
    ]
    write_json(root / "classes.json", {"classes": rows})


def test_colours_of_the_palette_win_over_the_order_of_the_list(tmp_path: Path) -> None:
    root = dataset(tmp_path, with_palette(areas(), [GREEN, BLUE, RED]))
    listed(root)
    found = open_dataset(root, "mask-folders")
    assert found.reading == ValueReading.PALETTE
    expect(found, "background", "nest", "bird")
    assert keys(found) == ["palette-order"]
    expect(open_dataset(root, "mask-folders", values=ValueReading.INDEX), "background", "bird", "nest")


def test_a_palette_that_agrees_or_says_nothing_leaves_the_numbers(tmp_path: Path) -> None:
    for number, palette in enumerate(([GREEN, RED, BLUE], [(n, n, n) for n in range(3)])):
        root = dataset(tmp_path / str(number), with_palette(areas(), palette))
        listed(root)
        found = open_dataset(root, "mask-folders")
        expect(found, "background", "bird", "nest")
        assert keys(found) == []


def test_transparent_pixels_stay_unlabelled_and_colours_as_stored(tmp_path: Path) -> None:
    found = open_dataset(dataset(tmp_path, areas((9, 9, 9, 0), (200, 0, 0, 90), (0, 0, 200, 90))))
    expect(found, "", "colour #c80000", "colour #0000c8")


def test_names_of_a_known_class_set_are_doubted(tmp_path: Path) -> None:
    found = open_dataset(dataset(tmp_path, areas((128, 64, 128), (220, 20, 60), (0, 0, 142))))
    expect(found, "road", "person", "car")
    assert keys(found) == ["assumed-class-set"]


def test_a_value_below_zero_is_no_data(tmp_path: Path) -> None:
    found = open_dataset(dataset(tmp_path, areas(-9999, 1, 2, np.int32), suffix=".tif"))
    expect(found, "", "class 1", "class 2")
    assert keys(found) == ["no-data"]
    assert "-9999" in found.doubts[0].sentence


# Pascal VOC's folders --------------------------------------------------------------------------------


def voc(root: Path, mask: Any, name: str = "a") -> Path:
    photo(root / "JPEGImages" / f"{name}.jpg")
    (root / "SegmentationClass").mkdir(parents=True)
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(
        root / "SegmentationClass" / f"{name}.png"
    )
    return root


def test_folders_of_voc_do_not_mean_its_classes(tmp_path: Path) -> None:
    own = voc(tmp_path / "own", areas())
    write_text(own / "class_names.txt", "__ignore__\n_background_\nbird of mine\nnest\n")
    expect(open_dataset(own), "_background_", "bird of mine", "nest")
    binary = open_dataset(voc(tmp_path / "binary", areas(0, 255, 255)))
    expect(binary, "background", "foreground", "foreground")
    assert keys(binary) == ["black-and-white"]
    assumed = open_dataset(voc(tmp_path / "assumed", areas()))
    expect(assumed, "background", "aeroplane", "bicycle")
    assert keys(assumed) == ["assumed-class-set"]
    official = open_dataset(voc(tmp_path / "official", areas(), "2007_000063"))
    assert keys(official) == []


# The choice ------------------------------------------------------------------------------------------


def test_a_wanted_reading_is_used_or_refused(tmp_path: Path) -> None:
    root = dataset(tmp_path, areas(0, 128, 255))
    expect(open_dataset(root, values=ValueReading.BINARY), "background", "foreground", "foreground")
    with pytest.raises(FormatError, match="cannot be read by --values palette; possible are: index"):
        open_dataset(root, values=ValueReading.PALETTE)
    with pytest.raises(FormatError, match="--values does not apply"):
        open_dataset(root, "coco", values=ValueReading.INDEX)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=6, unique=True), st.sampled_from(ValueReading))
def test_every_reading_gives_classes_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], wanted: ValueReading
) -> None:
    path = tmp_path_factory.mktemp("masks") / "a.png"
    Image.fromarray(np.resize(np.array(values, np.uint8), (16, 24)).repeat(4, 0)).save(path)
    evidence = gather_evidence([path])
    assert evidence.numbers.total() == 64 * 24
    for choice in (None, wanted):
        try:
            decision = decide_values(evidence, wanted=choice)
        except FormatError as problem:
            assert str(problem).endswith(".")
            continue
        mask = decision.reader(path)
        assert set(np.unique(mask.values).tolist()) <= {0, VOID, *range(1, len(decision.classes) + 1)}


def plain_picture(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", SIDE).save(path)


def test_palettes_that_swap_their_numbers_are_read_by_colour(tmp_path: Path) -> None:
    red, green = [255, 0, 0], [0, 255, 0]
    for name, order in (("a", red + green), ("b", green + red)):
        plain_picture(tmp_path / "images" / f"{name}.png")
        image = Image.fromarray(areas() if name == "a" else areas(bird=2, nest=1), "P")
        image.putpalette([0, 0, 0, *order])
        (tmp_path / "masks").mkdir(exist_ok=True)
        image.save(tmp_path / "masks" / f"{name}.png")
    opened = open_dataset(tmp_path)
    first, second = (sample.read_mask().values for sample in opened.samples if sample.read_mask)
    np.testing.assert_array_equal(first, second)
    assert [doubt.key for doubt in opened.doubts] == ["palettes-differ"]
    assert all(doubt.is_answered for doubt in open_dataset(tmp_path, values=ValueReading.INDEX).doubts)


def test_three_greys_of_a_jpeg_are_three_classes(tmp_path: Path) -> None:
    plain_picture(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    assert cv2.imwrite(str(tmp_path / "masks" / "a.jpg"), areas(0, 127, 254))
    opened = open_dataset(tmp_path)
    read = opened.samples[0].read_mask
    assert read is not None
    values = read().values
    inside = [values[slot][4:-4, 4:-4] for slot in (BIRD, NEST)]
    assert [len(np.unique(part)) for part in inside] == [1, 1]
    assert len({int(values[0, 0]), *(int(part[0, 0]) for part in inside)} - {0, VOID}) == 3
    assert [doubt.key for doubt in opened.doubts] == ["blurred-greys"]


def test_white_on_transparent_is_foreground(tmp_path: Path) -> None:
    plain_picture(tmp_path / "images" / "a.png")
    alpha = areas(0, 255, 255)
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.dstack([np.full_like(alpha, 255)] * 3 + [alpha])).save(tmp_path / "masks" / "a.png")
    opened = open_dataset(tmp_path)
    read = opened.samples[0].read_mask
    assert read is not None
    np.testing.assert_array_equal(read().values, np.where(alpha, 1, 0))
    assert [c.name for c in opened.classes] == ["foreground"]
    assert [doubt.key for doubt in opened.doubts] == ["only-255"]
