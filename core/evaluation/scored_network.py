"""A network that is scored, and which class of the project each of its outputs is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.display_text import quoted
from core.base.errors import ModelError
from core.base.text import count_of
from core.labels.class_list import UNLABELLED, VOID, ClassList
from core.models.checkpoint import LoadedModel, load_checkpoint
from core.models.export import METADATA_KEY
from core.models.import_process import read_foreign_model
from core.models.model_import import read_safetensors_header
from core.project.project import Project, run_class_mapping
from core.project.records import RunRecord
from core.training.devices import resolve_device

_NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ScoredNetwork:
    """run_id: 0 for a file of weights; table: (256,) uint8 class value of the project by predicted value, 0 for one
    that is no class of it; notes: sentences about classes that only the network or only the project has."""

    loaded: LoadedModel
    run_id: int
    table: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def load_run(project: Project, run: RunRecord, device: str = "auto") -> ScoredNetwork:
    """The network of a run, its classes moved as those of the project were since. Raises ModelError when the weights
    cannot be loaded."""
    loaded = load_checkpoint(project.run_folder(run.id), resolve_device(device))
    table = run_class_mapping(project, run.id).copy()
    table[table == VOID] = UNLABELLED
    classes = project.classes.read()
    table[~np.isin(table, classes.values)] = UNLABELLED
    gone = np.count_nonzero(table[list(loaded.spec.class_values)] == UNLABELLED)
    notes = [
        f"The network predicts {count_of(int(gone), 'class', 'classes')} that the project no longer has; what it "
        "predicts as such counts as wrong."
    ]
    missing = _missing_note(loaded, table, classes)
    return ScoredNetwork(loaded, run.id, table, (*(notes if gone else []), *missing))


def load_weights_file(project: Project, path: Path, device: str = "auto") -> ScoredNetwork:
    """The network in a file that `maskloop model export` wrote, its classes matched by name.

    The file is read in a process with limits, and the project is not changed. Raises ModelError, also when the file
    does not name its classes, or the project has none of them.
    """
    _check_names_its_classes(path)
    imported = read_foreign_model(path)
    classes = project.classes.read()
    table = np.zeros(256, np.uint8)
    unknown = []
    for value, each in zip(imported.spec.class_values, imported.classes, strict=True):
        known = classes.by_name(each.name)
        if known is None:
            unknown.append(each.name)
        else:
            table[value] = known.value
    if not table.any():
        raise ModelError(
            f"None of the classes of {path.name} ({_listed(unknown)}) has the name of a class of the project, so "
            "there is nothing to score. Rename the classes of the project, or choose another file."
        )
    notes = []
    if unknown:
        notes.append(
            "The project has no class of these names, so what the network predicts as such counts as wrong: "
            f"{_listed(unknown)}."
        )
    model = imported.model.to(resolve_device(device)).eval().requires_grad_(False)
    loaded = LoadedModel(model, imported.spec, {})
    return ScoredNetwork(loaded, 0, table, (*notes, *_missing_note(loaded, table, classes)))


def _check_names_its_classes(path: Path) -> None:
    """Raises ModelError for weights alone: nobody knows which output is which class."""
    try:
        is_ours = (
            path.suffix.lower() == ".safetensors" and METADATA_KEY in read_safetensors_header(path).metadata
        )
    except OSError as problem:
        raise ModelError(
            f"{path} cannot be read: {problem.strerror or problem}. Choose another file."
        ) from problem
    if not is_ours:
        raise ModelError(
            f"{path.name} names neither its network nor its classes, so its outputs cannot be matched with the "
            "classes of the project. Import it with both: maskloop model import FILE --arch A --classes a,b,c"
        )


def _missing_note(loaded: LoadedModel, table: NDArray[np.uint8], classes: ClassList) -> list[str]:
    known = set(table[list(loaded.spec.class_values)].tolist())
    missing = [each.name for each in classes if each.value not in known]
    if not missing:
        return []
    return [
        f"The network does not know {'this class' if len(missing) == 1 else 'these classes'} of the project, whose "
        f"pixels count as wrong: {_listed(missing)}."
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(quoted(name) for name in names[:_NAMES_SHOWN]) + more
