"""What pictures are called where their file names alone do not tell them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from core.project.records import PictureRecord


def distinguishing_names(records: Iterable[PictureRecord]) -> dict[int, str]:
    """Names with the folders that tell pictures of one file name apart, by id; only of pictures whose name occurs
    again.

    Folders that all of them have are left out: “Tile 1/images/a.jpg” and “Tile 2/images/a.jpg” become “Tile 1/a.jpg”
    and “Tile 2/a.jpg”.
    """
    groups: defaultdict[str, list[PictureRecord]] = defaultdict(list)
    for record in records:
        groups[record.name.casefold()].append(record)
    names: dict[int, str] = {}
    for group in groups.values():
        if len(group) == 1:
            continue
        folders = [record.path.split("/")[:-1] for record in group]
        common = set(folders[0]).intersection(*folders[1:])
        short = [
            "/".join([*(part for part in parts if part not in common), record.name])
            for parts, record in zip(folders, group, strict=True)
        ]
        is_clear = len(set(short)) == len(short)
        for record, name in zip(group, short, strict=True):
            names[record.id] = name if is_clear else record.path
    return names
