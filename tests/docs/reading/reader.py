"""A reader of a page: runs its commands and its Python in a folder, and says what is not as the page shows it."""

import contextlib
import os
import re
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from commands import Command, commands_of, simple_commands
from not_run import reason_not_to_run
from pages import ROOT, place
from shown_labels import is_in, labels
from stand_ins import smaller, with_small_names
from sybil import Example
from sybil.evaluators.python import PythonEvaluator
from sybil.region import Lexeme
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app

BAD_USAGE, BAD_DATA, SKEWED = 2, 3, 5
ENDS_OTHERWISE = {
    ("docs/adding-a-component.md", "ulmfit-tfx run examples/audited_reviews.yaml --set eval"): BAD_USAGE,
    ("docs/adding-a-component.md", "ulmfit-tfx run examples/audited_reviews.yaml --set components"): BAD_DATA,
    ("docs/serving.md", "ulmfit-tfx skew"): SKEWED,
}
"""Exit codes, by page and beginning of the command, of those that are shown with a finding."""
SHOWS_OTHERWISE = {
    ("README.md", "positive"): "what the model says",
    ("README.md", "negative"): "what the model says",
    ("docs/tasks.md", "valence text"): "the stand-in's target has another name",
    ("docs/tasks.md", "VERB PROPN ADV PUNCT CCONJ VERB PRON PUNCT"): "what the model says",
    ("docs/tokenizer.md", "ulmfit-tfx tokenizer show reviews-tokenizer 'its one-sidedness . . . flirts with prop'"): (
        "begins with a text of the data"
    ),
    ("docs/tokenizer.md", "first learned ▁t ▁a he in ▁the ▁s re ▁w ▁o is er nd ▁f ▁m ▁b it at ing ▁c en"): (
        "pieces of the data"
    ),
}
"""Labels, by page, that a small run does not show, and why."""
_SECONDS = 60
"""That a program of the shell may take."""


class Done(NamedTuple):
    """What a command did: its exit code and what it wrote, errors included."""

    code: int
    output: str


class Reader(NamedTuple):
    """Evaluates the blocks of a page.

    Attributes:
        folder: Where commands and Python run; each sees what those before it made.
    """

    folder: Path

    def __call__(self, block: Example) -> str | None:
        """Does what a block says, if it is of commands or of Python; returns what is not as shown."""
        language = block.region.lexemes["language"]
        if language in ("sh", "console"):
            return "\n".join(filter(None, map(self._complaint, to_run(block)))) or None
        if language == "python" and not block.region.lexemes["remarks"]:  # else it is a file, and there already
            code = with_present_numbers(with_small_names(block.parsed), self.folder)
            block.parsed = Lexeme(code, block.parsed.offset, block.parsed.line_offset)
            with working_in(self.folder):
                PythonEvaluator()(block)
        return None

    def _complaint(self, command: Command) -> str | None:
        done = self.run(command.text)
        absent = [f"'{label}' is not shown" for label in expected_labels(command) if not is_in(label, done.output)]
        if done.code != expected_code(command):
            absent.insert(0, f"exit code {done.code}")
        return f"{command.place}: {command.text}: {', '.join(absent)} by\n{done.output}" if absent else None

    def run(self, text: str) -> Done:
        """Runs a command line in bash. A last `ulmfit-tfx` runs in this process: importing TFX takes twenty seconds."""
        text = with_present_numbers(text, self.folder)
        if text.startswith("make "):
            text = subprocess.check_output(
                ["bash", "-c", f"{text} --dry-run --no-print-directory"], cwd=ROOT, text=True
            ).splitlines()[-1]
        *_, last = simple_commands(text)
        if Path(last[0]).name != "ulmfit-tfx":
            return self._in_bash(text)
        before, _, call = text.rpartition(" | ")
        given = self._in_bash(before) if before else Done(0, "")
        words = self._in_bash(f"printf '%s\\0' {call}").output.split("\0")[1:-1]  # as bash expands them
        with working_in(self.folder):
            result = CliRunner(mix_stderr=False).invoke(app, smaller(words), input=given.output)
        unexpected = result.exception is not None and not isinstance(result.exception, SystemExit)
        trace = "".join(traceback.format_exception(*result.exc_info)) if unexpected else ""
        return Done(result.exit_code or given.code, result.stdout + result.stderr + trace)

    def _in_bash(self, text: str) -> Done:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", text],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
        )
        return Done(done.returncode, done.stdout)


def read(blocks: list[Example]) -> list[str]:
    """Evaluates the blocks of a page in order; returns what is not as the page shows it."""
    complaints = []
    for block in blocks:
        try:
            block.evaluate()
        except Exception:
            complaints.append(f"{place(block)}:\n{traceback.format_exc()}")
    return complaints


def to_run(block: Example) -> list[Command]:
    """Commands of a block that are run."""
    return [command for command in commands_of(block) if reason_not_to_run(command) is None]


def expected_code(command: Command) -> int:
    """Exit code that a command is shown with."""
    codes = [
        code
        for (page, start), code in ENDS_OTHERWISE.items()
        if (page, command.text[: len(start)]) == (command.page, start)
    ]
    return codes[0] if codes else 0


def expected_labels(command: Command) -> list[str]:
    """Labels of what a command shows that a small run shows too."""
    return [label for label in labels(command.shown) if (command.page, label) not in SHOWS_OTHERWISE]


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Makes a folder the working one."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def with_present_numbers(text: str, folder: Path) -> str:
    """Paths that end in a number which is not there, with the newest number that is.

    A page shows the versions and executions of the day when it was written.
    """

    def present(match: re.Match[str]) -> str:
        path = Path(match.group())
        numbers = [int(there.name) for there in (folder / path.parent).glob("*") if there.name.isdigit()]
        return f"{path.parent}/{max(numbers)}" if numbers and not (folder / path).exists() else match.group()

    return re.sub(r"(?:[\w.-]+/)+\d+(?=$|[^\w.])", present, text)
