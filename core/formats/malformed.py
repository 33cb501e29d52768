"""Describes malformed content in our words: a person reads what is wrong in the file, not what Python raised."""

from __future__ import annotations

import logging
import struct
import zlib

import cv2

from core.base.display_text import printable, quoted
from core.base.errors import FormatError, MaskloopError

log = logging.getLogger(__name__)

MAX_SENTENCE = 1_500
"""Letters of a sentence about a file; longer ones repeat a value of the file."""

MALFORMED_ERRORS = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    StopIteration,
    RecursionError,
    MemoryError,
    EOFError,
    AssertionError,
    zlib.error,
    struct.error,
    cv2.error,
)
"""Exceptions that access to malformed content raises: missing keys, wrong types, infinite numbers, nesting, damage."""


class MalformedValueError(ValueError):
    """A value in a dataset cannot be used; the message is a clause in our words, without the place."""


class SharedReasonError(FormatError):
    """A file is left out for a reason that many files have: the account has one row for all of them.

    reason: a clause with the file as its subject; detail: what is special about this one, behind its name
    """

    def __init__(self, sentence: str, reason: str = "", detail: str = "") -> None:
        super().__init__(sentence)
        self.reason, self.detail = reason, detail


def describe_malformed(problem: BaseException) -> str:
    """A clause about content that could not be read, without the place."""
    match problem:
        case MalformedValueError():
            return str(problem)
        case KeyError():
            key = problem.args[0] if problem.args else ""
            return f"{quoted(str(key))} is missing" if key != "" else "a value is missing"
        case IndexError():
            return "a list is too short"
        case UnicodeError():
            return "a text cannot be read"
        case TypeError() | AttributeError():
            return "a value is missing or of the wrong kind"
        case ArithmeticError():
            return "a number is not finite or too large"
        case StopIteration():
            return "a value is missing"
        case RecursionError():
            return "it is nested too deeply"
        case MemoryError():
            return "it needs more memory than there is"
        case OSError():
            return f"it cannot be opened ({problem.strerror or 'unknown reason'})"
        case zlib.error() | struct.error() | EOFError() | cv2.error():
            return "packed data is damaged"
        case _:
            return "a value cannot be read"


def as_format_error(problem: Exception, place: str) -> MaskloopError:
    """The border of the readers: what a reader did not expect becomes a sentence about `place`, a file and what is
    meant in it, and the log has the traceback. Errors with a sentence of their own stay as they are, if it is short."""
    if isinstance(problem, MaskloopError):
        text = str(problem)
        return problem if len(text) <= MAX_SENTENCE else FormatError(shorten(text, MAX_SENTENCE))
    place = shorten(place, MAX_SENTENCE)
    if isinstance(problem, OSError):
        return FormatError(f"{place} cannot be read: {problem.strerror or 'unknown reason'}.")
    log.warning("A reader failed at %s.", place, exc_info=problem)
    return FormatError(f"{place} cannot be understood ({describe_malformed(problem)}).")


def shorten(text: str, letters: int) -> str:
    """At most so many letters, cut in the middle, without control characters."""
    if len(text) > letters:
        text = f"{text[: letters // 2]} … {text[-(letters // 2 - 3) :]}"
    return printable(text)
