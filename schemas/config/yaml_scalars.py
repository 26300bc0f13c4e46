"""What YAML made of words in a configuration: `01` is a number to it, `yes` is true and `12:30` is 750."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

_Place = tuple[str | int, ...]


def changed_texts(node: yaml.Node | None, value: Any, place: _Place = ()) -> Iterator[tuple[_Place, str]]:
    """Numbers that a configuration takes for texts and that the file writes in another way: labels `01` and `1.10`.

    Args:
        node: Of the file, as `yaml.compose` gives it.
        value: What the configuration holds there: sections and what they have in them.
        place: Of the node, as pydantic names it.

    Yields:
        Place, and what is wrong with it.
    """
    if isinstance(node, yaml.MappingNode):
        for key, below in node.value:
            if isinstance(value, Mapping):
                if changed := _changed(key, next((other for other in value if _is(key, other)), None)):
                    yield (*place, key.value), changed
                yield from changed_texts(below, value.get(_read(key)), (*place, key.value))
            else:
                yield from changed_texts(below, getattr(value, str(key.value), None), (*place, key.value))
    elif isinstance(node, yaml.SequenceNode) and isinstance(value, Sequence):
        for index, (below, of_value) in enumerate(zip(node.value, value, strict=False)):
            yield from changed_texts(below, of_value, (*place, index))
    elif isinstance(node, yaml.ScalarNode) and (changed := _changed(node, value)):
        yield place, changed


def in_quotes(node: yaml.Node | None, place: _Place) -> str | None:
    """How to write a text that YAML took for something else, where a file has such a one in a place."""
    for part in place:
        if isinstance(node, yaml.MappingNode):
            node = next((below for key, below in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
    if not isinstance(node, yaml.ScalarNode) or node.style is not None or node.tag.endswith((":str", ":null")):
        return None
    return f'YAML reads {node.value} as {_read(node)}: write "{node.value}", in quotes'


def _changed(node: yaml.Node, value: Any) -> str | None:
    if not _is(node, value) or node.value == value:
        return None
    return f'is the number {value}: YAML reads {node.value} so. Write "{node.value}", in quotes'


def _is(node: yaml.Node, value: Any) -> bool:
    """Whether a text is what became of a number."""
    return isinstance(value, str) and node.tag.endswith((":int", ":float")) and _read(node) == value


def _read(node: yaml.Node) -> str:
    """What YAML reads, as a text."""
    return str(yaml.SafeLoader("").construct_object(node, deep=True))
