"""What the subcommands that read texts have in common: which texts, and how they are read."""

import glob
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from ulmfit_tfx.components.corpus_ingest.source_files import find_files
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.texts import text_source, text_source_class
from ulmfit_tfx.schemas.errors import ConfigError

_Config = TypeVar("_Config", bound=BaseModel)


class Format(str, Enum):
    """Formats of texts."""

    AUTO = "auto"
    TEXT = "text"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    CONLL = "conll"
    CONLLU = "conllu"
    MEDIAWIKI = "mediawiki"


class TextUnit(str, Enum):
    """What a row of plain text is."""

    LINE = "line"
    PARAGRAPH = "paragraph"
    DOCUMENT = "document"


_FORMAT_OF_SUFFIX = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".jsonl": Format.JSONL,
    ".json": Format.JSONL,
    ".conll": Format.CONLL,
    ".conllu": Format.CONLLU,
    ".xml": Format.MEDIAWIKI,
}
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_OPTIONS = {"user_defined_symbols": "--user-symbol"}

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...", help="Files, folders or globs with texts, also compressed or at `gs://` and `s3://`."
    ),
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="auto: by the file's suffix, text where it says nothing.")
]
TextColumn = Annotated[str, typer.Option(help="csv, tsv, jsonl: column or field with the text.")]
TextUnitOption = Annotated[TextUnit, typer.Option("--text-unit", help="text: what a row is.")]
Encoding = Annotated[str, typer.Option(help="Any name that Python knows.")]
MaxBadFraction = Annotated[float, typer.Option(min=0, max=1, help="Stop where a larger share of the rows is refused.")]
MaxRowBytes = Annotated[int, typer.Option(min=1, max=100_000_000, help="Longer rows are refused.")]


def sources(
    inputs: Sequence[str],
    format: Format,
    text_column: str,
    text_unit: TextUnit,
    encoding: str,
    max_bad_fraction: float,
    max_row_bytes: int,
) -> list[SourceConfig]:
    """The sources that the arguments name.

    Raises:
        ConfigError: An option is wrong, or a local path names nothing.
        DataError: A path names nothing.
    """
    for path in inputs:
        # In words of our own: paths are not relative to a configuration file here.
        if "://" not in path and not Path(path).exists() and not glob.glob(path, recursive=True):
            raise ConfigError(f"{path}: no such file.")
    paths = [file for path in inputs for file in find_files(path)] if format is Format.AUTO else inputs
    formats = [(_format_of(path) if format is Format.AUTO else format).value for path in paths]
    own = {"text_column": text_column, "text_unit": text_unit.value}
    return [
        validated(
            text_source,
            path=path,
            format=name,
            encoding=encoding,
            max_bad_fraction=max_bad_fraction,
            max_row_bytes=max_row_bytes,
            **{field: value for field, value in own.items() if field in text_source_class(name).model_fields},
        )
        for path, name in zip(paths, formats, strict=True)
    ]


def reading_words(source: SourceConfig, format: Format) -> list[str]:
    """The options that differ from their defaults, as they are typed.

    Args:
        source: One of what `sources` gave.
        format: As it was typed.
    """
    words = [] if format is Format.AUTO else ["--format", format.value]
    for name in ("text_column", "text_unit", "encoding", "max_bad_fraction", "max_row_bytes"):
        field = type(source).model_fields.get(name)
        if field is not None and (value := getattr(source, name)) != field.default:
            words += [_option(name), str(value)]
    return words


def validated(kind: Callable[..., _Config], **values: Any) -> _Config:
    """A section of a configuration from options.

    Raises:
        ConfigError: With a line for each option that is wrong.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(map(_complaint, error.errors()))) from None


def _complaint(problem: Any) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{message}."
    field = problem["loc"][0]
    got = problem["input"]
    shown = ", ".join(map(repr, got)) if isinstance(got, tuple) else repr(got)
    return f"{_option(field)} is {shown}: {message}."


def _option(field: str) -> str:
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}")


def _format_of(path: str) -> Format:
    suffixes = [suffix for suffix in Path(path.lower()).suffixes if suffix not in _COMPRESSED]
    return _FORMAT_OF_SUFFIX.get(suffixes[-1], Format.TEXT) if suffixes else Format.TEXT
