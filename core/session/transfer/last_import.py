"""The account of the last import, kept in the project file so that its status says the same as the import did."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from core.base.errors import ProjectError
from core.formats.account import Account
from core.formats.dataset_types import Dataset
from core.project.project import Project

FACT = "last_import"
"""Name of the fact in the project file that holds the counts as JSON."""
KEPT_REASONS, KEPT_PLACES = 50, 5


@dataclass(frozen=True, slots=True)
class LastImport:
    """Pictures that came in, of them with a labelled pixel, and pictures that were there unchanged; the account."""

    pictures: int
    labels: int
    skipped: int
    account: Account


def store_last_import(project: Project, dataset: Dataset, last: LastImport) -> None:
    """On the thread that owns the project. An import whose account cannot be stored is still complete."""
    account = last.account.as_json()
    for key in ("left_out", "unrelated"):
        account[key] = [row | {"places": row["places"][:KEPT_PLACES]} for row in account[key][:KEPT_REASONS]]
    content = {
        "format": dataset.recognition.format,
        "root": str(dataset.root),
        "pictures": last.pictures,
        "labels": last.labels,
        "skipped": last.skipped,
        "account": account,
        "sentence": last.account.summary(),
    }
    with contextlib.suppress(ProjectError):
        project.set_fact(FACT, json.dumps(content).encode("ascii", "replace").decode("ascii"))


def read_last_import(project: Project) -> dict[str, Any] | None:
    """The stored counts; None if there was no import, or the stored fact is damaged."""
    try:
        content = json.loads(project.fact(FACT) or "null")
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
