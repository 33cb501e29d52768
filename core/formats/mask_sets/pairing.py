"""Pairs pictures with masks by folder names, file name beginnings and endings, and equal names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.formats.dataset_tree import SPLIT_NAMES, DatasetTree, folder_of, once_per_tree, stem_of
from core.formats.mask_sets.name_parts import (
    MaskRole,
    begins_as_mask,
    ending_of,
    extra_folders,
    folder_key,
    folder_role,
    kind_of,
    mask_core,
    mask_variants,
    names_a_mask,
    numbers_of,
    picture_core,
    plain,
    role_of,
    shorter_names,
)

WITHOUT_PICTURE = "it has no picture"
SEVERAL_PICTURES = "several pictures have its name"
LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")
_MAX_CANDIDATES = 64
"""Pictures of one name in other folders that are compared."""
_FEW_PICTURES = 5
"""In a dataset with fewer pictures a word that ends the name of a single mask may be a class."""


@dataclass(frozen=True, slots=True)
class MaskGroup:
    """Masks of one kind: the same folder name, the same ending of the name, and the same role.

    pairs: picture -> its masks, in natural order
    """

    kind: str
    pairs: Mapping[str, tuple[str, ...]]
    role: MaskRole = field(default_factory=MaskRole)

    def masks(self) -> list[str]:
        return [mask for masks in self.pairs.values() for mask in masks]

    @property
    def title(self) -> str:
        """The kind with the role, in words."""
        said = self.role.label or self.role.person or ("all objects" if self.role.is_whole else "")
        said = said or ("an object each" if self.role.is_object else "")
        return f"{self.kind}, {said}" if said else self.kind


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pictures, the mask groups found for them, those with the most pictures first, and the masks without a
    picture, each with the reason. by_number: pairs whose names have only the numbers in common."""

    pictures: tuple[str, ...]
    groups: tuple[MaskGroup, ...]
    unpaired: Mapping[str, str]
    by_number: int = 0


@once_per_tree
def pair_masks(tree: DatasetTree) -> Pairing:
    """Separate the image files of a dataset into pictures and masks, and pair them.

    A file is a mask if the innermost of its folders with a role holds masks (masks, labels, gt, …), or if its name
    says so (`a_mask`, `a_L`, `mask_1`, …) and there is a picture for it. A mask belongs to the picture in the same
    folder (without those words) with the same name (without the words that mean picture or mask); otherwise to the
    picture that one of its folders is named after; otherwise to the picture whose name its own begins with; otherwise,
    where all names differ from each other in numbers only, to the picture with the same number.
    """
    return _pair(tree.pictures)


def pair_with(pictures: Sequence[str], masks: Sequence[str]) -> Pairing:
    """Pair files that are known to be masks with pictures elsewhere, by name alone."""
    found = _Matches(pictures)
    for name in masks:
        found.add(name)
    found.drop_single_words()
    return Pairing(tuple(pictures), found.groups(), found.unpaired)


def _pair(names: Sequence[str]) -> Pairing:
    roles = {name: folder_role(name) for name in names}
    if all(roles.values()):  # everything is in a folder called masks: then names decide
        roles = dict.fromkeys(names)
    in_folders = [name for name in names if roles[name]]
    # With a folder of masks, a name in a folder of pictures is that of a picture whatever it says.
    named = [
        name
        for name in names
        if (roles[name] is None or not in_folders) and not roles[name] and names_a_mask(stem_of(name))
    ]
    if not named and not in_folders:
        in_folders = _beside_pictures(names, roles)
        roles |= dict.fromkeys(in_folders, True)
    apart = {*named, *in_folders}
    found = _Matches([name for name in names if name not in apart])
    for name in named:
        found.add(name)
    # A file that is called like the masks of its folder is one, too, and has no picture.
    known = {(folder_of(mask), plain(ending_of(stem_of(mask)))) for mask in found.matched}
    orphans = {
        name: reason
        for name, reason in found.unpaired.items()
        if (ending := plain(ending_of(stem_of(name)))) and (folder_of(name), ending) in known
    }
    pictures = [
        name for name in names if name not in apart or (name in found.unpaired and name not in orphans)
    ]
    if in_folders:
        earlier, found = found, _Matches(pictures)
        for name in in_folders:
            found.add(name)
        found.match_numbers()
        found.take(earlier)
    found.drop_single_words()
    unpaired = orphans | {name: reason for name, reason in found.unpaired.items() if roles[name]}
    return Pairing(tuple(pictures), found.groups(), unpaired, found.by_number)


def _beside_pictures(names: Sequence[str], roles: Mapping[str, bool | None]) -> list[str]:
    """Files of folders without a role (road, building) that all have the name of a picture in a folder of pictures."""
    stems = {plain(stem_of(name)) for name in names if roles[name] is False}
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if roles[name] is None:
            folders[folder_of(name)].append(name)
    return [
        name
        for folder, inside in folders.items()
        if folder and all(n.lower().endswith(LOSSLESS) and plain(stem_of(n)) in stems for n in inside)
        for name in inside
    ]


