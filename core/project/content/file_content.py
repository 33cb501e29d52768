"""A look at the content of one file. Imports little, because worker processes look too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.images.file_age import FileAge, file_age
from core.project.packed_picture import file_digest


@dataclass(frozen=True, slots=True)
class ObservedContent:
    """A look at the file of a picture. digest: None when only its age was looked at; size: (width, height) upright."""

    picture_id: int
    age: FileAge
    digest: str | None = None
    size: tuple[int, int] | None = None


def replaced_sentence(path: str) -> str:
    """What is wrong with a labelled picture whose content is another one."""
    return (
        f"{path} has been replaced since it was labelled, so its label was left out. Say in the Label workspace what "
        "becomes of the label (or keep it with maskloop check --repair), or put the old picture back."
    )


def observe_file(
    picture_id: int,
    path: Path,
    size: tuple[int, int] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> ObservedContent | None:
    """Hash a file; None when it was changed meanwhile, is gone, or the hashing was stopped."""
    try:
        age = file_age(path)
        digest = file_digest(path, should_stop)
        if digest is None:
            return None
        return ObservedContent(picture_id, age, digest, size) if file_age(path) == age else None
    except OSError:
        return None
