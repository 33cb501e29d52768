"""Finds pictures that are missing, were moved (found by their content), or changed since they were labelled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from core.base.display_text import quoted
from core.base.errors import ImageError
from core.images.folder import scan_folder
from core.images.image_reader import read_size
from core.project.content.joins import PictureJoins
from core.project.content.picture_contents import PictureContents
from core.project.files.home_check import is_file
from core.project.integrity.findings import FindingKind, IntegrityFinding, ProgressReport
from core.project.packed_picture import file_digest
from core.project.project import Project
from core.project.records import PictureRecord


def check_pictures(project: Project, report: ProgressReport, *, read: bool) -> Iterator[IntegrityFinding]:
    """Pictures that are missing, moved or changed; the last two only if every file is to be `read`.

    Missing digests are stored when the project is open for writing.
    """
    records, known = project.pictures.all(), project.pictures.digests()
    missing: dict[int, str] = {}
    forbidden: dict[int, str] = {}
    digests: dict[int, str] = {}
    for done, record in enumerate(records):
        report(done, len(records))
        try:
            path = project.picture_path(record.path)
        except ImageError as problem:
            forbidden[record.id] = str(problem)
            continue
        if (reason := _reason_if_forbidden(path)) is not None:
            forbidden[record.id] = (
                f"{quoted(record.path)} in {project.folder} cannot be read ({reason}). "
                "Give yourself the right to read it."
            )
        elif not is_file(path):
            missing[record.id] = record.path
        elif read and (digest := _digest_or_none(path)) is not None:
            digests[record.id] = digest
            if record.is_labelled and known.get(record.id, digest) != digest:
                yield _changed_finding(record, path)
    labelled = {record.id for record in records if record.is_labelled}
    to_store = {
        i: d for i, d in digests.items() if known.get(i) is None or (known[i] != d and i not in labelled)
    }
    if to_store and project.is_writing:
        project.pictures.set_digests(to_store)
    hashed = {record.path: digests[record.id] for record in records if record.id in digests}
    for picture_id, sentence in forbidden.items():
        yield IntegrityFinding(FindingKind.MISSING, sentence, False, picture_id)
    moved = _find_moved(project, missing, known, hashed) if read else {}
    doubles = {
        digest: record.path
        for record in records
        if record.is_labelled and (digest := digests.get(record.id)) and known.get(record.id) == digest
    }
    for picture_id, old_path in missing.items():
        new_path, double = moved.get(picture_id), doubles.get(known.get(picture_id, ""))
        if new_path is None and double is not None and picture_id in labelled:
            sentence = (
                f"{old_path} is missing from {project.folder}, and {double} has the same content and a label of its "
                "own. Compare and merge the two in the Label workspace."
            )
            yield IntegrityFinding(FindingKind.DOUBLE, sentence, False, picture_id, path=double)
        elif new_path is None:
            sentence = f"{old_path} is missing from {project.folder}. Put it back; its label is kept."
            yield IntegrityFinding(FindingKind.MISSING, sentence, False, picture_id)
        else:
            yield IntegrityFinding(
                FindingKind.MOVED, f"{old_path} is now {new_path}.", True, picture_id, path=new_path
            )


def _changed_finding(record: PictureRecord, path: Path) -> IntegrityFinding:
    """A file with other content under the same name. If it has the same size, the label may still fit it."""
    try:
        fits = read_size(path) == (record.width, record.height)
    except ImageError:
        fits = False
    sentence = (
        f"{record.path} has changed since it was labelled. Check that its label fits, or put the old picture back."
        if fits
        else f"{record.path} has changed since it was labelled. Its label no longer fits: put the old picture back."
    )
    return IntegrityFinding(FindingKind.CHANGED, sentence, fits, record.id)


def _find_moved(
    project: Project, missing: dict[int, str], known: dict[int, str], hashed: dict[str, str]
) -> dict[int, str]:
    """The present paths of missing pictures, found by content; never the path of a picture that has work of its own."""
    wanted: dict[str, list[int]] = {}
    for picture_id in missing:
        if digest := known.get(picture_id):
            wanted.setdefault(digest, []).append(picture_id)
    if not wanted:
        return {}
    with_work = {each.path for each in PictureContents(project.store).known() if each.has_work}
    refused = PictureJoins(project.store).refused()
    found: dict[int, str] = {}
    for path in scan_folder(project.folder):
        relative = path.relative_to(project.folder).as_posix()
        if relative in with_work:
            continue
        candidates = wanted.get(hashed.get(relative) or _digest_or_none(path) or "")
        fitting = [picture_id for picture_id in candidates or () if (picture_id, relative) not in refused]
        if fitting and candidates:
            candidates.remove(fitting[0])
            found[fitting[0]] = relative
    return found


def _reason_if_forbidden(path: Path) -> str | None:
    """Why a file, or a folder above it, may not be read; None when it may, or when it is not there."""
    try:
        path.stat()
    except PermissionError as problem:
        return problem.strerror or "no permission"
    except (OSError, ValueError):  # not there, or a name that cannot be one of a file
        return None
    return None if os.access(path, os.R_OK) else "no permission"


def _digest_or_none(path: Path) -> str | None:
    try:
        return file_digest(path)
    except OSError:
        return None