@dataclass(slots=True)
class _Matches:
    """The pictures that masks are matched with, and the matches so far."""

    pictures: Sequence[str]
    matched: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Mask -> picture, and the rest of the mask's name."""
    unpaired: dict[str, str] = field(default_factory=dict)
    by_number: int = 0
    _in_folder: dict[tuple[tuple[str, ...], str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _by_name: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _of_folder: dict[tuple[str, ...], list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for name in self.pictures:
            key, stem = folder_key(name), stem_of(name)
            self._of_folder[key].append(name)
            for variant in {plain(stem), plain(picture_core(stem))}:
                self._in_folder[key, variant].append(name)
                if variant:
                    self._by_name[variant].append(name)

    def add(self, mask: str) -> None:
        """Find the picture of a mask."""
        key, stem = folder_key(mask), stem_of(mask)
        variants = [plain(variant) for variant in mask_variants(stem)]
        ending = ending_of(stem)
        several = False
        for candidates, rest in self._candidates(mask, key, variants, ending):
            if (picture := _only(candidates, key, plain(stem))) is not None:
                self.matched[mask] = picture, rest
                return
            several |= len(candidates) > 1
        self.unpaired[mask] = SEVERAL_PICTURES if several else WITHOUT_PICTURE

    def _candidates(
        self, mask: str, key: tuple[str, ...], variants: Sequence[str], ending: str
    ) -> Iterable[tuple[list[str], str]]:
        """Pictures that may be meant, and the rest of the mask's name; the surest first."""
        for variant in variants:
            yield self._in_folder.get((key, variant), []), ending
        stem = stem_of(mask)
        rest = ending if any(letter.isdigit() for letter in stem) else stem
        for part in reversed(folder_of(mask).split("/")):
            if part and folder_role(f"{part}/x") is None and plain(part) not in SPLIT_NAMES:
                yield self._by_name.get(plain(part), []), rest
        for variant in variants:
            if variant:
                yield self._by_name.get(variant, []), ending
        if key and key[-1] not in SPLIT_NAMES and (folder_role(mask) or begins_as_mask(stem)):
            own = self._of_folder.get(key, [])
            yield (own if len(own) == 1 else []), rest
        for variant in dict.fromkeys((variants[0], mask_core(variants[0]))):
            for name, rest in shorter_names(variant):
                yield self._in_folder.get((key, name), []), rest
                yield self._by_name.get(name, []), rest

    def match_numbers(self) -> None:
        """Match the masks and pictures that are left by number, if only numbers tell the names on either side apart."""
        taken = {picture for picture, _ in self.matched.values()}
        pictures = [name for name in self.pictures if name not in taken]
        masks = [name for name, reason in self.unpaired.items() if reason == WITHOUT_PICTURE]
        if min(len(pictures), len(masks)) < 2 or max(map(_skeletons, (pictures, masks))) > 1:
            return
        of_number = defaultdict(list)
        for name in pictures:
            of_number[numbers_of(stem_of(name))[0]].append(name)
        pairs = [(mask, of_number.get(numbers_of(stem_of(mask))[0], [])) for mask in masks]
        if 2 * sum(len(found) == 1 for _, found in pairs) <= len(masks):
            return
        for mask, found in pairs:
            if len(found) == 1:
                self.matched[mask] = found[0], ending_of(stem_of(mask))
                del self.unpaired[mask]
                self.by_number += 1

    def take(self, other: _Matches) -> None:
        """Add the matches of an earlier pass."""
        self.matched = other.matched | self.matched

    def drop_single_words(self) -> None:
        """A word behind the name of a picture that only one mask has is no class: that mask's picture is missing."""
        if len(self._by_name) < _FEW_PICTURES:
            return
        words = Counter(self._role(mask).label for mask in self.matched)
        for mask, (picture, rest) in list(self.matched.items()):
            role = self._role(mask)
            if role.label and words[role.label] == 1 and rest and not extra_folders(mask, picture):
                del self.matched[mask]
                self.unpaired[mask] = WITHOUT_PICTURE

    def _role(self, mask: str) -> MaskRole:
        picture, rest = self.matched[mask]
        return role_of("" if rest == ending_of(stem_of(mask)) else rest, extra_folders(mask, picture))

    def groups(self) -> tuple[MaskGroup, ...]:
        found: dict[tuple[str, MaskRole], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for mask, (picture, _) in self.matched.items():
            kind = kind_of(mask, ending_of(stem_of(mask)))
            found[kind, self._role(mask)][picture].append(mask)
        groups = [
            MaskGroup(kind, {picture: tuple(masks) for picture, masks in pairs.items()}, role)
            for (kind, role), pairs in found.items()
        ]
        return tuple(sorted(groups, key=lambda group: -len(group.pairs)))


def _only(candidates: list[str], key: tuple[str, ...], stem: str) -> str | None:
    """The picture that is meant, None if there is none or it is not unique.

    Of several, the one with the most folders in common is meant, then the one of exactly that name.
    """
    if len(candidates) <= 1:
        return candidates[0] if candidates else None
    if len(candidates) > _MAX_CANDIDATES:
        return None
    own = Counter(key)
    ranked = sorted(
        (
            (sum((Counter(folder_key(name)) & own).values()), plain(stem_of(name)) == stem, name)
            for name in candidates
        ),
        reverse=True,
    )
    return ranked[0][2] if ranked[0][:2] > ranked[1][:2] else None


def _skeletons(names: Sequence[str]) -> int:
    return len({numbers_of(stem_of(name))[1] for name in names})
