"""The training snapshot: a folder with pictures and labels scaled to the network's input. Does not import torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.atomic_file import atomic_file
from core.base.errors import TrainingError
from core.images.picture_scale import scale_picture
from core.models.spec import ModelSpec, scaled_size
from core.training.data.small_regions import Regions, ScaledRegions, regions_of
from core.training.recipe import Recipe

SPLITS = ("train", "val")
PLAN_FILE = "snapshot.json"
ITEMS_FOLDER = "items"
FILES = ("picture.npy", "values.npy", "corrected.npy", "truth.z")


@dataclass(frozen=True, slots=True)
class SnapshotEntry:
    """One labelled picture in a snapshot. Field names are stored.

    split: "train" or "val"; revision: grows with every `put` of this picture
    digest: of the label's pixels; equal for equal labels, also in two snapshots
    width, height: of the scaled picture; counts: (pixel value, number of pixels) of the label, ordered by value
    corrected: number of pixels where a prediction was corrected by hand
    own_width, own_height: of the picture itself; source: its file, empty when unknown
    regions: of the label at the picture's own size, empty where they were not measured or cannot vanish

    In val, `digest` and `counts` are of the label at the picture's own size, otherwise of the scaled one.
    """

    picture_id: int
    name: str
    split: str
    revision: int
    digest: str
    width: int
    height: int
    counts: tuple[tuple[int, int], ...]
    corrected: int = 0
    own_width: int = 0
    own_height: int = 0
    source: str = ""
    regions: Regions = ()

    @property
    def has_own_size(self) -> bool:
        """Whether the label is also stored at the picture's own size: of a val picture that was scaled."""
        return self.split == "val" and (self.own_width, self.own_height) not in (
            (0, 0),
            (self.width, self.height),
        )

    @property
    def scaled_regions(self) -> ScaledRegions:
        return ScaledRegions(max(self.own_width, self.own_height, 1), self.regions)


