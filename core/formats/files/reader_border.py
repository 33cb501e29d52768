"""The border of the readers: every file is in the account, and samples raise nothing but errors with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.base.display_text import clean_name
from core.base.errors import FormatError, MaskloopError
from core.formats.account import Account, AccountBuilder, AccountRow, account_files
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, LoadedMask, Sample
from core.formats.files.annotation_files import join_samples
from core.formats.malformed import MAX_SENTENCE, as_format_error, shorten
from core.formats.object_dataset import UNCOVERED
from core.labels.class_list import UNLABELLED

MAX_PLACE = 300
"""Letters of a place in an account."""


def finish_dataset(tree: DatasetTree, dataset: Dataset) -> Dataset:
    """The dataset with every file of the folder in the account, and samples that raise sentences only."""
    used = (path for sample in dataset.samples for path in (sample.picture, *sample.sources))
    account = AccountBuilder(account_files(tree, used, dataset.account))
    for name, reason in tree.refused:
        account.left_out(name, reason)
    uncovered = next((n for n, c in enumerate(dataset.classes, 1) if c.name == UNCOVERED), UNLABELLED)
    whole = replace(
        dataset,
        classes=tuple(replace(row, name=clean_name(row.name)) for row in dataset.classes),
        samples=tuple(map(_guarded, dataset.samples)),
        account=_shortened(account.result()),
    )
    return join_samples(whole, uncovered)


def _shortened(account: Account) -> Account:
    """The account without values of files that are quoted at any length, and without control characters."""

    def short(row: AccountRow) -> AccountRow:
        places = tuple(shorten(place, MAX_PLACE) for place in row.places)
        return replace(row, reason=shorten(row.reason, MAX_SENTENCE), places=places)

    return replace(
        account,
        left_out=tuple(map(short, account.left_out)),
        unrelated=tuple(map(short, account.unrelated)),
    )


def with_refused(problem: MaskloopError, tree: DatasetTree) -> MaskloopError:
    """The problem, and what was not even listed, which may be its cause."""
    if not tree.refused or not isinstance(problem, FormatError):
        return problem
    account = AccountBuilder()
    for name, reason in tree.refused:
        account.left_out(name, reason)
    return FormatError(" ".join((str(problem), *_shortened(account.result()).sentences(tree.root))))


def _guarded(sample: Sample) -> Sample:
    """A sample whose mask raises nothing but errors with a sentence, and whose tags can be stored."""
    tags = tuple(filter(None, map(clean_name, sample.tags))) if sample.tags else ()
    read = partial(_read_guarded, sample.read_mask, sample.picture) if sample.read_mask else None
    return replace(sample, read_mask=read, tags=tags)


def _read_guarded(read: Callable[[], LoadedMask], picture: Path) -> LoadedMask:
    try:
        mask = read()
        return replace(mask, account=_shortened(mask.account)) if mask.account.left_out else mask
    except Exception as problem:
        raise as_format_error(problem, f"The label of {picture}") from problem
