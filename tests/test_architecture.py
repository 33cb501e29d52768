"""Rules for the whole tree: format, lint, types, layers, names and sizes, so that one command checks everything."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.conftest import LONG, TRAINING

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for name in ("core", "desktop") for path in (ROOT / name).rglob("*.py"))
NOUNS_IN_ING = {"editing", "training", "loading", "rendering", "pairing", "scoring"}
"""Module and package names that end in -ing and are the usual noun for what they hold."""
TORCH = ("torch", "segmentation_models_pytorch", "timm", "lightning_fabric")
LIBRARY_PLACES = {
    "PySide6": ("desktop/",),
    "pyvips": ("core/images/tiled_conversion.py",),
    "sqlalchemy": ("core/project/",),
    "alembic": ("core/project/",),
    "typer": ("core/cli/", "desktop/cli_commands.py"),
    "rich": ("core/cli/",),
    **dict.fromkeys(
        TORCH,
        (
            "core/models/",
            "core/training/",
            "core/live/",
            "core/evaluation/run_score.py",
            "core/cli/distributed_tasks.py",
        ),
    ),
}
"""Library -> where it may be imported, at the top of a module or inside a function."""
REPEATED_STEMS = {"__init__", "page", "controller", "registry", "base", "service"}
"""Module names whose package says which one is meant; every other name occurs once in `core/` and in `desktop/`."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    "check",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"], ["lint-imports"]],
    ids=["format", "lint", "types", "imports"],
)
def test_checker_passes(check: list[str]) -> None:
    program = Path(sys.executable).with_name(check[0])
    done = subprocess.run([program, *check[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_window_does_not_import_torch() -> None:
    """Importing torch takes seconds; only child processes and the command line may."""
    code = "import sys, desktop.app, core.session.session; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_window_shows_before_project_modules_are_imported() -> None:
    """These imports take half a second. They happen after the first picture is on screen."""
    heavy = (
        "sqlalchemy",
        "asyncio",
        "yaml",
        "tifffile",
        "skimage",
        "typer",
        "core.session.session",
        "desktop.command_palette.palette",
        "desktop.workspaces.review.page",
        "desktop.workspaces.train.page",
        "desktop.workspaces.data.page",
    )
    for name in heavy[6:]:
        assert (ROOT / f"{name.replace('.', '/')}.py").is_file(), name
    code = f"import sys, desktop.__main__, desktop.app; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_libraries_are_imported_only_where_they_belong() -> None:
    misplaced = []
    for path in MODULES:
        for library in _imported_libraries(path) & set(LIBRARY_PLACES):
            if not relative(path).startswith(LIBRARY_PLACES[library]):
                misplaced.append(f"{relative(path)} imports {library}")
    assert misplaced == []


def _imported_libraries(path: Path) -> set[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return {name.split(".")[0] for name in names}


def test_no_import_cycle() -> None:
    """Imports for type checking count: two modules that need each other's types are one idea or need a third."""
    graph = grimp.build_graph("core", "desktop", "resources", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as cycle:
        pytest.fail(" -> ".join(cycle.args[1]))


def test_public_class_names_are_unique() -> None:
    places = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(relative(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_module_names_are_unique_nouns() -> None:
    for top in ("core", "desktop"):
        stems = Counter(
            path.stem
            for path in MODULES
            if path.is_relative_to(ROOT / top)
            and path.parent.name != "writers"  # one file a format, as in readers
        )
        assert {stem for stem, count in stems.items() if count > 1} - REPEATED_STEMS == set(), top
    words = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert {word.split("_")[-1] for word in words if word.endswith("ing")} - NOUNS_IN_ING == set()


def test_files_and_folders_stay_small() -> None:
    files = [*MODULES, *(ROOT / "tests").rglob("*.py")]
    lines = {relative(path): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {path: count for path, count in lines.items() if count > 450} == {}
    folders = Counter(relative(path.parent) for path in MODULES if path.stem != "__init__")
    assert {folder: count for folder, count in folders.items() if count > 22} == {}


def test_files_that_are_started_first_exist() -> None:
    """A name that is out of date would put the file among the others, unnoticed."""
    assert [name for name in TRAINING + LONG if not (ROOT / "tests" / name).is_file()] == []


def test_architecture_page_names_what_exists() -> None:
    """Every path and every class that the page names in backticks exists; the page stays readable in ten minutes."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert len(page.splitlines()) <= 150
    classes = {
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    named = re.findall(r"`([^`\s]+)`", page)
    paths = [name for name in named if re.fullmatch(r"(core|desktop|resources|tests|docs)/[\w./]*", name)]
    assert len(paths) > 40
    assert [name for name in paths if not (ROOT / name).exists()] == []
    camel = {name.split(".")[0] for name in named if re.match(r"[A-Z][a-z]+[A-Z]\w*(\.\w+)?$", name)}
    assert len(camel) > 10
    assert camel - classes == set()
