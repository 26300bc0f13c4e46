"""A version of the code behind a component, for TFX's cache keys and for checkpoints.

TFX hashes artifacts and parameters but not the code that an import path such as `run_fn` leads to. Components with such
code therefore take its version as a parameter: an edit of what they run makes them run again. What is digested is the
syntax of the modules, so that comments, docstrings and layout are no edits.
"""

import ast
import dataclasses
import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import ulmfit_tfx
from ulmfit_tfx.schemas.errors import UserError

KEY = "code_version"
"""What a component calls its version among its parameters, and a training among what it is told."""
_OURS = "ulmfit_tfx"
_DOTTED_NAME = re.compile(r"\w+(\.\w+)+")
_DIGITS = 12
_IMPLIED = ("ctx", "kind")
"""Fields of what follows from where a name stands, and of how a string is written."""
_COLLECTED = (ast.Constant, ast.Import, ast.ImportFrom)


def code_version(*code: str | Callable) -> str:
    """Version of everything that some code can run.

    Args:
        code: See `code_digests`.

    Returns:
        The package's version and a digest of the code, `0.1.0+1f0c...`.

    Raises:
        UserError: See `code_digests`.
    """
    digests = sorted(code_digests(*code).items())
    return f"{ulmfit_tfx.__version__}+{_digest(repr(digests).encode())}"


def code_digests(*code: str | Callable, without: Sequence[str] = ()) -> dict[str, str]:
    """Digests of the modules that some code can run, of ours and of its own package.

    A module leads to those that it imports, in functions too, but not for type checking alone; to those that a string
    of it names (`"ulmfit_tfx.tasks.tagging.trainer.run_fn"`); and to files beside it that a string of it names, such as
    templates. The `__init__` of a package that something is imported from counts, what it imports in turn only where
    the package itself is imported. That of `ulmfit_tfx` is left out: it holds the version, and names that lead
    everywhere.

    Args:
        code: Modules, classes and functions: themselves, or their import paths.
        without: Modules and packages that are left out, with all that only they lead to.

    Returns:
        By the module's name, or by the file's: `ulmfit_tfx.schemas/serving_ops.tsv`.

    Raises:
        UserError: No source is found for one of them.
    """
    waiting = [_module_of(name if isinstance(name, str) else name.__module__) for name in code]
    left_out = tuple(f"{name}." for name in without)
    followed: set[str] = set()
    digests: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in followed or f"{name}.".startswith(left_out):
            continue
        followed.add(name)
        if (module := _read(name)) is None:
            continue
        waiting += module.leads_to
        for counted in (module, *map(_read, _packages_of(name))):
            if counted is not None:
                digests[counted.name] = counted.digest
                digests |= {f"{counted.package}/{file}": _digest(path.read_bytes()) for file, path in counted.files}
    return digests


def _module_of(path: str) -> str:
    if (module := _module_named(path)) is None:
        raise UserError(f"{path}: its source is not found. Expected a module that can be imported, or a name in one.")
    return module


def _module_named(path: str) -> str | None:
    """Of `a.b.c` it is `a.b.c` or `a.b`: an import does not say whether `c` is a module."""
    return next((name for name in (path, path.rpartition(".")[0]) if _file_of(name) is not None), None)


