"""Arguments, exit codes, and the help of every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import app
from core.cli.app import build_app
from core.cli.terminal import run
from desktop.__main__ import COMMANDS
from tests.command_line import run_command, usage_error_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "masks"], "Missing argument 'OUT'; see maskloop export --help."),
        (["evaluate", "--split", "best"], "Invalid value for '--split': 'best' is not one of"),
        (["train", "--depth", "9"], "No such option: --depth"),
        (["model"], "Missing command; see maskloop model --help."),
    ],
)
def test_usage_error_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(build_app(), words) == 2
    out, errors = capsys.readouterr()
    assert out == "" and errors.startswith(said) and errors.endswith(" --help.\n") and errors.count("\n") == 1


def test_exit_codes_of_success_and_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(build_app(), ["--version"]) == 0 and capsys.readouterr().out.startswith("maskloop ")
    assert run(build_app(), ["status", "--project", str(tmp_path)]) == 1
    assert "There is no Maskloop project" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Usage"),
        (("import",), "FORMAT"),
        (("import", "colour-masks", "SRC"), "“maskloop formats” lists"),
        (("import", "floppy", "SRC"), "“maskloop formats” lists"),
        (("export", "floppy", "OUT"), "“maskloop formats” lists"),
        (("export", "masks", "OUT", "--what", "everything"), "--what takes"),
        (("export", "masks", "OUT", "--split", "everything"), "everything"),
        (("status", "--colour"), "--colour"),
        (("evaluate", "--run", "first"), "--run"),
        (("predict", "--device", "gpu"), "choose auto, cpu, cuda"),
        (("predict", "--tta", "twice"), "choose one of none, flip"),
        (("train", "--strategy", "fsdp"), "choose auto or ddp"),
    ],
)
def test_usage_error_has_exit_code_two(words: tuple[str, ...], said: str) -> None:
    assert said in usage_error_of(*words)


def test_every_command_has_help() -> None:
    for name in sorted(app.COMMANDS):
        code, out, errors = run_command(name, "--help")
        assert (code, errors) == (0, "")
        assert f"Usage: maskloop {name}" in out


def test_program_help_lists_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("init", "import", "export", "train", "predict", "evaluate", "status", "demo"):
        assert f"  {name} " in done.stdout


def test_words_of_the_entry_point_are_the_commands() -> None:
    import desktop.cli_commands

    commands = desktop.cli_commands.build_app().registered_commands
    groups = desktop.cli_commands.build_app().registered_groups
    named = {str(command.name) for command in commands} | {
        str(group.typer_instance.info.name) for group in groups if group.typer_instance
    }
    assert named == COMMANDS


def test_a_command_imports_the_others_no_more() -> None:
    script = "import sys; from core.cli.app import build_app; build_app('train'); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = done.stdout.split()
    assert "core.cli.train_command" in imported
    assert not {"core.cli.transfer_commands", "core.formats.readers.registry", "torch"} & {*imported}
