"""The commands in the shell blocks of the pages, and what can be said of one without running it.

A `sh` block is commands alone. In a `console` block a command follows `$ `, and what it shows follows the command.
"""

import ast
import dataclasses
import functools
import importlib.util
import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import typer.main
from pages import ROOT, Block, blocks

from ulmfit_tfx.pipeline.cli.app import app

PROMPT = "$ "

_ENDS_AT_ONCE = {"--help", "--version"}
_ASSIGNMENT = re.compile(r"\w+=\S*")
_OPERATORS = set("();<>|&")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
_PYTHON = re.compile(r"(?:.*/)?python")
_TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Command:
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


def commands_of(block: Block) -> list[Command]:
    """Commands of a block.

    Raises:
        ValueError: A command is not complete at its end, or output stands before the first prompt.
    """
    return list(_of_console(block) if block.language == "console" else _of_script(block))


def _of_script(block: Block) -> Iterator[Command]:
    begun: list[str] = []
    for number, line in enumerate(block.text.splitlines()):
        if not begun and (not line.strip() or line.startswith("#")):
            continue
        begun.append(line)
        if _is_complete("\n".join(begun)):
            yield Command(block.page, block.line + number + 1 - len(begun), "\n".join(begun))
            begun = []
    if begun:
        raise ValueError(f"{block.place}: bash does not take this for a command: {begun[0]}")


def _of_console(block: Block) -> Iterator[Command]:
    lines = block.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(PROMPT)]
    if not starts or starts[0] != 0:
        raise ValueError(f"{block.place}: a console block begins with '{PROMPT}' and a command")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = lines[start].removeprefix(PROMPT)
        if not _is_complete(command):
            raise ValueError(f"{block.page}:{block.line + start}: bash does not take this for a command: {command}")
        yield Command(block.page, block.line + start, command, "\n".join(lines[start + 1 : end]))


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


def programs(text: str) -> list[str]:
    """Names of the programs that a command line starts."""
    return [words[0] for words in simple_commands(text)]


def check(words: list[str]) -> None:
    """Finds what is stale in a program's call, for the programs that are ours.

    Args:
        words: The program and its arguments.

    Raises:
        ValueError: With what does not exist: subcommand, option, argument, target, script or module.
    """
    if Path(words[0]).name == "ulmfit-tfx":
        check_call(words[1:])
    elif words[0] == "make":
        for target in [word for word in words[1:] if not _ASSIGNMENT.fullmatch(word)]:
            if target not in make_targets():
                raise ValueError(f"the Makefile has no target {target}")
    elif _PYTHON.fullmatch(words[0]) and words[1] == "-m":
        _check_module(words[2])
    elif _PYTHON.fullmatch(words[0]):
        _check_script(ROOT / words[1], words[2:])


def check_call(arguments: list[str]) -> None:
    """Reads arguments of `ulmfit-tfx` as it does, and runs nothing.

    Raises:
        ValueError: It would refuse them.
    """
    command, rest = _subcommand(arguments)
    if _ENDS_AT_ONCE & set(rest):
        return check_names(arguments)
    try:
        command.make_context(command.name, list(rest))
    except click.UsageError as error:
        raise ValueError(error.format_message()) from None


def check_names(arguments: list[str]) -> None:
    """Of a synopsis, such as `run CONFIG.yaml [--set key=value]` or `tokenizer train|show`: what it names exists.

    Raises:
        ValueError: A subcommand or an option does not.
    """
    choices = itertools.product(*(word.split("|") for word in arguments[:2]))
    for first in {tuple(chosen) for chosen in choices}:
        _check_synopsis([*first, *arguments[2:]])


def _check_synopsis(arguments: list[str]) -> None:
    command, rest = _subcommand(arguments)
    known = {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}
    for option in _OPTION.findall(" ".join(rest)):
        if option not in known:
            raise ValueError(f"ulmfit-tfx {command.name} has no option {option}, but {sorted(known)}")


def _subcommand(arguments: list[str]) -> tuple[click.Command, list[str]]:
    """The subcommand's command and its own arguments; those of the command itself if the first one is an option."""
    command: click.Command = typer.main.get_command(app)
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        if name not in command.commands:
            raise ValueError(f"ulmfit-tfx has no subcommand {name}")
        command = command.commands[name]
    return command, arguments


@functools.cache
def make_targets() -> frozenset[str]:
    """Targets of the Makefile."""
    return frozenset(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def _check_module(name: str) -> None:
    top, *below = name.split(".")
    package = importlib.util.find_spec(top)
    if package is None:
        raise ValueError(f"there is no module {top}")
    places = [Path(place).joinpath(*below) for place in package.submodule_search_locations or ()]
    if below and not any(place.with_suffix(".py").exists() or place.is_dir() for place in places):
        raise ValueError(f"there is no module {name}")


def _check_script(script: Path, arguments: list[str]) -> None:
    if not script.is_file():
        raise ValueError(f"there is no script {script.relative_to(ROOT)}")
    known = _script_options(script)
    for option in _OPTION.findall(" ".join(arguments)):
        if option not in known:
            raise ValueError(f"{script.name} has no option {option}, but {sorted(known)}")


@functools.cache
def _script_options(script: Path) -> frozenset[str]:
    """Options that a script or a module beside it, which it imports, gives to `add_argument`."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    options = {
        argument.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (beside := script.with_name(f"{node.module}.py")).exists():
            options |= _script_options(beside)
    return frozenset(options)