def _packages_of(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _file_of(module: str) -> Path | None:
    """A module's source; None where there is no such module, or it has none, or it is `ulmfit_tfx` itself."""
    root = ".".join(module.split(".")[: 2 if module.startswith(f"{_OURS}.") else 1])
    if root in ("", _OURS):
        return None
    file, folder = _root(root)
    if module == root:
        return file
    if folder is None:
        return None
    path = folder.joinpath(*module.removeprefix(f"{root}.").split("."))
    found = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((path for path in found if path.is_file()), None)


@functools.cache
def _root(name: str) -> tuple[Path | None, Path | None]:
    """Source and folder of a package whose modules lie below it, wherever Python finds it.

    Of ours these are the packages below `ulmfit_tfx`: in an editable install they lie apart.
    """
    loaded = sys.modules.get(name)
    try:
        spec = getattr(loaded, "__spec__", None) or importlib.util.find_spec(name)
    except (ImportError, ValueError):  # of a script that is run, `__main__`, there is none
        spec = None
    origin = spec.origin if spec else getattr(loaded, "__file__", None)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    file = Path(origin) if origin and origin.endswith(".py") else None
    return file, Path(folders[0]) if folders else None


@dataclasses.dataclass(frozen=True)
class _Module:
    """What is of interest in a module.

    Attributes:
        name: Its import path.
        package: That it is in, or that it is.
        digest: Of its syntax.
        leads_to: Modules that it imports or names.
        files: Names and paths of the files beside it that it names.
    """

    name: str
    package: str
    digest: str
    leads_to: tuple[str, ...]
    files: tuple[tuple[str, Path], ...]


def _read(name: str) -> _Module | None:
    path = _file_of(name)
    if path is None:
        return None
    stat = path.stat()
    return _parsed(name, path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4096)
def _parsed(name: str, path: Path, changed: int, size: int) -> _Module:
    """Reads a module, once for each time that it was changed."""
    syntax, nodes = _syntax_of(ast.parse(path.read_bytes()))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    beside = [path.with_name(text) for text in sorted(strings) if _may_be_file(text)]
    beside = [file for file in beside if file.exists()]
    named = _imported(nodes, package) | set(filter(_DOTTED_NAME.fullmatch, strings))
    leads_to = {_module_named(path) for path in named if path.partition(".")[0] in (_OURS, name.partition(".")[0])}
    leads_to |= {f"{package}.{file.stem}" for file in beside if file.suffix == ".py" and file.stem != "__init__"}
    data = [file for file_or_folder in beside for file in _data(file_or_folder)]
    return _Module(
        name,
        package,
        _digest(syntax.encode()),
        tuple(filter(None, leads_to)),
        tuple((file.relative_to(path.parent).as_posix(), file) for file in data),
    )


def _may_be_file(text: str) -> bool:
    return 0 < len(text) < 99 and text.isprintable() and not set(text) & set("/ ") and text not in (".", "..")


def _data(named: Path) -> list[Path]:
    """A file, or those in a folder, but where there is code in it."""
    files = [named] if named.is_file() else sorted(named.iterdir())
    return [] if any(file.suffix == ".py" for file in files) else [file for file in files if file.is_file()]


def _syntax_of(tree: ast.Module) -> tuple[str, list[ast.AST]]:
    """A syntax tree as text, the same in all versions of Python, and its imports and constants.

    Fields that are empty, which only some versions have, are left out.
    """
    written: list[str] = []
    collected: list[ast.AST] = []
    write = written.append

    def visit(node: ast.AST) -> None:
        kind = node.__class__
        if kind in _COLLECTED:
            collected.append(node)
        write(kind.__name__)
        for field in kind._fields:
            value = getattr(node, field, None)
            if value is None or field in _IMPLIED:
                continue
            if value.__class__ is list:
                if value:
                    write(field)
                    for item in value:
                        if not isinstance(item, ast.AST):
                            write(repr(item))
                        elif not _says_nothing(item):
                            visit(item)
            elif isinstance(value, ast.AST):
                write(field)
                visit(value)
            else:
                write(f"{field} {value!r}")
        write(")")

    visit(tree)
    return "\n".join(written), collected


def _says_nothing(node: ast.AST) -> bool:
    """Whether a statement is a docstring, or for type checking alone."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return "TYPE_CHECKING" in (getattr(node.test, "id", None), getattr(node.test, "attr", None))


def _imported(nodes: Iterable[ast.AST], package: str) -> set[str]:
    """What the modules of a package import, relative to it or not: `a.b` of `from a import b`."""
    paths = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            paths |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            paths |= {".".join(filter(None, (base, node.module, alias.name))) for alias in node.names}
    return paths


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
