"""Writes `docs/configuration.md` from the configuration's own definitions: `make docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ulmfit_tfx.schemas.config import PipelineConfig, section_of
from ulmfit_tfx.schemas.source_config import SourceConfig

_HEAD = """# Configuration

One YAML file describes a pipeline; `examples/reviews.yaml` is one that runs. Any field can be overridden on the command
line: `ulmfit-tfx run CONFIG.yaml --set training.epochs=2`. An unknown field or a wrong value is an error that names the
file, the field, the value and what is allowed.

This page is written by `make docs` from `schemas/config.py`.
"""


def render() -> str:
    """The page, in Markdown."""
    return _HEAD + "".join(f"\n{block}" for block in _section("", PipelineConfig))


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    title = f"`{path}`" if path else "Top level"
    summary = (model.__doc__ or "").strip().splitlines()[0]
    rows = ["| field | default | meaning |", "| --- | --- | --- |"]
    sections = []
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is not None and section is not SourceConfig:
            sections.append((name, section))
        if section is None or field.default is None:
            rows.append(f"| `{name}` | {_default(field)} | {_meaning(field, section)} |")
    if not path:
        names = ", ".join(f"[`{name}`](#{name})" for name, _ in sections)
        summary = f"Sections: {names}."
    yield f"## {title}\n\n{summary}\n\n" + "\n".join(rows) + "\n"
    for name, section in sections:
        yield from _section(f"{path}.{name}".removeprefix("."), section)


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


def _meaning(field: FieldInfo, section: type[BaseModel] | None) -> str:
    parts = [field.description or ""]
    if section is SourceConfig:
        parts.append("a section with the fields of `data` that are not about labels")
    elif section is not None:
        parts.append("a section, see below")
    literals = [value for value in get_args(field.annotation) if isinstance(value, str)]
    if literals:
        parts.append("one of " + ", ".join(f"`{value}`" for value in literals))
    bounds = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if hasattr(rule, name)
    ]
    parts.append(", ".join(bounds))
    return "; ".join(part for part in parts if part).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
