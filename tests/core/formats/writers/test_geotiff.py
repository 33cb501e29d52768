"""GeoTIFF masks keep the georeference of their pictures, also when resized or tiled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from core.base.errors import ImageError
from core.formats.writers.base import ExportPicture, WritePlan
from core.formats.writers.geotiff import GeoTiffWriter, adapt_georeference, read_georeference
from core.formats.writers.resize_and_tile import ResizeOptions, resize_and_tile
from tests.exported_datasets import classes_of
from tests.factories import picture, truth

SCALE = (0.5, 0.25, 0.0)
TIE = (0.0, 0.0, 0.0, 400_000.0, 5_000_000.0, 0.0)
MATRIX = (0.5, 0.1, 0.0, 400_000.0, 0.1, -0.25, 0.0, 5_000_000.0, 0, 0, 0, 0, 0, 0, 0, 1.0)
KEYS = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 25832)
POINT_KEYS = (1, 1, 0, 2, 1025, 0, 1, 2, 3072, 0, 1, 25832)


def geotiff(path: Path, *, matrix: bool = False, point: bool = False) -> Path:
    keys = POINT_KEYS if point else KEYS
    tags = [(34735, 3, len(keys), keys, True), (34737, 2, 0, "ETRS89 / UTM 32N|", True)]
    if matrix:
        tags.append((34264, 12, 16, MATRIX, True))
    else:
        tags += [(33550, 12, 3, SCALE, True), (33922, 12, 6, TIE, True)]
    tifffile.imwrite(path, picture(), photometric="rgb", metadata=None, extratags=tags)
    return path


def map_position(tags: dict, x: float, y: float) -> np.ndarray:
    """Map coordinates of the pixel position x, y (0, 0 is the outer corner); GeoTIFF standard, 7.1.1."""
    keys = np.array(tags[34735]).reshape(-1, 4)
    half = 0.5 if any(k[0] == 1025 and k[3] == 2 for k in keys) else 0.0
    x, y = x - half, y - half
    if 34264 in tags:
        return (np.array(tags[34264]).reshape(4, 4) @ (x, y, 0, 1))[:2]
    i, j, _, east, north, _ = tags[33922]
    return np.array([east + (x - i) * tags[33550][0], north - (y - j) * tags[33550][1]])


def test_mask_keeps_the_georeference(tmp_path: Path) -> None:
    source = geotiff(tmp_path / "a.tif")
    writer = GeoTiffWriter()
    writer.start(WritePlan(tmp_path, classes_of(), 1))
    writer.write(ExportPicture("a", "train", source, 96, 64, truth()))
    mask = tmp_path / "masks" / "train" / "a.tif"
    np.testing.assert_array_equal(tifffile.imread(mask), truth())
    assert read_georeference(mask) == read_georeference(source)
    assert read_georeference(mask)[34737] == "ETRS89 / UTM 32N|"
    with tifffile.TiffFile(mask) as tiff:
        assert tiff.is_geotiff
        assert tiff.pages.first.tags[42113].value == "0"
        assert tiff.geotiff_metadata["GTModelTypeGeoKey"] == 1
    assert (tmp_path / "images" / "train" / "a.tif").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize("point", [False, True])
def test_tiles_have_the_georeference_of_their_part(tmp_path: Path, matrix: bool, point: bool) -> None:
    source = geotiff(tmp_path / "a.tif", matrix=matrix, point=point)
    whole = read_georeference(source)
    out = ExportPicture("a", "train", source, 96, 64, truth())
    pieces = list(resize_and_tile(out, ResizeOptions(longest=48, tile=20, overlap=4)))
    assert len(pieces) == 6
    for piece in pieces:
        tags = adapt_georeference(whole, piece)
        x0, y0, x1, y1 = piece.source_window
        np.testing.assert_allclose(map_position(tags, 0, 0), map_position(whole, x0, y0))
        np.testing.assert_allclose(map_position(tags, piece.width, piece.height), map_position(whole, x1, y1))
    assert pieces[-1].source_window == (56, 24, 96, 64)


def test_pictures_without_georeference_give_plain_tiffs(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture())
    (tmp_path / "b.png").write_bytes(b"")
    assert read_georeference(tmp_path / "a.tif") == read_georeference(tmp_path / "b.png") == {}


def test_damaged_tiff_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0rubbish")
    writer = GeoTiffWriter()
    writer.start(WritePlan(tmp_path / "out", classes_of(), 1))
    with pytest.raises(ImageError, match=r"a\.tif"):
        writer.write(ExportPicture("a", "train", tmp_path / "a.tif", 96, 64, truth()))
    assert not (tmp_path / "out").exists()
