"""Indexes a COCO file without its outlines: pictures, categories, and where the annotations of each picture stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.base.display_text import clean_name, quoted
from core.base.errors import FormatError
from core.formats.files.annotation_files import stated_size
from core.formats.files.parsers import describe_json_problem
from core.formats.json_stream import iter_json
from core.formats.malformed import MALFORMED_ERRORS, MalformedValueError, as_format_error

Id = int | str
MAX_PICTURE_BYTES = 64 << 20
"""Bytes of the annotations of one picture that are read."""
_NO_AREA = (msgspec.UNSET, *map(msgspec.Raw, (b"[]", b"{}", b"null", b'""', b"0", b"false", b"[[]]")))
_KEYS = ("images", "annotations", "categories")


class _AnnotationHead(msgspec.Struct):
    """The fields of an annotation that the index needs, with the outline, which is most of it, left undecoded."""

    image_id: int | str
    category_id: int | str | None = None
    segmentation: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _ImageHead(msgspec.Struct):
    id: int | str
    file_name: str
    width: int | float | None = None
    height: int | float | None = None


@dataclass(frozen=True, slots=True)
class CocoPicture:
    """A picture of the list; size: (width, height) if it is stated; spans: byte ranges of its annotations in the file;
    skipped: how many of these have no area."""

    name: str
    size: tuple[int, int] | None
    spans: tuple[tuple[int, int], ...]
    skipped: int


@dataclass(slots=True)
class CocoIndex:
    """categories: names by id; used: ids of the categories that areas have; unlisted: number of areas by the id of a
    picture that the file does not list; left_out: (place, reason) of entries that cannot be used."""

    pictures: list[CocoPicture] = field(default_factory=list)
    categories: dict[Id, str] = field(default_factory=dict)
    used: dict[Id, None] = field(default_factory=dict)
    has_segmentation: bool = False
    unlisted: Counter[Id] = field(default_factory=Counter)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    bad_annotations: list[tuple[str, str]] = field(default_factory=list)

    @property
    def has_areas(self) -> bool:
        return bool(self.used)


def id_key(value: Any) -> Id:
    """An id as number or text: "7", 7 and 7.0 are the same. Raises MalformedValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str | float):
        raise MalformedValueError("its id is neither a number nor a text")
    if isinstance(value, float):
        if not value.is_integer():
            raise MalformedValueError(f"its id {quoted(str(value))} is not a whole number")
        return int(value)
    text = value.strip()
    return int(text) if len(text) <= 18 and text.isascii() and text.isdecimal() else text


def index_file(path: Path) -> CocoIndex:
    """Read a file once. Raises FormatError."""
    reader = _Reader()
    try:
        for element in iter_json(path, {"annotations": _AnnotationHead, "images": _ImageHead}):
            if element.key in _KEYS:
                reader.add(element.key, element.value, element.start, element.end)
    except OSError as problem:
        raise as_format_error(problem, str(path)) from problem
    except (*MALFORMED_ERRORS, msgspec.MsgspecError) as problem:
        raise FormatError(f"{path} is not valid JSON: {describe_json_problem(problem)}.") from problem
    return reader.finish()