class TrainingSnapshot:
    """A folder with `snapshot.json` (spec and recipe) and, for each picture, some arrays and a .json file.

    The .json file is renamed into place last and names the revision of the arrays, so a reader sees the old pair or the
    new pair, never a mixture. The arrays of the previous revision stay until the next `put`, for readers that have read
    the old .json file. One process writes (`put`, `remove`), any may read. Not thread-safe.
    """

    def __init__(self, folder: Path, spec: ModelSpec, recipe: Recipe) -> None:
        self.folder, self.spec, self.recipe = folder, spec, recipe
        self._cache: dict[str, tuple[tuple[int, int, int], SnapshotEntry]] = {}

    @classmethod
    def create(cls, folder: Path, spec: ModelSpec, recipe: Recipe) -> TrainingSnapshot:
        """A new, empty snapshot that replaces the content of `folder`. Raises TrainingError."""
        try:
            shutil.rmtree(folder / ITEMS_FOLDER, ignore_errors=True)
            (folder / ITEMS_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise TrainingError(
                f"The folder for training cannot be created: {problem}. Check the free space of the disk."
            ) from problem
        snapshot = cls(folder, spec, recipe)
        snapshot._write_plan()
        return snapshot

    @classmethod
    def open(cls, folder: Path) -> TrainingSnapshot:
        """An existing snapshot. Raises TrainingError or ModelError when it is missing or damaged."""
        try:
            raw = json.loads((folder / PLAN_FILE).read_text("utf-8"))
            return cls(folder, ModelSpec.from_json(raw["spec"]), Recipe.from_json(raw["recipe"]))
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise TrainingError(f"The training snapshot cannot be read: {problem}.") from problem

    def is_compatible(self, spec: ModelSpec) -> bool:
        """Whether the pictures have the size and channels that a network of this spec takes."""
        return (spec.chosen_size, spec.channels) == (self.spec.chosen_size, self.spec.channels)

    def reconfigure(self, spec: ModelSpec, recipe: Recipe) -> None:
        """Change spec and recipe for the next training and keep the pictures.

        Raises TrainingError when the new spec has another size or number of channels than the stored pictures.
        """
        if not self.is_compatible(spec):
            raise TrainingError(
                "The pictures of this snapshot have another size than the network takes; make a new snapshot."
            )
        self.spec, self.recipe = spec, recipe
        self._write_plan()

    def put(
        self,
        picture_id: int,
        name: str,
        split: str,
        picture: NDArray[np.uint8],
        values: NDArray[np.uint8],
        corrected: NDArray[np.bool_] | None = None,
        source: Path | None = None,
        *,
        measures_regions: bool = True,
    ) -> None:
        """Add or replace one labelled picture, scaled to the spec's size.

        The label of a val picture is also kept at its own size, at which networks are scored.

        picture: (H, W, C) uint8, C as in the spec; values: (H, W) uint8 pixel values, 0 unlabelled, 255 void
        corrected: (H, W) bool, where a prediction was corrected by hand; None when nowhere
        source: the file of the picture, for networks with another input
        measures_regions: whether to look for small regions, which takes a second for twelve megapixels
        Raises TrainingError when the sizes differ or the disk refuses.
        """
        if split not in SPLITS:
            raise TrainingError(f"A training snapshot has the splits train and val, not “{split}”.")
        if picture.ndim != 3 or picture.shape[:2] != values.shape or 0 in picture.shape:
            raise TrainingError(f"The label of {name} does not have the size of the picture.")
        height, width = values.shape
        small = scaled_size(width, height, self.spec.chosen_size)
        shrinks = small[0] < width
        pixels = scale_picture(picture, *small)
        labels = cv2.resize(values, small, interpolation=cv2.INTER_NEAREST_EXACT)
        corrections = np.zeros((0, 0), np.uint8)
        if corrected is not None and corrected.any():
            corrections = cv2.resize(corrected.astype(np.uint8), small, interpolation=cv2.INTER_NEAREST_EXACT)
        old = self._read_entry(self._entry_path(picture_id))
        scored = values if split == "val" else labels
        scored_bytes = scored.tobytes()
        counts = np.bincount(scored.ravel(), minlength=256)
        entry = SnapshotEntry(
            picture_id=picture_id,
            name=name,
            split=split,
            revision=old.revision + 1 if old else 1,
            digest=hashlib.blake2b(scored_bytes, digest_size=8).hexdigest(),
            width=small[0],
            height=small[1],
            counts=tuple((int(v), int(counts[v])) for v in np.flatnonzero(counts)),
            corrected=int(np.count_nonzero(corrections)),
            own_width=width,
            own_height=height,
            source=str(source or ""),
            regions=regions_of(values) if shrinks and measures_regions else (),
        )
        try:
            for kind, array in zip(FILES, (pixels, labels, corrections), strict=False):
                if array.size:
                    with atomic_file(self._file(entry, kind)) as file, file.open("wb") as stream:
                        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
            if entry.has_own_size:
                with atomic_file(self._file(entry, FILES[3])) as file:
                    file.write_bytes(zlib.compress(scored_bytes, 1))
            _write_json(self._entry_path(picture_id), _entry_json(entry))
        except OSError as problem:
            raise TrainingError(
                f"The label of {name} cannot be saved for training: {problem}. "
                "Check the free space of the disk."
            ) from problem
        if old:
            self._delete_arrays(old, old.revision - 1)

    def remove(self, picture_id: int) -> None:
        """Remove a picture; does nothing when it is not there."""
        old = self._read_entry(self._entry_path(picture_id))
        with contextlib.suppress(OSError):
            self._entry_path(picture_id).unlink()
        if old:
            self._delete_arrays(old, old.revision, old.revision - 1)

    def entries(self) -> dict[int, SnapshotEntry]:
        """All complete pictures, by id, in order of id."""
        known: dict[str, tuple[tuple[int, int, int], SnapshotEntry]] = {}
        with os.scandir(self.folder / ITEMS_FOLDER) as files:
            for file in files:
                if not file.name.endswith(".json") or file.name.startswith("."):
                    continue
                # Read again only when the file has changed: with 100,000 pictures this must stay fast.
                try:
                    stat = (self.folder / ITEMS_FOLDER / file.name).stat()
                except OSError:
                    continue
                stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
                old = self._cache.get(file.name)
                entry = old[1] if old and old[0] == stamp else self._read_entry(Path(file.path))
                if entry:
                    known[file.name] = (stamp, entry)
        self._cache = known
        return {e.picture_id: e for _, e in sorted(known.values(), key=lambda pair: pair[1].picture_id)}

    def read(self, entry: SnapshotEntry) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Picture (h, w, C) uint8 and label (h, w) uint8; None when it was replaced twice or removed meanwhile.

        Raises TrainingError when the files are damaged.
        """
        try:
            pixels, labels = (np.load(self._file(entry, kind), allow_pickle=False) for kind in FILES[:2])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as problem:
            raise TrainingError(f"The training label of {entry.name} cannot be read: {problem}.") from problem
        if (
            pixels.shape != (entry.height, entry.width, self.spec.channels)
            or labels.shape != pixels.shape[:2]
        ):
            raise TrainingError(f"The training label of {entry.name} has the wrong size.")
        return pixels, labels

    def read_corrections(self, entry: SnapshotEntry) -> NDArray[np.uint8] | None:
        """(h, w) uint8, 1 where a prediction was corrected by hand; None when nowhere or no longer readable."""
        if not entry.corrected:
            return None
        try:
            corrections = np.load(self._file(entry, FILES[2]), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None  # training works without them
        fits = corrections.shape == (entry.height, entry.width) and corrections.dtype == np.uint8
        return np.minimum(corrections, 1) if fits else None

    def read_truth(self, entry: SnapshotEntry) -> NDArray[np.uint8] | None:
        """(H, W) uint8, the label of a val picture at its own size; None when it was not scaled, or is gone.

        Raises TrainingError when the file is damaged.
        """
        if not entry.has_own_size:
            return None
        size = entry.own_width * entry.own_height
        try:
            unpacked = zlib.decompressobj().decompress(self._file(entry, FILES[3]).read_bytes(), size + 1)
        except FileNotFoundError:
            return None
        except (OSError, zlib.error) as problem:
            raise TrainingError(f"The val label of {entry.name} cannot be read: {problem}.") from problem
        if len(unpacked) != size:
            raise TrainingError(f"The val label of {entry.name} has the wrong size.")
        return np.frombuffer(unpacked, np.uint8).reshape(entry.own_height, entry.own_width)

    def _entry_path(self, picture_id: int) -> Path:
        return self.folder / ITEMS_FOLDER / f"{picture_id}.json"

    def _file(self, entry: SnapshotEntry, kind: str, revision: int | None = None) -> Path:
        number = entry.revision if revision is None else revision
        return self.folder / ITEMS_FOLDER / f"{entry.picture_id}-{number}.{kind}"

    def _read_entry(self, path: Path) -> SnapshotEntry | None:
        try:
            raw = json.loads(path.read_text("utf-8"))
            counts = tuple((int(value), int(count)) for value, count in raw.pop("counts"))
            regions = tuple((int(v), int(size), int(n), int(p)) for v, size, n, p in raw.pop("regions", ()))
            return SnapshotEntry(**raw, counts=counts, regions=regions)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _delete_arrays(self, entry: SnapshotEntry, *revisions: int) -> None:
        for revision in revisions:
            for kind in FILES:
                # On Windows the training process may have it open: a stale file does no harm.
                with contextlib.suppress(OSError):
                    self._file(entry, kind, revision).unlink()

    def _write_plan(self) -> None:
        try:
            _write_json(
                self.folder / PLAN_FILE,
                {"spec": self.spec.to_json(), "recipe": self.recipe.to_json(), "version": 1},
            )
        except OSError as problem:
            raise TrainingError(f"The training plan cannot be written: {problem}.") from problem


def _entry_json(entry: SnapshotEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in SnapshotEntry.__slots__}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_file(path) as file:
        file.write_text(json.dumps(content), "utf-8")
