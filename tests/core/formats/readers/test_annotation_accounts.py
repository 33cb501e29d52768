"""Formats of annotated objects: every file and object is accounted for, and all counts agree."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.formats.account import AccountKind
from core.formats.readers.registry import open_dataset
from core.project.project import Project
from core.session.transfer.dataset_survey import survey_dataset
from core.session.transfer.import_run import import_dataset
from tests.dataset_files import HEIGHT, WIDTH, photo, write_json, write_text

SOUND, ODD, OTHER = "sound", "odd", "other"
"""Objects that come in, that cannot be read, and that are not areas."""
BOX = [[2, 2], [9, 2], [9, 9], [2, 9]]
FLAT = [part for corner in BOX for part in corner]


Pictures = dict[str, list[str]]
"""Kinds of the objects of each picture, by its name without suffix."""


@dataclass(frozen=True, slots=True)
class Form:
    """A format; `kinds` are the objects that it has. `text` is that of one picture if each has a file of its own, which
    is at `path`, else `whole` is that of the only file."""

    format: str
    path: str
    kinds: tuple[str, ...]
    text: Callable[[str, Sequence[str]], str] | None = None
    whole: Callable[[Pictures], str] | None = None
    more: Callable[[Path, Pictures], None] | None = None
    picture: str = "{}.jpg"

    def write(self, root: Path, pictures: Pictures) -> None:
        if self.whole is not None:
            write_text(root / self.path, self.whole(pictures))
        for stem, objects in pictures.items():
            if self.text is not None:
                write_text(root / self.path.format(stem), self.text(stem, objects))
        if self.more is not None:
            self.more(root, pictures)


def _yolo(_: str, objects: Sequence[str]) -> str:
    lines = {SOUND: "0 0.1 0.1 0.4 0.1 0.4 0.6 0.1 0.6", ODD: "roof 0.1 0.2", OTHER: "1 0.5 0.5 0.2 0.2"}
    return "".join(f"{lines[kind]}\n" for kind in objects)


def _labelme(name: str, objects: Sequence[str], **keys: Any) -> str:
    shapes: dict[str, Any] = {
        SOUND: {"label": "roof", "points": BOX},
        ODD: {"label": "roof", "points": BOX[:1]},
        OTHER: {"label": "roof", "shape_type": "point", "points": BOX[:1]},
    }
    written = [{**shapes[kind], **keys} for kind in objects]
    return json.dumps({"shapes": written, "imagePath": f"{name}.jpg"})


def _isat(name: str, objects: Sequence[str]) -> str:
    written: dict[str, Any] = {
        SOUND: {"category": "roof", "segmentation": BOX},
        ODD: {"category": "roof", "segmentation": "?"},
    }
    info = {"description": "ISAT", "name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}
    return json.dumps({"info": info, "objects": [written[kind] for kind in objects]})


def _supervisely(_: str, objects: Sequence[str]) -> str:
    written: dict[str, Any] = {
        SOUND: {"geometryType": "polygon", "points": {"exterior": BOX, "interior": []}},
        ODD: {"geometryType": "polygon", "points": {"exterior": "?", "interior": []}},
        OTHER: {"geometryType": "point", "points": {"exterior": BOX[:1], "interior": []}},
    }
    size = {"height": HEIGHT, "width": WIDTH}
    return json.dumps(
        {"size": size, "objects": [{"classTitle": "roof", **written[kind]} for kind in objects]}
    )


def _supervisely_classes(root: Path, _: Pictures) -> None:
    write_json(root / "meta.json", {"classes": [{"title": "roof", "shape": "any", "color": "#0A0B0C"}]})


def _coco(pictures: Pictures) -> str:
    written: dict[str, Any] = {SOUND: [FLAT], ODD: "?", OTHER: []}
    images = [
        {"id": n, "file_name": f"{stem}.jpg", "width": WIDTH, "height": HEIGHT}
        for n, stem in enumerate(pictures)
    ]
    found = [(n, kind) for n, objects in enumerate(pictures.values()) for kind in objects]
    areas = [
        {"id": at, "image_id": n, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": written[kind]}
        for at, (n, kind) in enumerate(found)
    ]
    table = {"images": images, "annotations": areas, "categories": [{"id": 1, "name": "roof"}]}
    return json.dumps(table)


def _cvat(pictures: Pictures) -> str:
    written = {
        SOUND: '<polygon label="roof" points="2,2;9,2;9,9;2,9"/>',
        ODD: '<polygon label="roof" points="2,x"/>',
        OTHER: '<points label="roof" points="2,2"/>',
    }
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    images = "".join(
        f'<image id="{n}" name="{stem}.jpg" {size}>{"".join(written[kind] for kind in objects)}</image>\n'
        for n, (stem, objects) in enumerate(pictures.items())
    )
    return f"<annotations>\n<version>1.1</version>\n{images}</annotations>\n"


def _datumaro(pictures: Pictures) -> str:
    written: dict[str, Any] = {
        SOUND: {"type": "polygon", "points": FLAT},
        ODD: {"type": "polygon", "points": [2, 2, 9]},
        OTHER: {"type": "bbox", "bbox": [1, 1, 5, 5]},
    }
    items = [
        {
            "id": stem,
            "image": {"path": f"{stem}.jpg", "size": [HEIGHT, WIDTH]},
            "annotations": [{"label_id": 0, **written[kind]} for kind in objects],
        }
        for stem, objects in pictures.items()
    ]
    labels = {"label": {"labels": [{"name": "roof", "parent": ""}]}}
    return json.dumps({"info": {}, "categories": labels, "items": items})


def _label_studio(pictures: Pictures) -> str:
    value = [[2, 2], [40, 2], [40, 60]]
    written: dict[str, Any] = {
        SOUND: {"type": "polygonlabels", "value": {"points": value, "polygonlabels": ["roof"]}},
        ODD: {"type": "polygonlabels", "value": {"points": "?", "polygonlabels": ["roof"]}},
        OTHER: {"type": "keypointlabels", "value": {"x": 1, "y": 1, "width": 1, "keypointlabels": ["roof"]}},
    }
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    tasks = [
        {
            "id": n,
            "data": {"image": f"{stem}.jpg"},
            "annotations": [{"result": [{**size, **written[kind]} for kind in objects]}],
        }
        for n, (stem, objects) in enumerate(pictures.items())
    ]
    return json.dumps(tasks)


FORMS = (
    Form("yolo-seg", "labels/{}.txt", (SOUND, ODD, OTHER), _yolo),
    Form("labelme", "{}.json", (SOUND, ODD, OTHER), _labelme),
    Form(
        "xanylabeling",
        "{}.json",
        (SOUND, ODD, OTHER),
        partial(_labelme, difficult=False, description="", kie_linking=[]),
    ),
    Form("isat", "{}.json", (SOUND, ODD), _isat),
    Form(
        "supervisely",
        "ann/{}.jpg.json",
        (SOUND, ODD, OTHER),
        _supervisely,
        None,
        _supervisely_classes,
        "img/{}.jpg",
    ),
    Form("coco", "coco.json", (SOUND, ODD, OTHER), whole=_coco),
    Form("cvat", "annotations.xml", (SOUND, ODD, OTHER), whole=_cvat),
    Form("datumaro", "annotations/all.json", (SOUND, ODD, OTHER), whole=_datumaro),
    Form("label-studio", "export.json", (SOUND, ODD, OTHER), whole=_label_studio),
)
NAMES = ("a", "grünes dach", "b%20c", "d.1", "e")


@st.composite
def datasets(draw: st.DrawFn, form: Form) -> dict[str, Any]:
    """Objects by name of a picture; pictures that are missing, damaged annotation files, files of other kinds.

    One picture always has an object.
    """
    objects = st.lists(st.sampled_from(form.kinds), max_size=5)
    pictures = draw(st.dictionaries(st.sampled_from(NAMES), objects, min_size=1))
    choices = ["usable", "missing", "damaged"] if form.text is not None else ["usable", "missing"]
    states = [draw(st.sampled_from(choices)) for _ in pictures]
    pictures["always"] = [SOUND]
    return {
        "pictures": pictures,
        **{
            state: {name for name, found in zip(pictures, states, strict=False) if found == state}
            for state in ("missing", "damaged")
        },
        "foreign": draw(st.sets(st.sampled_from(["thanks.rtf", "spare.jpg", "notes/read.me"]))),
    }


@contextmanager
def folder_of(form: Form, content: dict[str, Any]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "set"
        form.write(root, content["pictures"])
        for seed, stem in enumerate(content["pictures"]):
            if stem not in content["missing"]:
                photo(root / form.picture.format(stem), seed=seed)
            if stem in content["damaged"]:
                path = root / form.path.format(stem)
                path.write_bytes(path.read_bytes() + b"\n\xff\xfe")
        for other in content["foreign"]:
            if other.endswith(".jpg"):
                photo(root / other)
            else:
                write_text(root / other, "thank you")
        yield root


def expected(content: dict[str, Any]) -> dict[str, int]:
    unused = content["missing"] | content["damaged"]
    kinds = [kind for stem, objects in content["pictures"].items() if stem not in unused for kind in objects]
    return {kind: kinds.count(kind) for kind in (SOUND, ODD, OTHER)}


forms = pytest.mark.parametrize("form", FORMS, ids=[form.format for form in FORMS])


@forms
def test_every_file_and_object_is_accounted_for(form: Form) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(datasets(form))
    def check(content: dict[str, Any]) -> None:
        with folder_of(form, content) as root:
            account = survey_dataset(open_dataset(root, form.format)).account
            files = sum(path.is_file() for path in root.rglob("*"))
            counted = (
                account.files,
                account.count_left_out(AccountKind.FILE),
                account.count_unrelated(AccountKind.FILE),
            )
            assert sum(counted) == files
            unusable = len(content["missing"] | content["damaged"])
            assert counted[1] == (unusable if form.text is not None else 0)
            objects = AccountKind.OBJECT
            found = {SOUND: account.objects, ODD: account.count_left_out(objects)}
            assert found | {OTHER: account.count_unrelated(objects)} == expected(content)
            assert account.count_left_out(AccountKind.ENTRY) == (0 if form.text is not None else unusable)
            assert all(sentence.endswith(".") for sentence in account.sentences(root))

    check()


@forms
def test_dry_run_import_and_project_have_the_same_counts(form: Form) -> None:
    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(datasets(form))
    def check(content: dict[str, Any]) -> None:
        with folder_of(form, content) as root:
            (root.parent / "project").mkdir()
            dataset = open_dataset(root, form.format)
            survey = survey_dataset(dataset)
            with Project.open(root.parent / "project") as project:
                report = import_dataset(project, dataset)
                records = list(project.pictures.all())
            assert report.account == survey.account
            assert report.labels == survey.labels == sum(record.is_labelled for record in records)
            assert report.pictures == len(records) == survey.samples
            labelled = [stem for stem, objects in content["pictures"].items() if SOUND in objects]
            usable = [s for s in labelled if s not in content["missing"] | content["damaged"]]
            assert report.labels == len(usable)

    check()
