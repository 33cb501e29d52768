"""formats, import and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from core.project.project import HOME_FOLDER
from tests import dataset_files
from tests.command_line import error_of, json_of, output_of, usage_error_of
from tests.external_datasets import EXTERNAL_DATASETS
from tests.factories import label_all, project_in
from tests.mask_datasets import indices, mask_dataset


def test_formats_lists_both_directions() -> None:
    assert {"masks", "colour-masks"} <= set(json_of("formats"))
    assert "classes.json" in output_of("formats")


def test_dataset_is_imported_and_exported(tmp_path: Path) -> None:
    dataset, mine, out = mask_dataset(tmp_path / "set"), tmp_path / "mine", tmp_path / "out"
    came = json_of("import", "masks", dataset, "--into", mine)
    assert came == {
        "project": str(mine / HOME_FOLDER),
        "format": "masks",
        "pictures": 3,
        "labels": 3,
        "classes": {"sky": 1, "road": 2, "tree": 3},
        "problems": [],
        "skipped": 0,
        "new": 3,
        "kept": 0,
        "notes": [],
        "unsure": {},
        "values": None,
        "pixels": came["pixels"],
        "doubts": came["doubts"],
        "account": {
            "files": {"used": 7, "left_out": 0, "unrelated": 0},
            "objects": {"used": 0, "left_out": 0, "unrelated": 0},
            "entries": {"left_out": 0},
            "left_out": [],
            "unrelated": [],
        },
    }
    assert sum(came["pixels"].values()) == 3 * 24 * 16
    assert set(came["pixels"]) == {"sky", "road", "tree", "void", "unlabelled"}
    assert [doubt["key"] for doubt in came["doubts"]] == []
    left = json_of("export", "masks", out, "--project", mine, "--split", "train")
    assert left == {
        "out": str(out),
        "pictures": 2,
        "pairs": 2,
        "predictions": 0,
        "problems": [],
        "reused": 0,
        "losses": [],
    }
    with Image.open(out / "masks" / "train" / "a.png") as image:
        shown = np.asarray(image)
    np.testing.assert_array_equal(
        shown, np.vectorize({0: 1, 1: 2, 2: 3, 11: 255}.get)(indices(0)).astype(np.uint8)
    )
    words = output_of("export", "colour-masks", out, "--project", mine)
    assert words == f"Exported 3 pictures with 3 masks and 0 predictions to {out}.\n"
    with Image.open(out / "masks" / "val" / "c.png") as image:
        assert image.mode == "RGB"


def test_import_lists_problems(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", masks={"val/c": np.full((16, 24), 99, np.uint8)})
    out = output_of("import", "masks", dataset, "--into", tmp_path / "mine", "--split", "test")
    first, second, last = out.splitlines()
    assert last == "Account: 7 files: 6 came in, 1 left out."
    assert first == "Imported 3 pictures with 2 labels of 3 classes."
    assert second.startswith("Left out: ") and "was left out" not in second
    assert "index 99" in second
    found = json_of("import", "masks", dataset, "--into", tmp_path / "mine")
    assert len(found["problems"]) == 1
    assert json_of("status", "--project", tmp_path / "mine")["splits"] == {"test": 3}


def test_import_recognises_the_format_and_has_a_dry_run(tmp_path: Path) -> None:
    next(form for form in EXTERNAL_DATASETS if form.format == "coco").write(tmp_path / "set")
    chosen = ("--map", "roof=building", "--map", "everything else=skip", "--map", "street=void")
    words = ("import", "auto", tmp_path / "set", "--into", tmp_path / "mine", *chosen)
    plan = json_of(*words, "--dry-run")
    assert (plan["format"], plan["sure"], plan["pictures"], plan["masks"]) == ("coco", 0.94, 1, 1)
    assert plan["classes"] == {"street": "void", "roof": "building", "everything else": "skip"}
    assert plan["new_classes"] == ["building"]
    assert not (tmp_path / "mine").exists()
    told = output_of(*words, "--dry-run")
    assert told.startswith("The format is coco, 94 % sure. ")
    assert "roof                     becomes building (new)" in told
    came = json_of(*words)
    assert (came["format"], came["labels"], came["classes"]) == ("coco", 1, {"roof": 2})
    assert "building (known)" in output_of(*words, "--dry-run")
    assert "Skipped 1 picture, already imported and unchanged." in output_of(*words)
    assert "--map takes OLD=NEW" in usage_error_of("import", "auto", tmp_path / "set", "--map", "roof")
    assert "no class “sky”" in error_of(*words, "--map", "sky=void")


def test_import_of_malformed_datasets_creates_nothing(tmp_path: Path) -> None:
    broken = mask_dataset(tmp_path / "broken")
    (broken / "classes.json").write_text("{")
    assert "classes.json is not valid JSON" in error_of("import", "masks", broken, "--into", tmp_path / "a")
    unnamed = mask_dataset(tmp_path / "unnamed", classes=None)
    assert "classes.json is missing" in error_of("import", "masks", unnamed, "--into", tmp_path / "a")
    assert "There is no folder" in error_of("import", "masks", tmp_path / "no", "--into", tmp_path / "a")
    assert "does not contain the folders" in error_of("import", "masks", tmp_path, "--into", tmp_path / "a")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    good = mask_dataset(tmp_path / "good")
    assert "cannot be created" in error_of("import", "masks", good, "--into", tmp_path / "file")


def test_export_dry_run_lists_losses(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    output_of("import", "masks", mask_dataset(tmp_path / "set"), "--into", mine)
    words = ("export", "coco", out, "--project", mine, "--tile", 16)
    plan = json_of(*words, "--dry-run")
    assert (plan["pictures"], plan["pieces"], plan["labels"], plan["predictions"]) == (3, 6, 3, 0)
    assert plan["splits"] == {"train": 2, "val": 1}
    assert set(plan["pixels"]) == {"sky", "road", "tree", "void"}
    assert "void pixels are left out" in plan["losses"][0]
    told = output_of(*words, "--dry-run")
    assert told.startswith(
        f"This would export 3 pictures (train 2, val 1) to {out}, 3 with labels and 0 with predictions.\n"
        "This would cut them into at most 6 tiles.\n"
    )
    assert "Would be lost: " in told
    assert not out.exists()
    assert "Lost: " in output_of(*words)
    assert len(list((out / "images" / "train").iterdir())) == 4
    named = tmp_path / "named"
    output_of(
        "export", "masks", named, "--project", mine, "--names", "{index:03}", "--lists", "--longest", 48
    )
    assert {p.name for p in (named / "masks").iterdir()} == {"000.png", "001.png", "002.png"}
    assert "leave out --lists" in usage_error_of("export", "coco", out, "--project", mine, "--lists")


def test_formats_name_independent_readers(tmp_path: Path) -> None:
    table = json_of("formats")
    assert table["coco"]["directions"] == "in, out"
    assert table["geotiff"]["directions"] == "out"
    assert table["oxford-pet"]["directions"] == "in"
    assert "pycocotools" in table["coco"]["read_back_by"]
    assert "Void" in table["yolo-seg"]["cannot_hold"]


def test_export_never_overwrites_other_files(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures") as project:
        label_all(project, project.pictures.all())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    assert "not empty" in error_of("export", "masks", tmp_path / "out", "--project", tmp_path / "pictures")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]
    assert "inside the folder of the project" in error_of(
        "export", "masks", tmp_path / "pictures" / "out", "--project", tmp_path / "pictures"
    )
    assert "nothing to export" in error_of(
        "export", "masks", tmp_path / "new", "--project", tmp_path / "pictures", "--only-done"
    )
    assert not (tmp_path / "new").exists()


def test_doubts_are_answered_by_options(tmp_path: Path) -> None:
    for number in range(2):
        dataset_files.photo(tmp_path / "set" / "JPEGImages" / f"{number}.jpg", seed=number)
        dataset_files.grey(tmp_path / "set" / "SegmentationClass" / f"{number}.png", 0, 255)
    words = ("import", "auto", tmp_path / "set", "--into", tmp_path / "mine")
    plan = json_of(*words, "--dry-run")
    assert (plan["values"], plan["labels"]) == ("binary", 2)
    assert plan["pixels"] == {"background": 384, "foreground": 384, "void": 0, "unlabelled": 0}
    (doubt,) = plan["doubts"]
    assert doubt["key"] == "black-and-white"
    assert [answer["option"] for answer in doubt["answers"]] == ["--values binary", "--values index"]
    told = output_of(*words, "--dry-run")
    assert "Doubt: The masks hold only 0 and 255" in told
    assert "becomes foreground (new), 50.0 % of the pixels" in told
    came = json_of(*words, "--map", "0=wall", "--map", "255=door")
    assert came["doubts"] == [], "the mapping settles it"
    assert came["pixels"] == plan["pixels"]
    assert set(json_of("status", "--project", tmp_path / "mine")["classes"]) == {"wall", "door"}
    assert json_of(*words, "--dry-run", "--values", "index")["values"] == "index"
    page = tmp_path / "page.html"
    for chosen, is_open in (((), True), (("--values", "binary"), False), (("--map", "255=door"), False)):
        told = output_of(*words, "--dry-run", "--report", page, *chosen)
        assert ("Doubt: " in told) == is_open == ("<h2>Doubts</h2>" in page.read_text("utf-8"))
    assert "cannot be read by --values palette" in error_of(*words, "--values", "palette")
    assert "'nonsense'" in usage_error_of(*words, "--values", "nonsense")


def test_strict_imports_tell_by_their_exit_code(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set", masks={"val/c": np.full((16, 24), 99, np.uint8)})
    words = ("import", "masks", dataset, "--into", tmp_path / "mine", "--strict")
    assert json_of(*words, "--dry-run", code=3)["account"]["files"]["left_out"] == 1
    came = json_of(*words, code=3)
    assert came["account"] == json_of(*words, "--dry-run", code=3)["account"]
    status = json_of("status", "--project", tmp_path / "mine")
    assert status["last_import"]["account"] == came["account"]
    assert status["labelled"] == status["last_import"]["labels"] == came["labels"]
    assert "Last import (masks): Account: 7 files: 6 came in, 1 left out." in output_of(
        "status", "--project", tmp_path / "mine"
    )


def test_the_account_is_written_as_a_page(tmp_path: Path) -> None:
    dataset, page = mask_dataset(tmp_path / "set"), tmp_path / "report.html"
    words = ("import", "masks", dataset, "--into", tmp_path / "mine", "--report", page)
    output_of(*words, "--dry-run")
    assert "This would import 3 pictures" in page.read_text("utf-8")
    output_of(*words)
    text = page.read_text("utf-8")
    assert "Imported 3 pictures with 3 labels" in text and text.count("data:image/jpeg;base64,") == 3
    assert "Skipped 3 pictures" in output_of(*words) and "0 pictures of the dataset are new" in output_of(
        *words
    )
    assert "ends with .html" in error_of(*words[:-1], tmp_path / "report.doc")
