"""Formats with an annotation file per picture: every file and object is accounted for, and all counts agree."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from tests.dataset_files import HEIGHT, WIDTH, photo, write_text

SOUND, ODD, OTHER = "sound", "odd", "other"
"""Objects that come in, that cannot be read, and that are not areas."""
BOX = [[2, 2], [9, 2], [9, 9], [2, 9]]


@dataclass(frozen=True, slots=True)
class Form:
    """How the objects of one picture are written, and where; `kinds` are those that the format has."""

    format: str
    path: str
    kinds: tuple[str, ...]
    text: Callable[[str, Sequence[str]], str]


def _yolo(_: str, objects: Sequence[str]) -> str:
    lines = {SOUND: "0 0.1 0.1 0.4 0.1 0.4 0.6 0.1 0.6", ODD: "roof 0.1 0.2", OTHER: "1 0.5 0.5 0.2 0.2"}
    return "".join(f"{lines[kind]}\n" for kind in objects)


def _labelme(name: str, objects: Sequence[str]) -> str:
    shapes: dict[str, Any] = {
        SOUND: {"label": "roof", "points": BOX},
        ODD: {"label": "roof", "points": BOX[:1]},
        OTHER: {"label": "roof", "shape_type": "point", "points": BOX[:1]},
    }
    return json.dumps({"shapes": [shapes[kind] for kind in objects], "imagePath": f"{name}.jpg"})


def _isat(name: str, objects: Sequence[str]) -> str:
    written: dict[str, Any] = {
        SOUND: {"category": "roof", "segmentation": BOX},
        ODD: {"category": "roof", "segmentation": "?"},
    }
    info = {"description": "ISAT", "name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}
    return json.dumps({"info": info, "objects": [written[kind] for kind in objects]})


FORMS = (
    Form("yolo-seg", "labels/{}.txt", (SOUND, ODD, OTHER), _yolo),
    Form("labelme", "{}.json", (SOUND, ODD, OTHER), _labelme),
    Form("isat", "{}.json", (SOUND, ODD), _isat),
)
NAMES = ("a", "grünes dach", "b%20c", "d.1", "e")


@st.composite
def datasets(draw: st.DrawFn, form: Form) -> dict[str, Any]:
    """Objects by name of a picture; pictures that are missing, damaged annotation files, files of other kinds.

    One picture always has an object.
    """
    objects = st.lists(st.sampled_from(form.kinds), max_size=5)
    pictures = draw(st.dictionaries(st.sampled_from(NAMES), objects, min_size=1))
    states = [draw(st.sampled_from(["usable", "missing", "damaged"])) for _ in pictures]
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
        for seed, (stem, objects) in enumerate(content["pictures"].items()):
            if stem not in content["missing"]:
                photo(root / f"{stem}.jpg", seed=seed)
            text = form.text(stem, objects)
            write_text(path := root / form.path.format(stem), text)
            if stem in content["damaged"]:
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
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
            assert counted[1] == len(content["missing"] | content["damaged"])
            objects = AccountKind.OBJECT
            found = {SOUND: account.objects, ODD: account.count_left_out(objects)}
            assert found | {OTHER: account.count_unrelated(objects)} == expected(content)
            assert account.count_left_out(AccountKind.ENTRY) == 0
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
