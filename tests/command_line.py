"""Runs commands of the command line in tests and checks exit code, output streams and JSON."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from typer.testing import CliRunner

from core.cli.app import build_app


def run_command(*words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    result = CliRunner().invoke(build_app(), [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def output_of(*words: object) -> str:
    """Standard output of a command that succeeds without messages."""
    code, out, errors = run_command(*words)
    assert (code, errors) == (0, ""), errors
    return out


def json_of(*words: object, code: int = 0) -> Any:
    """The JSON object that a command prints with --json."""
    found, out, errors = run_command(*words, "--json")
    assert (found, errors) == (code, ""), errors
    assert out.count("\n") == 1
    assert out.endswith("\n")
    return parse_strict_json(out)


def parse_strict_json(text: str) -> Any:
    """A JSON object; NaN and infinity are refused."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def error_of(*words: object) -> str:
    """The one-sentence message of a command that fails."""
    code, out, errors = run_command(*words)
    assert (code, out) == (1, "")
    assert errors.count("\n") == 1
    assert errors.rstrip()[-1] in ".}" or "maskloop " in errors
    return errors


def usage_error_of(*words: object) -> str:
    """The message of a command that is called with wrong arguments."""
    code, out, errors = run_command(*words)
    assert (code, out) == (2, "")
    assert "Traceback" not in errors
    return errors
