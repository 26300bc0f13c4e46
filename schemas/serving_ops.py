"""The ops that each version of TensorFlow Serving can run, as `make serving-ops` read them from wheels.

A version is its first two numbers, `2.19`. An op is in the set of a version where that has a kernel of it for the CPU.
"""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_DATA = Path(__file__).with_name("serving_ops.tsv")

_WITHOUT_EFFECT = {("VarHandleOp", "debug_name")}
"""Attributes that change no answer: a server that does not know them does the same as one that does."""


@dataclasses.dataclass(frozen=True)
class ServingVersion:
    """A version of TensorFlow Serving.

    Attributes:
        version: Its first two numbers.
        tensorflow: The version of TensorFlow that its ops were read from.
        tensorflow_text: The version of tensorflow-text that it is built with.
        graph_version: The version of graphs that it writes. It reads those that demand no later one.
    """

    version: str
    tensorflow: str
    tensorflow_text: str
    graph_version: int


def versions() -> tuple[str, ...]:
    """The versions whose ops are known, oldest first."""
    return tuple(_versions())


def serving_version(version: str) -> ServingVersion:
    """What is known of one of `versions()`."""
    return _versions()[version]


def ops(version: str) -> Mapping[str, frozenset[str]]:
    """The ops of one of `versions()`: names of attributes by name of the op."""
    position = versions().index(version)
    found = {}
    for first, last, op, attributes in _rows():
        if versions().index(first) <= position <= versions().index(last):
            found[op] = frozenset(attributes.split())
    return found


def unsupported_ops(used: Mapping[str, Collection[str]], version: str) -> Mapping[str, tuple[str, ...]]:
    """What a version of TensorFlow Serving does not know of the ops that a model uses.

    It does not load a model with an op that it lacks. It ignores attributes that it does not know, and so answers
    differently from the TensorFlow that wrote them.

    Args:
        used: Names of the attributes that a graph sets to other values than their defaults, by name of the op. Those
            that begin with `_` are annotations, which no op has to know.
        version: One of `versions()`.

    Returns:
        By name of the op, sorted: the attributes that the version does not know; none where it lacks the op itself.
    """
    known = ops(version)
    missing: dict[str, tuple[str, ...]] = {}
    for op, attributes in sorted(used.items()):
        if op not in known:
            missing[op] = ()
        elif foreign := sorted(name for name in set(attributes) - known[op] if _has_effect(op, name)):
            missing[op] = tuple(foreign)
    return missing


def _has_effect(op: str, attribute: str) -> bool:
    return not attribute.startswith("_") and (op, attribute) not in _WITHOUT_EFFECT


@functools.cache
def _versions() -> Mapping[str, ServingVersion]:
    found = {}
    with _DATA.open(encoding="utf-8") as file:
        next(file)  # names of the columns
        for line in file:
            if not line.startswith("#"):
                break
            _, version, tensorflow, tensorflow_text, graph_version = line.rstrip("\n").split("\t")
            found[version] = ServingVersion(version, tensorflow, tensorflow_text, int(graph_version))
    return found


def _rows() -> Iterator[list[str]]:
    with _DATA.open(encoding="utf-8") as file:
        yield from (line.rstrip("\n").split("\t") for line in file if not line.startswith("#"))
