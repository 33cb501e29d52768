"""Which pictures a network is scored on. Does not import torch, so that what is missing is said at once."""

from __future__ import annotations

from core.base.errors import ModelError
from core.base.text import count_of
from core.project.project import Project
from core.project.records import PictureRecord, Split


def labelled_pictures(project: Project, split: Split) -> list[PictureRecord]:
    """The labelled pictures of a split. Raises ModelError, which says what to do, when there are none."""
    records = project.pictures.labelled(split)
    if records:
        return records
    others = {each: len(project.pictures.labelled(each)) for each in Split if each != split}
    elsewhere = " and ".join(f"{count_of(n, 'picture')} of {each}" for each, n in others.items() if n)
    advice = f"Labelled are {elsewhere}: choose that split, or move some" if elsewhere else "Label some"
    raise ModelError(
        f"No picture of the split “{split}” carries a label, so nothing can be scored. {advice}."
    )
