"""Takes file and folder names apart: words that mean picture or mask, and what the rest of a mask's name says."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from core.formats.dataset_tree import SPLIT_NAMES, folder_of, stem_of

_MASKS = """mask masks label labels lbl annotation annotations annot annots gt groundtruth truth segmentation
segmentations seg segs target targets semantic gtfine gtcoarse trimaps manual"""
_PICTURES = """image images img imgs picture pictures photo photos original originals input inputs rgb leftimg8bit
jpegimages src source sources"""
MASK_WORDS, PICTURE_WORDS = frozenset(_MASKS.split()), frozenset(_PICTURES.split())
_WHOLE = frozenset(["all", "whole", "merged", "combined", "complete", "everything"])
_OBJECTS = frozenset(["object", "objects", "obj", "instance", "instances", "inst"])
_CLASS = frozenset(["class", "classes", "attribute", "category"])
_FILLERS = frozenset(["type", "of", "the", "simple", "predictions"])
_SHORT = frozenset(("cp", "l", "p"))
_CACHED_FOLDERS = 8192
"""Folders whose words are kept, so that they are not taken apart for each file."""
_SEP = r"[-_. ]+"
_MASK_END = re.compile(
    r"(?:[-_. ]+(?:l|p|gt|masks?|labels?|lab|seg|segs|segmentations?|annotations?|annot|color_mask|color|labelids|"
    r"trainids|labeltrainids|gtfine_labelids|gtfine_color|groundtruth|ground_truth|truth|simple segmentation|"
    r"object predictions|cp_masks|instance_?ids?|mattes?|trimap|segmap|"
    r"manual[0-9]*|[0-9](?:st|nd|rd|th)_?ho)|(?<=[0-9])(?:masks?|labels?|gt|seg))$",
    re.IGNORECASE,
)
_MASK_START = re.compile(
    r"^(?:ground_?truth|segmentations?|annotations?|masks?|labels?|lbl|gt|seg|target)(?:[-_. ]+|(?=[0-9(])|$)",
    re.IGNORECASE,
)
_PICTURE_END = re.compile(
    rf"{_SEP}(?:image|images|img|imgs|im|sat|rgb|photo|picture|original|orig|raw|input|training|test)$",
    re.IGNORECASE,
)
_PICTURE_START = re.compile(
    r"^(?:images?|imgs?|im|pictures?|pic|photos?|original|inputs?|rgb|sat|frame|scan|slice|tile)"
    r"(?:[-_. ]+|(?=[0-9(])|$)",
    re.IGNORECASE,
)
_MASK_INSIDE = re.compile(r"[^-_. ][-_. ]+(?:masks?|labels?|segmentation|gt|attribute)[-_. ]", re.IGNORECASE)
_NUMBER_END = re.compile(r"(?:[-_. ]*\([0-9]+\)|[-_. ]*[0-9]+)$")
_WORDS = re.compile(r"[\W_]+|(?<=[^\W\d_])(?=[0-9])")
_PERSON = re.compile(
    r"^(?:[0-9]+(?:st|nd|rd|th)\w*|(?:annotator|annotation|expert|rater|reader|observer|manual|grader|doctor)[0-9]*)$"
)
_MAX_CUTS = 8
"""Parts of a name that may follow that of its picture."""
_PLAIN_PART = re.compile(r"[^\w&+]+|_+")


@dataclass(frozen=True, slots=True)
class MaskRole:
    """What the name of a mask says beyond its picture.

    label: the class, or ""; is_whole: a mask of all objects; is_object: of one object; person: who drew it, or ""
    """

    label: str = ""
    is_whole: bool = False
    is_object: bool = False
    person: str = ""


def plain(text: str) -> str:
    """For comparison: composed characters, small letters."""
    return unicodedata.normalize("NFC", text).casefold()


@lru_cache(maxsize=_CACHED_FOLDERS)
def words_of(part: str) -> frozenset[str]:
    return frozenset(word for word in _WORDS.split(part.casefold()) if word)


def is_mask_folder(part: str) -> bool:
    return bool(words_of(part) & MASK_WORDS) or part.casefold().endswith("annot")


def folder_role(name: str) -> bool | None:
    """True if the innermost folder with a role holds masks, False for pictures, None if no folder says so."""
    return _role_of_folder(folder_of(name))


@lru_cache(maxsize=_CACHED_FOLDERS)
def _role_of_folder(folder: str) -> bool | None:
    for part in reversed(folder.split("/")):
        if is_mask_folder(part):
            return True
        if words_of(part) & PICTURE_WORDS:
            return False
    return None


def folder_key(name: str) -> tuple[str, ...]:
    """The folders without picture and mask words; equal for a pair."""
    return _key_of_folder(folder_of(name))


@lru_cache(maxsize=_CACHED_FOLDERS)
def _key_of_folder(folder: str) -> tuple[str, ...]:
    parts = []
    for part in folder.split("/"):
        rest = words_of(re.sub("annot$", "", plain(part))) - MASK_WORDS - PICTURE_WORDS
        if rest:
            parts.append("-".join(sorted(rest)))
    return tuple(parts)


def without_mask_ending(stem: str) -> str:
    while (shorter := _MASK_END.sub("", stem)) != stem:
        stem = shorter
    return stem


def mask_core(stem: str) -> str:
    """A mask's name without the words that say it is a mask."""
    return _MASK_START.sub("", without_mask_ending(stem), count=1)


