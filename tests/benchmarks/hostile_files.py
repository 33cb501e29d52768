"""Small datasets, projects, checkpoints and masks, and what makes them hostile: for `tests.benchmarks.hostile`."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import re
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from core.models.checkpoint import save_checkpoint
from core.models.export import METADATA_KEY
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.project.project import HOME_FOLDER, PROJECT_FILE
from tests.factories import label_all, project_in

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 64, (1, 2))
WIDTH, HEIGHT = 24, 16
LONGEST_TEXT = 16 << 20
"""Letters of a file whose lines were repeated: repeated twice, they would take more memory than a case may."""
CORNERS = [[2, 2], [20, 2], [20, 12], [2, 12]]
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 255, 256, 65536, 2**31 - 1, -(2**31), 2**32, 4611686018427387904, 2**63, -(2**63), 2**64, 10**30,
    0.5, -0.0, 1e24, 1e308, float("nan"), float("inf"), float("-inf"), True,
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "a\nb", "\x1b[2J", "\ud800", "\u202eabc", "a" * 100_000, "../../outside/keep.txt", "/etc/passwd",
    "/dev/zero", "C:\\x", "1e999", "-1", "null", "NaN", "2024-01-01", "!!python/object:os.system x", "&a [*a]",
    "background", "void", "#ff0000", "%s%s%n", "{}", "0x10", "file:///etc/passwd", "//host/share/x.png",
)  # fmt: skip
TOKENS = (
    "0",
    "-1",
    "256",
    "4611686018427387904",
    "18446744073709551616",
    "1e24",
    "nan",
    "inf",
    "1" * 5000,
    "",
)


# Seeds ------------------------------------------------------------------------------------------


def _picture(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(folder / name)


def _mask(path: Path, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[:, WIDTH // 2 :] = 1
    image = Image.fromarray(values)
    if palette:
        image = image.convert("P")
        image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(path)


def _json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def _coco(folder: Path) -> None:
    _picture(folder, "images/a.png")
    flat = [float(number) for corner in CORNERS for number in corner]
    area = {"image_id": 1, "category_id": 1, "bbox": [2, 2, 18, 10], "area": 180, "iscrowd": 0}
    runs = {"size": [HEIGHT, WIDTH], "counts": [40, 8, 8, 8, 320]}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "road", "supercategory": "none"}],
        "annotations": [
            {"id": 1, **area, "segmentation": [flat]},
            {"id": 2, **area, "segmentation": runs, "iscrowd": 1},
        ],
    }
    _json(folder / "annotations" / "instances_train.json", content)


def _labelme(folder: Path) -> None:
    _picture(folder, "a.png")
    shape = {"label": "road", "points": CORNERS, "group_id": None, "shape_type": "polygon", "flags": {}}
    circle = {**shape, "shape_type": "circle", "points": CORNERS[:2]}
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH}
    content = {
        "version": "5.4.1",
        "flags": {},
        "shapes": [shape, circle],
        "imagePath": "a.png",
        "imageData": None,
        **size,
    }
    _json(folder / "a.json", content)


def _yolo(folder: Path) -> None:
    _picture(folder, "images/train/a.png")
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels/train/a.txt").write_text("0 0.1 0.1 0.8 0.1 0.8 0.8\n1 0.2 0.2 0.4 0.2 0.4 0.5\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nnc: 2\nnames:\n  0: road\n  1: roof\n")


def _cvat(folder: Path) -> None:
    _picture(folder, "images/a.png")
    points = ";".join(f"{x},{y}" for x, y in CORNERS)
    mask = '<mask label="roof" rle="3, 4, 9" left="1" top="1" width="4" height="4" z_order="0"/>'
    labels = "".join(f"<label><name>{n}</name><color>#ff0000</color></label>" for n in ("road", "roof"))
    (folder / "annotations.xml").write_text(
        f"<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task></meta>"
        f'<image id="0" name="a.png" width="{WIDTH}" height="{HEIGHT}">'
        f'<polygon label="road" points="{points}" z_order="0"/>{mask}</image></annotations>'
    )


def _masks(folder: Path) -> None:
    _picture(folder, "images/a.png")
    _mask(folder / "masks" / "a.png")
    rows = [{"index": n, "name": name, "color": [n, 9, 9]} for n, name in enumerate(("ground", "road"))]
    _json(folder / "classes.json", {"version": 1, "classes": rows})


def _mask_folders(folder: Path) -> None:
    _picture(folder, "photos/a.png")
    _mask(folder / "labels" / "a.png", palette=True)
    (folder / "labels" / "_classes.csv").write_text("Pixel Value, Class\n0, ground\n1, road\n")


def _voc(folder: Path) -> None:
    _picture(folder, "JPEGImages/a.png")
    _mask(folder / "SegmentationClass" / "a.png", palette=True)
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    (folder / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (folder / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:128,0,0::\n"
    )


def _label_studio(folder: Path) -> None:
    _picture(folder, "images/a.png")
    value = {"points": [[8, 12], [80, 12], [80, 75]], "polygonlabels": ["road"], "closed": True}
    common = {"original_width": WIDTH, "original_height": HEIGHT, "from_name": "label", "to_name": "image"}
    brush = {"format": "rle", "rle": [0, 0, 12, 0, 3, 4, 5, 6, 7, 8, 9, 10], "brushlabels": ["roof"]}
    results = [
        {**common, "id": "1", "type": "polygonlabels", "value": value},
        {**common, "id": "2", "type": "brushlabels", "value": brush},
    ]
    _json(
        folder / "export.json",
        [{"id": 1, "annotations": [{"id": 1, "result": results}], "data": {"image": "a.png"}}],
    )


def _datumaro(folder: Path) -> None:
    _picture(folder, "images/train/a.png")
    flat = [float(number) for corner in CORNERS for number in corner]
    polygon = {"id": 1, "type": "polygon", "label_id": 0, "points": flat, "z_order": 0, "group": 1}
    item = {"id": "a", "image": {"path": "a.png", "size": [HEIGHT, WIDTH]}, "annotations": [polygon]}
    labels = {"label": {"labels": [{"name": "road", "parent": ""}]}}
    _json(folder / "annotations" / "train.json", {"info": {}, "categories": labels, "items": [item]})


def _supervisely(folder: Path) -> None:
    _picture(folder, "ds/img/a.png")
    points = {"exterior": CORNERS, "interior": []}
    thing = {"classTitle": "road", "geometryType": "polygon", "points": points, "tags": []}
    _json(
        folder / "ds/ann/a.png.json",
        {"size": {"height": HEIGHT, "width": WIDTH}, "tags": [], "objects": [thing]},
    )
    _json(
        folder / "meta.json",
        {"classes": [{"title": "road", "shape": "polygon", "color": "#FF0000"}], "tags": []},
    )


def _isat(folder: Path) -> None:
    _picture(folder, "a.png")
    thing = {"category": "road", "group": 1, "segmentation": CORNERS, "layer": 1.0, "bbox": [2, 2, 20, 12]}
    size = {"width": WIDTH, "height": HEIGHT, "depth": 3}
    _json(
        folder / "a.json",
        {"info": {"description": "ISAT", "folder": "", "name": "a.png", **size}, "objects": [thing]},
    )


DATASETS: dict[str, Callable[[Path], None]] = {
    "coco": _coco, "labelme": _labelme, "yolo": _yolo, "cvat": _cvat, "masks": _masks, "mask-folders": _mask_folders,
    "voc": _voc, "label-studio": _label_studio, "datumaro": _datumaro, "supervisely": _supervisely, "isat": _isat,
}  # fmt: skip


def make_seeds(folder: Path) -> None:
    """One folder for each kind of input below `folder`."""
    for name, make in DATASETS.items():
        (folder / name).mkdir(parents=True)
        make(folder / name)
    with project_in(folder / "project", 2) as project:
        label_all(project, project.pictures.all())
    torch.manual_seed(0)
    network = build_network(SPEC)
    save_checkpoint(folder / "checkpoint", network, SPEC, {"miou": 0.5})
    rows = [{"index": value, "name": f"c{value}", "color": [value, 0, 0]} for value in SPEC.class_values]
    about = json.dumps({"spec": SPEC.to_json(), "classes": rows})
    (folder / "weights").mkdir()
    safetensors.torch.save_file(network.state_dict(), folder / "weights/a.safetensors", {METADATA_KEY: about})
    torch.save(network.state_dict(), folder / "weights/a.pt")
    for name in ("a.png", "b.tif", "c.bmp", "d.webp", "e.gif", "f.jpg"):
        _mask(folder / "mask" / name)
    _mask(folder / "mask" / "p.png", palette=True)


# What makes them hostile ----------------------------------------------------------------------------


def mutate(kind: str, folder: Path, chance: random.Random) -> None:
    """Change one to three things in a copy of a seed."""
    if kind == "project":
        _mutate_project(folder / HOME_FOLDER / PROJECT_FILE, chance)
        return
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    described = [path for path in files if path.suffix in (".json", ".xml", ".yaml", ".txt", ".csv")]
    pictures = [path for path in files if path not in described]
    for _ in range(chance.choice((1, 1, 2, 3))):
        path = chance.choice(described if described and chance.random() < 0.85 else pictures or files)
        if path.suffix == ".json":
            _mutate_json(path, chance)
        elif path in described:
            _mutate_text(path, chance)
        elif path.suffix == ".safetensors" and chance.random() < 0.8:
            _mutate_header(path, chance)
        elif path.suffix == ".png" and chance.random() < 0.5:
            _mutate_png(path, chance)
        else:
            _mutate_bytes(path, chance)


def _hostile_value(chance: random.Random) -> Any:
    kind = chance.random()
    if kind < 0.4:
        return chance.choice(NUMBERS)
    if kind < 0.7:
        return chance.choice(TEXTS)
    return copy.deepcopy(chance.choice((None, [], {}, [[]], [None], {"a": 1}, [1, 2], [[1]] * 3, [0] * 5000)))


def mutate_tree(root: Any, chance: random.Random) -> Any:
    """The tree with one node replaced, deleted, repeated or wrapped."""
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            visit(node[key])

    visit(root)
    if not places or chance.random() < 0.02:
        return _hostile_value(chance)
    node, key = chance.choice(places)
    act = chance.random()
    if act < 0.6:
        node[key] = _hostile_value(chance)
    elif act < 0.7:
        del node[key]
    elif act < 0.8:
        node[key] = [node[key]] * chance.choice((2, 100, 3000))
    elif act < 0.9 and isinstance(node, dict):
        node[chance.choice(TEXTS)] = node.pop(key)
    elif isinstance(node, list):
        node.extend([copy.deepcopy(node[key])] * chance.choice((1, 50, 2000)))
    else:
        node[key] = {"points": node[key]}
    return root


def _mutate_json(path: Path, chance: random.Random) -> None:
    try:
        text = json.dumps(mutate_tree(json.loads(path.read_bytes()), chance))
    except (ValueError, RecursionError):  # mutated before, into something else
        text = path.read_text("utf-8", "replace")
    if chance.random() < 0.05:
        deep = chance.choice((900, 100_000))
        text = text.replace("null" if "null" in text else "1", "[" * deep + "]" * deep, 1)
    path.write_bytes(_encoded(text, chance))


def _encoded(text: str, chance: random.Random) -> bytes:
    """Nine times of ten as UTF-8; else in another encoding, cut off, or with bytes that are no text."""
    if chance.random() < 0.9:
        return text.encode("utf-8", "surrogatepass")
    at = chance.randrange(len(text) + 1)
    return chance.choice(
        (
            text.encode("utf-16", "surrogatepass"),
            b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass"),
            text[:at].encode("utf-8", "surrogatepass"),
            text[:at].encode("utf-8", "surrogatepass")
            + b"\xff\x00\xfe"
            + text[at:].encode("utf-8", "surrogatepass"),
            b"",
        )
    )


def _mutate_text(path: Path, chance: random.Random) -> None:
    text = path.read_text("utf-8", "replace")
    numbers = list(re.finditer(r"-?\d+(\.\d+)?", text))
    words = list(re.finditer(r"[A-Za-z_]+", text))
    act = chance.random()
    if act < 0.5 and numbers:
        found = chance.choice(numbers)
        text = text[: found.start()] + chance.choice(TOKENS) + text[found.end() :]
    elif act < 0.75 and words:
        found = chance.choice(words)
        text = text[: found.start()] + chance.choice(TEXTS) + text[found.end() :]
    elif act < 0.9:
        lines = re.split(r"(?<=[\n>;,])", text)
        at = chance.randrange(len(lines))
        lines[at : at + 1] = [lines[at]] * chance.choice((0, 2, 500, 20_000))
        text = "".join(lines)[:LONGEST_TEXT]
    else:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice((*TEXTS, "[" * 20_000, "<a>" * 20_000, "{a: " * 3000)) + text[at:]
    path.write_bytes(_encoded(text, chance))


def _mutate_bytes(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 4, 30))):
        if not content:
            break
        at = chance.randrange(min(len(content), chance.choice((64, 512, len(content)))))
        filler = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", bytes([chance.randrange(256)]))
        part = chance.choice(filler)
        content[at : at + len(part)] = part
    if chance.random() < 0.2:
        del content[chance.randrange(len(content) + 1) :]
    path.write_bytes(content)


def _mutate_png(path: Path, chance: random.Random) -> None:
    """Another size, depth or kind of colour in the header, with a right checksum."""
    content = bytearray(path.read_bytes())
    if len(content) < 33:
        return
    width, height = (chance.choice((0, 1, 24, 17_000, 65_535, 2**31 - 1, 2**32 - 1)) for _ in range(2))
    content[16:24] = struct.pack(">II", width, height)
    if chance.random() < 0.3:
        content[24:26] = bytes((chance.choice((1, 2, 4, 8, 16, 77)), chance.choice((0, 2, 3, 4, 6, 9))))
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    path.write_bytes(content)


def _mutate_header(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
    except (ValueError, RecursionError):
        return
    about = header.get("__metadata__") if isinstance(header, dict) else None
    if isinstance(about, dict) and METADATA_KEY in about and chance.random() < 0.6:
        with contextlib.suppress(
            ValueError, TypeError, RecursionError
        ):  # mutated before, into something else
            about[METADATA_KEY] = json.dumps(mutate_tree(json.loads(about[METADATA_KEY]), chance))
    else:
        header = mutate_tree(header, chance)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    claimed = len(text) if chance.random() < 0.9 else chance.choice((0, 1, 2**31, 2**63, len(text) + 9))
    path.write_bytes(struct.pack("<Q", claimed) + text + content[8 + size :])


def _mutate_project(path: Path, chance: random.Random) -> None:
    if chance.random() < 0.3:
        _mutate_bytes(path, chance)
        return
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA ignore_check_constraints = ON")
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.choice((1, 1, 2, 3))):
            table = chance.choice(names)
            columns = [row[1] for row in raw.execute(f'PRAGMA table_info("{table}")')]
            value = chance.choice(
                (*NUMBERS, *TEXTS, None, b"", b"\xff" * 40, b"\x28\xb5\x2f\xfd" + b"\xff" * 20)
            )
            value = value if not isinstance(value, int) or abs(value) < 2**63 else str(value)
            value = (
                value.encode("utf-8", "replace") if isinstance(value, str) and "\ud800" in value else value
            )
            try:
                act = chance.random()
                if act < 0.85:
                    raw.execute(f'UPDATE "{table}" SET "{chance.choice(columns)}" = ?', (value,))
                elif act < 0.95:
                    raw.execute(f'DELETE FROM "{table}"')
                else:
                    raw.execute(f'DROP TABLE "{table}"')
            except (sqlite3.Error, OverflowError):
                continue  # a key that must be unique, or a table of SQLite itself
        raw.commit()


def copy_seed(seed: Path, place: Path) -> None:
    """A copy of a seed that may be changed."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(seed, place)
