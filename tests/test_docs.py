"""What the docs say is tried: queries run, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from core.base.option_spec import markdown
from core.cli.app import COMMANDS
from core.labels.label_map import LabelMap
from core.project.project import HOME_FOLDER, PROJECT_FILE
from core.project.records import Measurement
from core.project.schema import metadata
from core.training.recipe import PRESETS, RECIPE_OPTIONS
from tests.factories import project_in, stroke

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_queries_of_the_project_file_page_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with project_in(tmp_path) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 1, (10, 10), (40, 40)))
        project.journal.commit(1, stroke(labels, 2, (60, 10), (80, 40)))
        run = project.runs.start("{}", "{}", None, 1)
        project.runs.add_measurements([Measurement(run.id, "miou", None, 1, 2.0, 1, 0.5)])
    page = (ROOT / "docs" / "project-file.md").read_text("utf-8")
    queries = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(queries) >= 4
    connection = sqlite3.connect(tmp_path / HOME_FOLDER / PROJECT_FILE)
    try:
        for query in queries:
            assert connection.execute(query).fetchall(), query
    finally:
        connection.close()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code.replace("FOLDER", tmp_path.as_posix()), {})
    assert "pixels painted" in capsys.readouterr().out
    for table in metadata.tables:
        assert f"`{table}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_commands_in_the_readme_exist() -> None:
    words = re.findall(r"uv run maskloop ([a-z]+)", (ROOT / "README.md").read_text("utf-8"))
    assert {word for word in words if word.islower()} - {"demo"} <= {*COMMANDS}


def test_the_page_on_training_shows_the_choices_that_there_are() -> None:
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    assert markdown(RECIPE_OPTIONS, PRESETS) in page, "run: python -m core.training.recipe"


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    for page in (ROOT / "docs" / "adr").glob("0*.md"):
        assert page.name in listed
