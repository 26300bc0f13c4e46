"""The commands in the shell blocks of the pages, and what can be said of one without running it.

A `sh` block is commands alone. In a `console` block a command follows `$ `, and what it shows follows the command.
"""

import functools
import importlib.util
import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import click
import typer.main
from pages import ROOT, blocks
from sybil import Example

from ulmfit_tfx.pipeline.cli.app import app

PROMPT = "$ "

_ASSIGNMENT = re.compile(r"\w+=\S*")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
_OPERATORS = set("();<>|&")


class Command(NamedTuple):
    """A command of a page.

    Attributes:
        page: Where it stands.
        line: Its first one.
        text: As the shell reads it, over several lines where it has several.
        shown: What stands below it in a `console` block.
    """

    page: str
    line: int
    text: str
    shown: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def commands() -> list[Command]:
    """Commands of all pages, in their order."""
    return [command for block in blocks("sh", "console") for command in commands_of(block)]


def commands_of(block: Example) -> list[Command]:
    """Commands of a block.

    Raises:
        ValueError: A command is not complete at its end, or output stands before the first prompt.
    """
    found: list[Command] = []
    prompt = PROMPT if block.region.lexemes["language"] == "console" else ""
    begun: list[str] = []
    for number, line in enumerate(block.parsed.splitlines(), start=block.line + 1):
        if begun:
            begun.append(line)
        elif prompt and found and not line.startswith(prompt):
            found[-1] = found[-1]._replace(shown=f"{found[-1].shown}{line}\n")
        elif prompt or (line.strip() and not line.startswith("#")):
            if not line.startswith(prompt):
                raise ValueError(f"{block.path}:{number}: a console block begins with '{PROMPT}' and a command")
            begun.append(line.removeprefix(prompt))
        if begun and _is_complete(text := "\n".join(begun)):
            found.append(Command(block.path, number + 1 - len(begun), text))
            begun = []
    if begun:
        raise ValueError(f"{block.path}:{block.line}: bash does not take this for a command: {begun[0]}")
    return found


@functools.cache
def _is_complete(text: str) -> bool:
    """Whether bash reads it as whole commands: no quote, bracket, here-document or line is left open."""
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return done.returncode == 0 and not done.stderr and not text.endswith("\\")


def simple_commands(text: str) -> list[list[str]]:
    """Words of each program that a command line starts, without assignments before it.

    >>> simple_commands("A=1 echo 'a b' | ulmfit-tfx predict DIR # said")
    [['echo', 'a b'], ['ulmfit-tfx', 'predict', 'DIR']]
    """
    reader = shlex.shlex(text, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in reader:
        if set(word) <= _OPERATORS:
            found.append([])
        elif found[-1] or not _ASSIGNMENT.fullmatch(word):
            found[-1].append(word)
    return [words for words in found if words]


def check(program: str, *words: str) -> None:
    """Finds what is stale in a program's call, for the programs that are ours.

    Raises:
        ValueError: With what does not exist: subcommand, option, argument, target, script or module.
    """
    if Path(program).name == "ulmfit-tfx":
        _check_call(list(words))
    elif program == "make":
        if unknown := [word for word in words if not _ASSIGNMENT.fullmatch(word) and word not in make_targets()]:
            raise ValueError(f"the Makefile has no target {unknown[0]}")
    elif Path(program).name == "python" and words[0] == "-m":
        if importlib.util.find_spec(words[1]) is None:
            raise ValueError(f"there is no module {words[1]}")
    elif Path(program).name == "python":
        _check_script(ROOT / words[0], " ".join(words[1:]))


def _check_call(words: list[str]) -> None:
    """Reads arguments of `ulmfit-tfx` as it does, and runs nothing."""
    command, rest = _subcommand(words)
    if {"--help", "--version"} & set(rest):
        return check_synopsis(words)
    try:
        command.make_context(command.name, rest)
    except click.UsageError as error:
        raise ValueError(error.format_message()) from None


def check_synopsis(words: list[str]) -> None:
    """Of a synopsis, such as `run CONFIG.yaml [--set key=value]` or `tokenizer train|show`: what it names exists.

    Raises:
        ValueError: A subcommand or an option does not.
    """
    for first in {tuple(chosen) for chosen in itertools.product(*(word.split("|") for word in words[:2]))}:
        command, rest = _subcommand([*first, *words[2:]])
        known = {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}
        if unknown := set(_OPTION.findall(" ".join(rest))) - known:
            raise ValueError(f"ulmfit-tfx {command.name} has no option {', '.join(unknown)}, but {sorted(known)}")


def _subcommand(words: list[str]) -> tuple[click.Command, list[str]]:
    """The subcommand's command and its own arguments; those of the command itself if the first one is an option."""
    command: click.Command = typer.main.get_command(app)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        if name not in command.commands:
            raise ValueError(f"ulmfit-tfx has no subcommand {name}")
        command = command.commands[name]
    return command, words


@functools.cache
def make_targets() -> frozenset[str]:
    """Targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _check_script(script: Path, arguments: str) -> None:
    """A script's options are those that it or a module beside it, which it may import, gives to `add_argument`."""
    if not script.is_file():
        raise ValueError(f"there is no script {script.relative_to(ROOT)}")
    sources = "".join(path.read_text("utf-8") for path in script.parent.glob("*.py"))
    if unknown := set(_OPTION.findall(arguments)) - set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', sources)):
        raise ValueError(f"{script.name} has no option {', '.join(unknown)}")
