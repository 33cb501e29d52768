"""The commands check, backup and restore for the project file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.base.destination import check_output_file
from core.base.errors import ProjectError
from core.base.text import count_of
from core.cli.common_options import JsonOption, ProjectOption, open_existing
from core.cli.terminal import UsageError, open_for_writing, print_result, progress_bar, report_errors
from core.project.backup import (
    BACKUP_FOLDER,
    latest_backup,
    list_backups,
    make_backup,
    restore_backup,
    write_backup,
)
from core.project.files.home_check import check_home
from core.project.files.rescue_import import bring_back
from core.project.integrity.check import check_project
from core.project.integrity.findings import IntegrityFinding
from core.project.integrity.repair import check_and_repair
from core.project.locks.writer_lock import WriterLock
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project, find_home


def check_command(
    project: ProjectOption = Path(),
    repair_: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired; a backup is made first.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the project file and its pictures. Works while a window is open."""
    with report_errors():
        find_home(project)
        done: list[str] = []
        with (
            open_for_writing(project, None, "maskloop check --repair", to_repair=True)
            if repair_
            else Project.open_read_only(project, to_repair=True) as opened,
            progress_bar("Checking", quiet=as_json) as bar,
        ):
            if repair_:
                done, found = check_and_repair(opened, bar)
            else:
                found = check_project(opened, progress=bar)
            home = str(opened.home)
        result = {
            "project": home,
            "sound": not found,
            "repaired": done,
            "findings": [_finding_json(finding) for finding in found],
        }
        lines = done + [finding.sentence for finding in found]
        if not found:
            lines.append(f"No problems were found in {home}.")
        elif any(finding.repairable for finding in found):
            lines.append("To repair what can be repaired: maskloop check --repair")
        print_result(result, as_json, lines)
        if found:
            raise typer.Exit(1)


def backup_command(
    out: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="A new file, or a folder; default: the project's backup folder."),
    ] = None,
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Back up the project file. Works while a window is open."""
    with report_errors():
        home = find_home(project)
        if out is not None and not _is_folder(out):
            if out.exists():
                raise ProjectError(f"{out} already exists and was not changed. Choose another name.")
            write_backup(home / PROJECT_FILE, out)
            made = out
        else:
            made = make_backup(home / PROJECT_FILE, out or home / BACKUP_FOLDER)
        size = made.stat().st_size
        print_result(
            {"backup": str(made), "bytes": size},
            as_json,
            [f"The backup {made} was written ({_megabytes(size)})."],
        )


def restore_command(
    backup: Annotated[
        Path | None,
        typer.Argument(metavar="BACKUP", help="A file, or its name in the list; default: the newest."),
    ] = None,
    project: ProjectOption = Path(),
    listing: Annotated[bool, typer.Option("--list", help="Only list the backups, newest first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup. The current project file is kept as another backup."""
    with report_errors():
        home = _home_with_backups(project)
        folder = home / BACKUP_FOLDER
        if listing:
            if backup is not None:
                raise UsageError("--list and a backup exclude each other; give only one of them.")
            _list(folder, as_json)
            return
        chosen = _chosen(backup, folder)
        # Not Project.open, which may fail if the file is damaged.
        try:
            guard = WriterLock(home, "maskloop restore")
        except OSError as problem:
            raise ProjectError(
                f"{home} cannot be written ({problem.strerror or problem}). Copy it to a folder that can be written."
            ) from problem
        try:
            replaced = restore_backup(home / PROJECT_FILE, chosen)
        finally:
            guard.release()
        result = {"restored": str(chosen), "replaced": str(replaced) if replaced else None}
        lines = [f"The backup {chosen} was restored."]
        if replaced:
            lines.append(f"The previous project file is now {replaced}.")
        print_result(result, as_json, lines)


def rescue_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A rescue file (.maskloop-rescue).")],
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Bring back edits that could not be stored because the project file was gone."""
    with report_errors():
        with open_existing(project, "maskloop rescue") as opened:
            report = bring_back(opened, file)
            home = str(opened.home)
        result = {
            "project": home,
            "edits": report.edits,
            "already": report.already,
            "pictures": [record.path for record in report.pictures],
            "problems": list(report.problems),
        }
        pictures = count_of(len(report.pictures), "picture")
        lines = [f"{count_of(report.edits, 'edit')} of {pictures} were brought back into {home}."]
        if report.already:
            lines.append(f"{count_of(report.already, 'edit')} had been brought back before.")
        print_result(result, as_json, lines + [f"Left out: {problem}" for problem in report.problems])


def unlock_command(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Remove the lock of a program that has given no sign of life for a while, such as one on a computer that is gone.

    A lock whose program runs, or gave a sign of life just now, stays.
    """
    with report_errors():
        home = find_home(project)
        try:
            lock = WriterLock(home, "the command unlock", take_over=True)
        except OSError as problem:
            raise ProjectError(f"{home} cannot be written: {problem.strerror or problem}.") from problem
        lock.release()
        notice = lock.notice
        print_result({"removed": bool(notice)}, as_json, [notice or f"The project in {home} is not locked."])


def _is_folder(out: Path) -> bool:
    """Raises UserError for a name that is too long."""
    try:
        return out.is_dir()
    except OSError:
        check_output_file(out)
        raise


def _list(folder: Path, as_json: bool) -> None:
    found = [(moment, path, path.stat().st_size) for moment, path in list_backups(folder)]
    result = {
        "folder": str(folder),
        "backups": [
            {"name": path.name, "time": moment.isoformat(), "bytes": size} for moment, path, size in found
        ],
    }
    lines = [
        f"{moment.astimezone():%Y-%m-%d %H:%M:%S}  {_megabytes(size):>9}  {path.name}"
        for moment, path, size in found
    ]
    print_result(result, as_json, lines or [f"There are no backups in {folder}."])


def _chosen(backup: Path | None, folder: Path) -> Path:
    if backup is None:
        newest = latest_backup(folder)
        if newest is None:
            raise ProjectError(f"There are no backups in {folder}. Name one: maskloop restore BACKUP")
        return newest
    found = next((path for path in (backup, folder / backup) if path.is_file()), None)
    if found is None:
        raise ProjectError(f"There is no backup {backup}. List the backups: maskloop restore --list")
    return found


def _home_with_backups(where: Path) -> Path:
    """The project folder, even if the project file is missing. Raises ProjectError if there is none."""
    try:
        return find_home(where)
    except ProjectError:
        for home in (where.absolute() / HOME_FOLDER, where.absolute()):
            if list_backups(home / BACKUP_FOLDER):
                check_home(home, named=home == where.absolute())
                return home
        raise


def _finding_json(finding: IntegrityFinding) -> dict[str, Any]:
    return {name: value for name, value in asdict(finding).items() if value is not None}


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
