"""Which file belongs to which missing picture: by content, and by age alone where nothing of a person's is at stake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.images.file_age import FileAge
from core.images.folder import path_key
from core.project.content.joins import JoinPair
from core.project.content.picture_contents import KnownContent


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What a look at the folder found. new: relative paths of files that are in no list, in list order; problems: by
    picture id what is wrong with its file, None for a file that came back."""

    new: Sequence[str] = ()
    problems: Mapping[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CandidateFile:
    """A file that is in no list, or in it without any work. digest: None when no missing picture needs it."""

    path: str
    age: FileAge
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class WantedContent:
    """Which files could have the content of a missing picture; the hash of any other is not needed.

    sizes: in bytes; any_size: also a file of any other size, because the size of a missing one is not known
    """

    sizes: frozenset[int]
    any_size: bool

    @classmethod
    def of(cls, missing: Iterable[KnownContent]) -> WantedContent:
        ages = [each.age for each in missing if each.digest is not None]
        return cls(frozenset(age.bytes for age in ages if age is not None), None in ages)

    def may_be(self, age: FileAge) -> bool:
        return self.any_size or age.bytes in self.sizes


def match_contents(
    missing: Sequence[KnownContent], files: Sequence[CandidateFile], refused: set[tuple[int, str]]
) -> list[JoinPair]:
    """Pairs of equal content; of several equal ones those with the same file name, then the first in list order.

    A picture without a digest and without work is matched by size, time and file name, or by size and time where only
    one file has them: at worst an empty entry gets another name. refused: (id, path) of pairs that a person has undone.
    """
    by_digest: dict[str, list[str]] = defaultdict(list)
    by_age: dict[tuple[int, int], list[str]] = defaultdict(list)
    for file in sorted(files, key=lambda file: path_key(file.path)):
        by_age[file.age[:2]].append(file.path)
        if file.digest is not None:
            by_digest[file.digest].append(file.path)
    taken: set[str] = set()
    joined: dict[int, str] = {}
    in_order = sorted(missing, key=lambda each: (not each.has_work, path_key(each.path)))
    for only_same_name in (True, False):  # a name that stayed the same comes before one that did not
        for picture in in_order:
            if picture.id in joined:
                continue
            found = [
                path
                for path in _files_of(picture, by_digest, by_age)
                if path not in taken and (picture.id, path) not in refused
            ]
            if only_same_name:
                found = [path for path in found if _name(path) == _name(picture.path)]
            elif picture.digest is None and len(found) > 1:
                continue
            if found:
                joined[picture.id] = found[0]
                taken.add(found[0])
    return [JoinPair(picture_id, path) for picture_id, path in joined.items()]


def _files_of(
    picture: KnownContent, by_digest: Mapping[str, list[str]], by_age: Mapping[tuple[int, int], list[str]]
) -> list[str]:
    if picture.digest is not None:
        return by_digest.get(picture.digest, [])
    if picture.has_work or picture.age is None:
        return []
    return by_age.get(picture.age[:2], [])


def _name(path: str) -> str:
    return path.rpartition("/")[2]