class _Reader:
    """Collects the elements of a file in any order of its keys."""

    def __init__(self) -> None:
        self._index = CocoIndex()
        self._images: dict[Id, tuple[str, tuple[int, int] | None]] = {}
        self._spans: dict[Id, list[tuple[int, int]]] = {}
        self._skipped: Counter[Id] = Counter()
        self._areas: Counter[Id] = Counter()
        self._counts: Counter[str] = Counter()
        self._previous: Id | None = None

    def add(self, key: str, row: Any, start: int, end: int) -> None:
        self._counts[key] += 1
        place = f"{key}, entry {self._counts[key]:,}"
        try:
            match key:
                case "categories":
                    self._add_category(row, place)
                case "images":
                    self._add_image(row, place)
                case _:
                    self._add_annotation(row, start, end)
        except MALFORMED_ERRORS as problem:
            reason = str(problem) if isinstance(problem, MalformedValueError) else "it has no id of a picture"
            self._previous = None  # a span must not go on over this entry
            bad = self._index.bad_annotations if key == "annotations" else self._index.left_out
            bad.append((place, reason if key == "annotations" else f"{reason} or is not complete"))

    def _add_category(self, row: Any, place: str) -> None:
        if not isinstance(row, dict) or "id" not in row:
            raise MalformedValueError("it has no id")
        key, name = id_key(row["id"]), row.get("name")
        title = clean_name(str(name)) if isinstance(name, str | int | float) else ""
        if key in self._index.categories:
            if title and title != self._index.categories[key]:
                known = quoted(self._index.categories[key])
                self._index.left_out.append((place, f"its id is already that of the category {known}"))
            return
        self._index.categories[key] = title or f"category {key}"

    def _add_image(self, row: Any, place: str) -> None:
        if isinstance(row, _ImageHead):
            key, name, size = id_key(row.id), row.file_name, stated_size(row.width, row.height)
        elif isinstance(row, dict):
            if "id" not in row:
                raise MalformedValueError("it has no id")
            key, size = id_key(row["id"]), stated_size(row.get("width"), row.get("height"))
            name = next(
                (row[k] for k in ("file_name", "coco_url", "path") if isinstance(row.get(k), str)), ""
            )
        else:
            raise MalformedValueError("it is not a table of values")
        if not name:
            raise MalformedValueError("it is a picture without a file_name")
        known = self._images.setdefault(key, (name, size))
        if known[0] != name:
            self._index.left_out.append((place, f"its id is already that of the picture {quoted(known[0])}"))

    def _add_annotation(self, row: Any, start: int, end: int) -> None:
        head = row if isinstance(row, _AnnotationHead) else _head_of(row)
        image = id_key(head.image_id)
        spans = self._spans.setdefault(image, [])
        start = spans.pop()[0] if image == self._previous else start
        spans.append((start, end))
        self._previous = image
        if head.segmentation is not msgspec.UNSET:
            self._index.has_segmentation = True
        if head.segmentation in _NO_AREA:
            self._skipped[image] += 1
            return
        self._areas[image] += 1
        try:
            self._index.used.setdefault(id_key(head.category_id))
        except MalformedValueError:
            self._index.used.setdefault("")

    def finish(self) -> CocoIndex:
        """Pictures with all that belongs to them; entries of one file name are one picture."""
        ids_by_name: dict[str, list[Id]] = defaultdict(list)
        for key, (name, _) in self._images.items():
            ids_by_name[name].append(key)
        aliases = self._aliases()
        for name, own in ids_by_name.items():
            keys = [*own, *(other for key in own for other in aliases.get(key, ()))]
            spans = sorted(span for key in keys for span in self._spans.pop(key, ()))
            skipped = sum(self._skipped[key] for key in keys)
            size = next(
                (size for key in keys if key in self._images and (size := self._images[key][1])), None
            )
            if sum(end - start for start, end in spans) > MAX_PICTURE_BYTES:
                reason = f"its annotations are larger than {MAX_PICTURE_BYTES >> 20} MB"
                self._index.left_out.append((quoted(name), reason))
                continue
            self._index.pictures.append(CocoPicture(name, size, tuple(spans), skipped))
        for key in self._spans:
            self._index.unlisted[key] = self._areas[key] + self._skipped[key]
        return self._index

    def _aliases(self) -> dict[Id, list[Id]]:
        """By the id of a picture, ids of annotations that are not listed and can only mean it: 139 and “000139”."""
        unlisted = [key for key in self._spans if key not in self._images]
        if not unlisted:
            return {}
        listed: dict[str, list[Id]] = defaultdict(list)
        for key in self._images:
            listed[str(key).lstrip("0")].append(key)
        found: dict[Id, list[Id]] = defaultdict(list)
        for key in unlisted:
            if len(meant := listed.get(str(key).lstrip("0"), [])) == 1:
                found[meant[0]].append(key)
        return found


def _head_of(row: Any) -> _AnnotationHead:
    """For an annotation that a strict parser refuses."""
    if not isinstance(row, dict) or row.get("image_id") is None:
        raise MalformedValueError("it does not say to which picture it belongs")
    head = _AnnotationHead(id_key(row["image_id"]), row.get("category_id"))
    if "segmentation" in row:
        outline = row["segmentation"]
        head.segmentation = msgspec.Raw(b"[]" if not outline or outline == [[]] else b"[0]")
    return head
