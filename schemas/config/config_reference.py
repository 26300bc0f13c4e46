"""Writes `docs/configuration.md` from the configuration's own definitions: `make docs`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ulmfit_tfx.schemas.config.pipeline import pipelines_by_task
from ulmfit_tfx.schemas.config.sources.by_format import FORMAT, formats_of
from ulmfit_tfx.schemas.section import Section, sections_of

_HEAD = """# Configuration

One YAML file describes a pipeline; `examples/reviews.yaml` is one that runs. Any field can be overridden on the command
line: `ulmfit-tfx run CONFIG.yaml --set training.epochs=2`. An unknown field or a wrong value is an error that names the
file, the field, the value and what is allowed.

`task` says which sections there are, and `format` which fields `data` and `corpus` have. Where a field is not of all
tasks and formats, its row says which ones it is of: what the others have no use for is an error there.

This page is written by `make docs` from `schemas/config/` and `tasks/*/config.py`.
"""


class _Variant(NamedTuple):
    """A kind of a section, with the task and the formats that have it."""

    section: type[Section]
    task: str
    formats: tuple[str, ...] = ()


def render() -> str:
    """The page, in Markdown."""
    tasks = pipelines_by_task()
    variants = [_Variant(kind, name) for name, kind in tasks.items()]
    return _HEAD + "".join(f"\n{block}" for block in _section("", variants, tuple(tasks)))


def _section(path: str, variants: Sequence[_Variant], tasks: tuple[str, ...]) -> Iterator[str]:
    """A section and those below it.

    Args:
        path: Its name.
        variants: All kinds of it.
        tasks: Those that have it are named where these are not all.
    """
    fields = {name: _having(name, variants) for variant in variants for name in variant.section.model_fields}
    below = {name: found for name, having in fields.items() if (found := _below(name, having))}
    rows = [
        (name, having) for name, having in fields.items() if name not in below or _of(name, having[0]).default is None
    ]
    differ = any(len(having) < len(variants) for _, having in rows)
    heads = ["field", "default", *(["of"] if differ else []), "meaning"]
    table = [heads, ["---"] * len(heads)]
    for name, having in rows:
        of = [_named(having, variants)] if differ else []
        table.append([f"`{name}`", _default(_of(name, having[0])), *of, _meaning(name, having, name in below)])
    own = tuple(dict.fromkeys(variant.task for variant in variants))
    summary = _summary([variant.section for variant in variants])
    summary += f" Of {', '.join(own)}." if len(own) < len(tasks) else ""
    if not path:
        summary = f"Sections: {', '.join(f'[`{name}`](#{name})' for name in below)}."
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    yield f"## {f'`{path}`' if path else 'Top level'}\n\n{summary}\n\n{lines}"
    for name, found in below.items():
        yield from _section(f"{path}.{name}".removeprefix("."), found, own)


def _of(name: str, variant: _Variant) -> FieldInfo:
    return variant.section.model_fields[name]


def _having(name: str, variants: Sequence[_Variant]) -> list[_Variant]:
    """Those that have a field; one that can be nothing but null counts as none."""
    having = [variant for variant in variants if name in variant.section.model_fields]
    return [variant for variant in having if _of(name, variant).annotation is not type(None)]


def _below(name: str, having: Sequence[_Variant]) -> list[_Variant]:
    """The kinds of section that a field is: one of each format, else the widest of each task."""
    found = []
    for variant in having:
        annotation = _of(name, variant).annotation
        kinds = [] if get_origin(annotation) in (dict, tuple) else list(sections_of(annotation))
        if kinds and FORMAT in kinds[0].model_fields:
            found += [_Variant(kind, variant.task, formats_of([kind])) for kind in kinds]
        elif kinds:
            found.append(_Variant(kinds[0], variant.task, variant.formats))
    return found


def _named(having: Sequence[_Variant], variants: Sequence[_Variant]) -> str:
    """The tasks and formats that have a field, where not all do: `regression; tagging: conll, conllu`."""
    if len(having) == len(variants):
        return "all"
    tasks_by_formats: dict[tuple[str, ...], list[str]] = {}
    for task in dict.fromkeys(variant.task for variant in having):
        formats = _formats(task, having)
        tasks_by_formats.setdefault(() if formats == _formats(task, variants) else formats, []).append(task)
    [(formats, tasks), *others] = tasks_by_formats.items()
    if formats and not others and len(tasks) == len({variant.task for variant in variants}):
        return ", ".join(formats)
    return "; ".join(
        f"{', '.join(tasks)}{': ' if formats else ''}{', '.join(formats)}"
        for formats, tasks in tasks_by_formats.items()
    )


def _formats(task: str, variants: Sequence[_Variant]) -> tuple[str, ...]:
    return tuple(name for variant in variants if variant.task == task for name in variant.formats)


def _summary(kinds: Sequence[type[Section]]) -> str:
    """Description of the kind that has all that the others have, else of the class that they are all of."""
    common = next(base for base in kinds[0].__mro__ if all(issubclass(kind, base) for kind in kinds))
    widest = next((kind for kind in kinds if all(issubclass(kind, other) for other in kinds)), common)
    return (widest.__doc__ or "").strip().splitlines()[0]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = None if field.default is PydanticUndefined else field.default
    if default is None:
        return "`null`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    shown = str(list(default)).replace("'", "") if isinstance(default, tuple) else str(default)
    return f"`{shown}`"


def _meaning(name: str, having: Sequence[_Variant], is_section: bool) -> str:
    fields = [_of(name, variant) for variant in having]
    parts = [*dict.fromkeys(field.description or "" for field in fields)]
    if is_section:
        parts.append("a section, see below")
    literals = dict.fromkeys(
        value for field in fields for value in get_args(field.annotation) if isinstance(value, str)
    )
    if literals:
        parts.append("one of " + ", ".join(f"`{value}`" for value in literals))
    bounds = [
        f"{sign} {getattr(rule, bound):g}"
        for rule in fields[0].metadata
        for bound, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if hasattr(rule, bound)
    ]
    parts.append(", ".join(bounds))
    return "; ".join(part for part in parts if part).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
