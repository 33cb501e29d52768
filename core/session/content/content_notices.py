"""Sentences about files that were renamed, replaced or are gone."""

from __future__ import annotations

from collections.abc import Sequence

from core.base.display_text import quoted
from core.project.content.joins import JoinRecord


def joined_sentence(made: Sequence[JoinRecord]) -> str:
    """Missing pictures were found again under other names."""
    first = made[0]
    what = "label, history, split, tags and note came along"
    if len(made) == 1:
        return f"{quoted(first.old_path)} is now {quoted(first.new_path)}; {what}."
    old, new = (
        _common_folder([each.old_path for each in made]),
        _common_folder([each.new_path for each in made]),
    )
    where = f" ({quoted(old)} is now {quoted(new)})" if old != new and old and new else ""
    return f"{len(made):,} renamed pictures were found again{where}; {what}."


def replaced_sentence_for_window(paths: Sequence[str]) -> str:
    """Labelled pictures have other content than before."""
    if len(paths) == 1:
        return (
            f"{quoted(paths[0])} has been replaced since it was labelled. Its label is kept, and left out of training "
            "until you say what becomes of it."
        )
    return (
        f"{len(paths):,} labelled pictures have been replaced. Their labels are kept, and left out of training until "
        "you say what becomes of them."
    )


def changed_sentence(paths: Sequence[str]) -> str:
    """Pictures without a label have other content than before."""
    if len(paths) == 1:
        return f"{quoted(paths[0])} has been replaced; the new picture is shown."
    return f"{len(paths):,} pictures have been replaced; the new ones are shown."


def restored_sentence(paths: Sequence[str]) -> str:
    """Replaced pictures have the content again that their labels were made for."""
    if len(paths) == 1:
        return f"{quoted(paths[0])} has the content again that its label was made for."
    return f"{len(paths):,} pictures have the content again that their labels were made for."


def double_sentence(missing: str, present: str) -> str:
    """A missing picture and another one have the same content, and both are labelled."""
    return (
        f"{quoted(present)} has the same content as {quoted(missing)}, which is not there any more, and both are "
        "labelled. Compare and merge their labels in the Label workspace."
    )


def _common_folder(paths: Sequence[str]) -> str:
    """The folder of all these paths, "" when they are in several or in the project's own folder."""
    folders = {path.rpartition("/")[0] for path in paths}
    return f"{folders.pop()}/" if len(folders) == 1 and "" not in folders else ""
