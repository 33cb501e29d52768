"""Commands and functions of one's own, as real processes."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from core.base.errors import TrainingError
from core.training.callbacks.callback import EvaluationRecord
from core.training.callbacks.command_line import command_arguments, run_command
from core.training.callbacks.own_command import OwnCommand
from core.training.events import TrainingNote

RECORD = EvaluationRecord(
    "12", 40, 1.5, 9.0, "val", 3, 0.25, 1e-3, None, True,
    {"miou": 0.5, "dice": float("nan")}, {"sky, “blue”": 0.5}, "/somewhere/models/12",
)  # fmt: skip


def command(folder: Path, program: str) -> str:
    file = folder / "program file.py"
    file.write_text(program, "utf-8")
    return f'"{sys.executable}" "{file}" first'


def heard_from(own: OwnCommand, times: int = 1) -> list[str]:
    notes: list[str] = []
    own.on_start(nn.Identity(), None, notes.append)  # type: ignore[arg-type]
    for _ in range(times):
        own.on_evaluated(nn.Identity(), RECORD)
    own.close()
    return notes


def test_a_command_reads_the_record_as_json(tmp_path: Path) -> None:
    program = "import sys; open('said', 'w').write(sys.argv[1] + sys.stdin.read()); print('not for us')"
    assert heard_from(OwnCommand(command(tmp_path, program), tmp_path, waits=True)) == []
    said = (tmp_path / "said").read_text()
    assert said.startswith("first")
    record = json.loads(said.removeprefix("first"))
    assert (record["run"], record["step"], record["published"]) == ("12", 40, True)
    assert record["scores"] == {"miou": 0.5, "dice": None}
    assert record["iou"] == {"sky, “blue”": 0.5}


def test_a_function_of_a_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'called'")
    (tmp_path / "mine.py").write_text(
        "import pathlib, beside\ndef note(record):\n    pathlib.Path(beside.NAME).write_text(str(record['step']))\n"
    )
    assert heard_from(OwnCommand(f"{tmp_path / 'mine.py'}:note", tmp_path, waits=True)) == []
    assert (tmp_path / "called").read_text() == "40"
    [said] = heard_from(OwnCommand(f"{tmp_path / 'mine.py'}:other", tmp_path, waits=True))
    assert said.startswith("The command after each evaluation failed with exit code 1: KeyError: 'other'")


def test_a_failure_is_one_sentence(tmp_path: Path) -> None:
    failing = command(
        tmp_path, "import sys; print('line\\n\\x1b[31mno such host', file=sys.stderr); sys.exit(3)"
    )
    own = OwnCommand(failing, tmp_path, waits=True)
    notes: list[str] = []
    own.on_start(nn.Identity(), None, notes.append)  # type: ignore[arg-type]
    deadline = time.monotonic() + 60
    own.on_evaluated(nn.Identity(), RECORD)
    while not notes and time.monotonic() < deadline:
        own.on_event(TrainingNote(""))
        time.sleep(0.02)
    own.on_evaluated(nn.Identity(), RECORD)
    own.close()
    assert notes == [
        "The command after each evaluation failed with exit code 3: \\x1b[31mno such host. Training goes on."
    ]


def test_what_is_no_program_is_said(tmp_path: Path) -> None:
    [said] = heard_from(OwnCommand("no-such-program-anywhere x", tmp_path, waits=True))
    assert "cannot be started: No such file or directory. Training goes on." in said
    with pytest.raises(TrainingError, match="cannot be read: no closing quotation"):
        command_arguments('say "hello')


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are of POSIX")
def test_a_command_without_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid)); open('ready', 'w').close(); time.sleep(600)\n"
    )
    arguments = command_arguments(command(tmp_path, program))
    said = ""
    for timeout in (1.0, 10.0, 60.0):  # a busy machine may need longer to start the two
        said = run_command(arguments, "{}", tmp_path, timeout)
        if (tmp_path / "ready").exists():
            break
    assert said == f"took more than {timeout:.0f} seconds and was ended"
    pid = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 30
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_training_does_not_wait_for_a_slow_command(tmp_path: Path) -> None:
    """In the window nobody waits; of the evaluations that come meanwhile the newest is told."""
    program = (
        "import pathlib, time, sys, json\n"
        "told = json.load(sys.stdin)['step']\n"
        "open('begun', 'a').write(f'{told}\\n')\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.02)\n"
        "open('told', 'a').write(f'{told}\\n')\n"
    )
    own = OwnCommand(command(tmp_path, program), tmp_path)
    own.on_start(nn.Identity(), None, print)  # type: ignore[arg-type]
    own.on_evaluated(nn.Identity(), RECORD)
    wait_for(tmp_path / "begun", lines=1)
    for step in (50, 60, 70):
        own.on_evaluated(nn.Identity(), replace(RECORD, step=step))
    own.close()
    assert not (tmp_path / "told").exists()
    (tmp_path / "go").touch()
    wait_for(tmp_path / "told", lines=2)
    assert (tmp_path / "told").read_text().split() == ["40", "70"]


def wait_for(file: Path, lines: int) -> None:
    deadline = time.monotonic() + 100
    while not (file.exists() and file.read_text().count("\n") >= lines):
        assert time.monotonic() < deadline
        time.sleep(0.02)
