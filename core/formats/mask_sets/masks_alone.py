"""Reads a folder of masks alone, whose pictures are elsewhere: in the folder of a project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from core.base.errors import FormatError
from core.base.text import count_of
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, Recognition
from core.formats.doubt import ValueReading, answered_by_reading
from core.formats.files.reader_border import finish_dataset
from core.formats.malformed import as_format_error
from core.formats.mask_evidence import MaskEvidence, gather_evidence
from core.formats.mask_sets.mask_choice import choose_masks
from core.formats.mask_sets.name_parts import MaskRole
from core.formats.mask_sets.pairing import MaskGroup, pair_with
from core.formats.readers.mask_folders import NAME, build_mask_dataset

_ELSEWHERE = "\0/"
"""Begins the name of a picture in the other folder; no file of a dataset is called so."""
_FEW_VALUES = 12
"""Grey photographs have more values, also those of few bits."""
_SOLID = 0.3
"""Share of the pixels of a mask, without its most frequent value, that lie inside areas of one value; of a photograph
hardly any do."""


class _MaskTree(DatasetTree):
    """The masks below `root`, and names of pictures in another folder."""

    def __init__(self, root: Path, folder: Path, files: Collection[str] | None) -> None:
        super().__init__(root, files)
        self._folder = folder

    def path(self, name: str) -> Path:
        if name.startswith(_ELSEWHERE):
            return self._folder / name.removeprefix(_ELSEWHERE)
        return super().path(name)


def open_masks(
    root: Path,
    folder: Path,
    pictures: Collection[str],
    values: ValueReading | None = None,
    files: Collection[str] | None = None,
) -> Dataset:
    """A dataset of those `pictures` in `folder`, by their relative paths, that have a mask below `root`.

    values: the reading to use, None to decide by evidence; files: the only ones to read, None for all below `root`.
    Raises FormatError if fewer than half of the files are named after the pictures, or if they are no masks.
    """
    tree = _MaskTree(root, folder, files)
    if folder.is_relative_to(tree.root):
        raise FormatError(f"{tree.root} holds the pictures of the project.")
    # Masks in the folder of the project may be in its list, too.
    own = f"{tree.root.relative_to(folder).as_posix()}/" if tree.root.is_relative_to(folder) else None
    try:
        dataset = _open(tree, [path for path in pictures if own is None or not path.startswith(own)], values)
    except Exception as problem:
        raise as_format_error(problem, f"{tree.root}, read as masks,") from problem
    return finish_dataset(tree, dataset)


def _open(tree: DatasetTree, pictures: Collection[str], values: ValueReading | None) -> Dataset:
    pairing = pair_with([f"{_ELSEWHERE}{path}" for path in pictures], tree.pictures)
    paired = len(tree.pictures) - len(pairing.unpaired)
    if not paired or 2 * paired < len(tree.pictures):
        raise FormatError(f"The files in {tree.root} are not named after pictures of this project.")
    choice = choose_masks(tree, replace(pairing, groups=_united(pairing.groups, tree.root.name)))
    if _are_photographs(gather_evidence([tree.path(mask) for mask in choice.masks])):
        raise FormatError(f"The files in {tree.root} are pictures and no masks.")
    recognition = Recognition(
        NAME,
        0.3 + 0.6 * paired / len(tree.pictures),
        f"{count_of(paired, 'file')} {'is' if paired == 1 else 'are'} named after pictures of this project.",
    )
    pairing = replace(pairing, pictures=tuple(choice.pairs))
    dataset = build_mask_dataset(tree, pairing, choice, values, recognition)
    samples = tuple(
        replace(sample, target_path=sample.target_path.removeprefix(_ELSEWHERE)) for sample in dataset.samples
    )
    doubts = dataset.doubts if values is None else answered_by_reading(dataset.doubts, values)
    return replace(dataset, samples=samples, doubts=doubts)


def _united(groups: Sequence[MaskGroup], kind: str) -> tuple[MaskGroup, ...]:
    """The groups of one role as one of this kind, unless they hold several masks of a picture: here the endings of
    names are no kinds of masks."""
    by_role: dict[MaskRole, list[MaskGroup]] = defaultdict(list)
    for group in groups:
        by_role[group.role].append(group)
    found: list[MaskGroup] = []
    for role, several in by_role.items():
        pairs = {picture: masks for group in several for picture, masks in group.pairs.items()}
        is_one = len(pairs) == sum(len(group.pairs) for group in several)
        found += [MaskGroup(kind, pairs, role)] if is_one else several
    return tuple(found)


def _are_photographs(evidence: MaskEvidence) -> bool:
    """Whether the files have too many values for masks, or many and hardly an area of one value."""
    if evidence.pictures_as_masks:
        return True
    numbers = evidence.numbers
    if len(numbers) <= _FEW_VALUES or max(numbers) > 255:
        return False
    rest = [number for number, _ in numbers.most_common()[1:]]
    return sum(evidence.solid[n] for n in rest) < _SOLID * sum(numbers[n] for n in rest)
