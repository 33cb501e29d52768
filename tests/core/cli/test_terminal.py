"""Results that JSON or the output encoding cannot represent."""

from __future__ import annotations

import io
import sys

import pytest

from core.cli.terminal import print_result
from tests.command_line import parse_strict_json


def test_non_finite_numbers_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"miou": float("nan"), "per_class": {"a": [1.0, float("inf")]}}, True, [])
    assert parse_strict_json(capsys.readouterr().out) == {"miou": None, "per_class": {"a": [1.0, None]}}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_class_name_can_be_printed_in_any_encoding(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for as_json in (True, False):
        pipe = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, encoding))
        print_result({"Straße 图": "😀 \udcff"}, as_json, ["Straße 图 😀 \udcff"])
        sys.stdout.flush()
        text = pipe.getvalue().decode(encoding)
        if as_json:
            (name,) = parse_strict_json(text)
            assert name == "Straße 图"
        else:
            assert text.startswith("Stra")
            assert text.endswith("\n")