def picture_core(stem: str) -> str:
    """A picture's name without the words that say it is a picture."""
    while (shorter := _PICTURE_END.sub("", stem)) != stem:
        stem = shorter
    return _PICTURE_START.sub("", stem, count=1)


def mask_variants(stem: str) -> tuple[str, ...]:
    """Names that the picture of a mask may have, the most literal first."""
    return tuple(dict.fromkeys((stem, without_mask_ending(stem), mask_core(stem))))


def shorter_names(stem: str) -> list[tuple[str, str]]:
    """All (name, rest) where the rest begins after the name with a character that is no letter or digit; longest name
    first."""
    cuts = [
        n
        for n in range(len(stem) - 1, 0, -1)
        if not stem[n].isalnum() and (stem[n - 1].isalnum() or stem[n - 1] == ")")
    ]
    return [(stem[:n], stem[n:]) for n in cuts[:_MAX_CUTS]]


def names_a_mask(stem: str) -> bool:
    """Whether the name alone says that this is a mask: an ending, a beginning, or a word before a number or a class."""
    numberless = _NUMBER_END.sub("", stem)
    return (
        mask_core(stem) != stem
        or without_mask_ending(numberless) != numberless
        or _MASK_INSIDE.search(stem) is not None
    )


def begins_as_mask(stem: str) -> bool:
    return _MASK_START.match(stem) is not None


def role_of(rest: str, folders: tuple[str, ...] = ()) -> MaskRole:
    """rest: of the name behind that of the picture; folders: that the mask has and its picture has not.

    A number at the end of the rest counts objects, unless the word before it is “class”; one of a folder stays, except
    before a name (“1. Roads”). Where folders say the class, the words of the rest say it no better.
    """
    label: list[str] = []
    is_whole, is_object, person, is_class, from_folders = False, False, "", False, 0
    for part, is_folder in (*((f, True) for f in folders), (rest, False)):
        for word in filter(None, _PLAIN_PART.split(part)):
            bare = re.sub(r"[0-9]+$", "", word.casefold())
            keeps_number = is_folder or is_class or bare == "class"
            if _PERSON.match(word.casefold()):
                person = person or word.casefold()
            elif bare in _WHOLE:
                is_whole = True
            elif bare in _OBJECTS:
                is_object = True
            elif word.casefold() in _CLASS:
                if not is_folder:  # the rest names the class: folders do not
                    label, from_folders = [], 0
                is_class = True
                continue
            elif bare in MASK_WORDS | PICTURE_WORDS | _FILLERS or bare in SPLIT_NAMES or bare in _SHORT:
                pass
            elif bare or keeps_number:
                label.append((word if keeps_number else word[: len(bare)]).removeprefix("class"))
            is_class = False
        if is_folder and len(label) > 1 and label[0].isdigit():
            del label[0]
        if label and not is_folder and from_folders:
            label = label[:from_folders]
        from_folders = len(label) if is_folder else from_folders
    named = " ".join(filter(None, label))
    return MaskRole(
        f"class {named}" if named.isdigit() else named, is_whole, is_object and not is_whole, person
    )


def extra_folders(mask: str, picture: str) -> tuple[str, ...]:
    """Folders of a mask, as they are written, whose words are not in those of its picture."""
    known = {word for part in folder_of(picture).split("/") for word in words_of(part)}
    stem = stem_of(picture)
    own = {plain(stem), plain(picture_core(stem))}
    return tuple(
        part
        for part in folder_of(mask).split("/")
        if words_of(part) - MASK_WORDS - PICTURE_WORDS - known
        and plain(part) not in own
        and not part.casefold().endswith("annot")
    )


def kind_of(mask: str, rest: str) -> str:
    """The mask folder and the ending of the name, which all masks of one kind share, in words."""
    named = [p for p in folder_of(mask).split("/") if is_mask_folder(p)]
    folder = re.sub(r"^(train|val|test|valid)(?=[_-]|annot)", "", named[-1].casefold()) if named else ""
    kind = folder.strip("_-") or "next to the pictures"
    return f"{kind} *{rest}" if rest else kind


def numbers_of(stem: str) -> tuple[tuple[int, ...], str]:
    """The numbers in a name, and the name with # for each."""
    found = re.findall(r"[0-9]+", stem)
    return tuple(int(n) for n in found if len(n) <= 18), re.sub(r"[0-9]+", "#", stem)


def ending_of(stem: str) -> str:
    """The words at the end of a mask's name that say it is a mask, without a number behind them."""
    bare = without_mask_ending(stem)
    if bare != stem:
        return stem[len(bare) :]
    numberless = _NUMBER_END.sub("", stem)
    return numberless[len(without_mask_ending(numberless)) :]
