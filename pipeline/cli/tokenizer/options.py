"""What the subcommands that read texts have in common: which texts, and how they are read."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ulmfit_tfx.components.corpus_ingest.source_files import find_files
from ulmfit_tfx.pipeline.field_options import OptionsOf, Typed
from ulmfit_tfx.schemas.config.sources.by_format import formats_of
from ulmfit_tfx.schemas.config.sources.format_by_name import named_format
from ulmfit_tfx.schemas.config.sources.texts import TextSource, TextSourceConfig, text_source, text_source_class
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.schemas.section import sections_of

AUTO = "auto"
"""The format follows from a file's suffix."""
_FORMATS = tuple(formats_of([*sections_of(TextSource)]))

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...", help="Files, folders or globs with texts, also compressed or at `gs://` and `s3://`."
    ),
]
Format = Annotated[
    str,
    typer.Option(
        metavar=f"[{'|'.join([AUTO, *_FORMATS])}]",
        help="auto: by the file's suffix, text where it says nothing.",
    ),
]
Reading = Annotated[
    Typed,
    OptionsOf(
        *sections_of(TextSource),
        # Named by the arguments, or about examples, of which there are none here.
        without=(
            *("path", "format", "corpus_cleanup", "sample_fraction"),
            *("splits", "split_key_column", "length_buckets"),
        ),
    ),
]


def sources(inputs: Sequence[str], format: str, reading: Typed) -> list[TextSourceConfig]:
    """The sources that the arguments name.

    Raises:
        ConfigError: An option is wrong, or a local path names nothing.
        DataError: A path names nothing.
    """
    for path in inputs:
        # In words of our own: paths are not relative to a configuration file here.
        if not is_remote(path) and not Path(path).exists() and not glob.glob(path, recursive=True):
            raise ConfigError(f"{path}: no such file.")
    paths = [file for path in inputs for file in find_files(path)] if format == AUTO else inputs
    if format not in (AUTO, *_FORMATS):
        raise ConfigError(f"--format is '{format}', expected one of {', '.join([AUTO, *_FORMATS])}.")
    formats = [named_format(path) or "text" if format == AUTO else format for path in paths]
    # Of files in several formats each takes what its format has; what none of them has is an error.
    kinds = [text_source_class(name) for name in formats]
    used = {field for kind in kinds for field in kind.model_fields}
    return [
        reading.of({*kind.model_fields} | (reading.values.keys() - used)).section(text_source, path=path, format=name)
        for path, name, kind in zip(paths, formats, kinds, strict=True)
    ]


def reading_words(format: str, reading: Typed) -> list[str]:
    """The options that differ from their defaults, as they are typed."""
    return ([] if format == AUTO else ["--format", format]) + reading.words()
