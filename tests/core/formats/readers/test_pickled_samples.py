"""A sample goes to another process: it must be small however large its dataset is, and read its mask there."""

from __future__ import annotations

import base64
import gc
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Sample
from core.formats.readers.registry import open_dataset
from tests.dataset_files import photo, write_json
from tests.external_datasets import EXTERNAL_DATASETS, IMAGE_PAIRS, ExternalDataset, labelme


class _Refusing(pickle.Pickler):
    """Refuses listings of folders."""

    def reducer_override(self, obj: Any) -> Any:
        assert not isinstance(obj, DatasetTree)
        return NotImplemented


def _pickled(sample: Sample) -> bytes:
    content = io.BytesIO()
    _Refusing(content, pickle.HIGHEST_PROTOCOL).dump(sample)
    return content.getvalue()


@pytest.mark.parametrize(
    "dataset",
    [*EXTERNAL_DATASETS, IMAGE_PAIRS],
    ids=lambda d: f"{d.format}-{d.write.__qualname__.split('.')[0].strip('_')}",
)
def test_a_sample_holds_no_listing_and_reads_the_same_mask(dataset: ExternalDataset, tmp_path: Path) -> None:
    dataset.write(tmp_path)
    for sample in open_dataset(tmp_path, dataset.format).samples:
        again: Sample = pickle.loads(_pickled(sample))
        assert sample.read_mask is not None and again.read_mask is not None
        ours, theirs = sample.read_mask(), again.read_mask()
        assert np.array_equal(ours.values, theirs.values) and ours.account == theirs.account


def test_a_picture_from_an_annotation_file_lies_there_as_long_as_its_sample(tmp_path: Path) -> None:
    inside = base64.b64encode(photo(tmp_path / "a.jpg").read_bytes()).decode()
    (tmp_path / "a.jpg").unlink()
    shape = {"label": "roof", "points": [[0, 0], [9, 0], [9, 9]], "shape_type": "polygon"}
    content = labelme(shape, imageData=inside)
    write_json(tmp_path / "a.json", content)
    (sample,) = open_dataset(tmp_path, "labelme").samples
    gc.collect()
    assert sample.picture.exists() and sample.read_mask is not None and sample.read_mask().values.any()
    picture = sample.picture
    del sample
    gc.collect()
    assert not picture.exists()
