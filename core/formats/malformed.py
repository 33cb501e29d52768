"""Describes malformed content in our words: a person reads what is wrong in the file, not what Python raised."""

from __future__ import annotations


class MalformedValueError(ValueError):
    """A value in a dataset cannot be used; the message is a clause in our words, without the place."""


def describe_malformed(problem: BaseException) -> str:
    """A clause about content that could not be read, without the place."""
    match problem:
        case MalformedValueError():
            return str(problem)
        case KeyError():
            key = problem.args[0] if problem.args else ""
            return f"“{str(key)[:60]}” is missing" if key != "" else "a value is missing"
        case IndexError():
            return "a list is too short"
        case TypeError() | AttributeError():
            return "a value is missing or of the wrong kind"
        case ArithmeticError():
            return "a number is not finite or too large"
        case StopIteration():
            return "a value is missing"
        case _:
            return "a value cannot be read"
