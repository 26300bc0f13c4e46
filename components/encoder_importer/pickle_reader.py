"""Reads a pickle without Python's unpickler: an interpreter of the few operations that a PyTorch state dict is made of.

A pickle is a program that may name any function and call it. Here a name in the file stays a name, and calling it gives
what a table of ours says; a name outside of the table ends the reading. Nothing else of the file can run: attributes
are never set, classes never made, and no operation costs more than its bytes in the file.
"""

import abc
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 256
_MOST_BYTES = 1 << 24
"""A thousand times a language model's. An operation of one byte can take a hundred bytes of memory."""


class RefusedError(Exception):
    """The pickle asks for something that no state dict needs."""


class DamagedError(Exception):
    """The pickle ends too early or makes no sense."""


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names, `module.attribute`. It is never imported."""

    text: str


class Stateful(abc.ABC):
    """What a call may give so that the pickle can hand it a state."""

    @abc.abstractmethod
    def set_state(self, state: Any) -> None:
        """Takes the state, which is any value from the file."""


@dataclass(frozen=True)
class Meanings:
    """What names and persistent references in a pickle stand for.

    A call may raise `RefusedError` or `DamagedError`; ValueError, TypeError and OverflowError count as damage. No
    call may cost more than a small constant or the size of what it was given for the first time: a few bytes of a
    pickle can repeat it.
    """

    calls: Mapping[str, Callable[..., Any]]
    names: frozenset[str] = frozenset()
    persistent: Callable[[Any], Any] | None = None


def read_pickle(data: Any, start: int, meanings: Meanings) -> tuple[Any, int]:
    """Reads one pickle of protocol 2 to 5.

    Args:
        data: bytes or mmap.
        start: Where the pickle begins.
        meanings: What its names stand for.

    Returns:
        The value (dicts, lists, tuples, texts, numbers, `Name`s and what the calls gave), and where the pickle ends.

    Raises:
        RefusedError: It asks for a name that `meanings` lacks, or for an operation that no state dict needs.
        DamagedError: It ends too early or makes no sense.
    """
    machine = _Machine(data, start, meanings)
    try:
        return machine.run(), machine.position
    except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamagedError(f"its pickle is damaged at byte {machine.position:,} ({type(error).__name__})") from None


def shown(text: str, longest: int = 100) -> str:
    """A text from a file as it may stand in a message: printable and short."""
    printable = ascii(text[:longest])[1:-1]
    return printable if len(text) <= longest else f"{printable}..."


class _Machine:
    """The stack, the marks on it and the memo of one pickle being read."""

    def __init__(self, data: Any, position: int, meanings: Meanings):
        self.data = data
        self.start = self.position = position
        self.meanings = meanings
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while (opcode := self.take(1)) != b".":
            if opcode not in _OPERATIONS:
                raise RefusedError(f"its pickle has the operation {opcode!r}, which no PyTorch state dict needs")
            _OPERATIONS[opcode](self)
        return self.stack.pop()

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.position:
            raise DamagedError("it is truncated: it ends inside its pickle")
        if self.position + size > self.start + _MOST_BYTES:
            raise RefusedError(f"its pickle is longer than {_MOST_BYTES:,} bytes")
        self.position += size
        return self.data[self.position - size : self.position]

    def number(self, code: str) -> Any:
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + _LONGEST_NAME)
        if end < 0:
            self.take(_LONGEST_NAME)
            raise DamagedError(f"its pickle is damaged: a name is longer than {_LONGEST_NAME} bytes")
        return self.take(end + 1 - self.position)[:-1].decode()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def tuple_of(self, size: int) -> None:
        if size > len(self.stack):
            raise IndexError
        items = tuple(self.stack[len(self.stack) - size :])
        del self.stack[len(self.stack) - size :]
        self.push(items)

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int | float | bytes | None):
                # The hash of a tuple of tuples of ... can take for ever.
                raise RefusedError(f"its pickle has a {type(key).__name__} as a dict's key")
            target[key] = value

    def pop_pair(self) -> list[Any]:
        second, first = self.stack.pop(), self.stack.pop()
        return [first, second]

    def name(self, module: str, attribute: str) -> None:
        text = f"{module}.{attribute}"
        if text not in self.meanings.calls and text not in self.meanings.names:
            raise RefusedError(f"its pickle asks for {shown(text)}, which is not part of a PyTorch state dict")
        self.push(Name(text))

    def stack_name(self) -> None:
        module, attribute = self.pop_pair()
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise TypeError
        self.name(module, attribute)

    def call(self) -> None:
        function, arguments = self.pop_pair()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise RefusedError("its pickle calls something that it did not name")
        if function.text not in self.meanings.calls:
            raise RefusedError(f"its pickle calls {function.text}")
        self.push(self.meanings.calls[function.text](*arguments))

    def persistent(self) -> None:
        if self.meanings.persistent is None:
            raise RefusedError("its pickle refers to a storage where there is none")
        self.push(self.meanings.persistent(self.stack.pop()))

    def set_state(self) -> None:
        target, state = self.stack[-2], self.stack.pop()
        if isinstance(target, Stateful):
            target.set_state(state)
        elif type(target) is not dict:  # a state dict carries `_metadata`, which says nothing of the weights
            raise RefusedError(f"its pickle sets the state of a {type(target).__name__}")


_OPERATIONS: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda machine: machine.take(1),  # PROTO
    b"\x95": lambda machine: machine.take(8),  # FRAME
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"J": lambda machine: machine.push(machine.number("<i")),
    b"K": lambda machine: machine.push(machine.number("<B")),
    b"M": lambda machine: machine.push(machine.number("<H")),
    b"G": lambda machine: machine.push(machine.number(">d")),
    b"\x8a": lambda machine: machine.push(int.from_bytes(machine.take(machine.number("<B")), "little", signed=True)),
    b"X": lambda machine: machine.push(machine.take(machine.number("<I")).decode("utf-8", "surrogatepass")),
    b"\x8c": lambda machine: machine.push(machine.take(machine.number("<B")).decode("utf-8", "surrogatepass")),
    b"B": lambda machine: machine.push(machine.take(machine.number("<I"))),
    b"C": lambda machine: machine.push(machine.take(machine.number("<B"))),
    b")": lambda machine: machine.push(()),
    b"]": lambda machine: machine.push([]),
    b"}": lambda machine: machine.push({}),
    b"(": lambda machine: machine.marks.append(len(machine.stack)),
    b"t": lambda machine: machine.push(tuple(machine.since_mark())),
    b"\x85": lambda machine: machine.tuple_of(1),
    b"\x86": lambda machine: machine.tuple_of(2),
    b"\x87": lambda machine: machine.tuple_of(3),
    b"a": lambda machine: machine.append([machine.stack.pop()]),
    b"e": lambda machine: machine.append(machine.since_mark()),
    b"s": lambda machine: machine.set_items(machine.pop_pair()),
    b"u": lambda machine: machine.set_items(machine.since_mark()),
    b"q": lambda machine: machine.memo.__setitem__(machine.number("<B"), machine.stack[-1]),
    b"r": lambda machine: machine.memo.__setitem__(machine.number("<I"), machine.stack[-1]),
    b"\x94": lambda machine: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    b"h": lambda machine: machine.push(machine.memo[machine.number("<B")]),
    b"j": lambda machine: machine.push(machine.memo[machine.number("<I")]),
    b"c": lambda machine: machine.name(machine.line(), machine.line()),
    b"\x93": lambda machine: machine.stack_name(),
    b"Q": lambda machine: machine.persistent(),
    b"R": lambda machine: machine.call(),
    b"\x81": lambda machine: machine.call(),  # NEWOBJ
    b"b": lambda machine: machine.set_state(),
}
