"""What `ulmfit-tfx predict` is asked about: a file of any format, or lines of standard input."""

import dataclasses
import glob
import itertools
import os
from collections.abc import Iterator
from typing import Annotated, BinaryIO

import typer
from pydantic import ValidationError

from ulmfit_tfx.components.corpus_ingest.asked_rows import files_of, read_asked
from ulmfit_tfx.pipeline.asking import Account
from ulmfit_tfx.schemas.config.sources.asked_texts import (
    ASKED_FORMATS,
    COLUMN_FORMATS,
    AskedColumnsConfig,
    asked_texts,
)
from ulmfit_tfx.schemas.config.sources.format_by_name import format_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.answered_rows.asked import TEXT, AskedRow
from ulmfit_tfx.transforms.answered_rows.layout import Kind, columns_and_kinds
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import BLANK_LINE

Format = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help=f"Of the file, if not by its suffix: {', '.join(ASKED_FORMATS)}."),
]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", metavar="NAME", help="Column with the text. Default: text.")
]
SecondTextColumn = Annotated[
    str | None, typer.Option("--second-text-column", metavar="NAME", help="Column with the second text of a pair.")
]
IdColumn = Annotated[
    str | None, typer.Option("--id-column", metavar="NAME", help="Column that stands first in what is written.")
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", metavar="NAME", help="Of the file, any that Python knows. Default: utf-8.")
]


@dataclasses.dataclass(frozen=True)
class AskedFile:
    """Rows to be read, with all their columns.

    Attributes:
        config: Format, columns and encoding; the path may name several files.
        stream: Read in place of files, once.
        separator: Between the two texts of a pair.
    """

    config: SourceConfig
    stream: BinaryIO | None = None
    separator: str | None = None

    @classmethod
    def of(
        cls,
        file: str | None,
        format: str | None,
        text_column: str | None,
        second_text_column: str | None,
        id_column: str | None,
        encoding: str | None,
    ) -> "AskedFile | None":
        """What the options say; None where they name no file.

        Raises:
            ConfigError: The format is not known, an option is none of a format, or one needs a file.
            DataError: The file is not there, or lacks a column.
        """
        columns = {
            "text_column": text_column,
            "second_text_column": second_text_column,
            "id_column": id_column,
        }
        given = {name: value for name, value in columns.items() if value is not None}
        others = {"format": format, "encoding": encoding}
        if file is None:
            if unused := [name for name, value in (columns | others).items() if value is not None]:
                raise ConfigError(f"{_option(unused[0])} says how a file is read: name one with --file.")
            return None
        if format is not None and format not in ASKED_FORMATS:
            raise ConfigError(f"--format is '{format}', expected one of {', '.join(ASKED_FORMATS)}.")
        if not (is_remote(file) or "://" in file or glob.has_magic(file) or os.path.exists(file)):
            raise ConfigError(f"{file}: no such file.")
        format = format or _format_of(file, encoding)
        if given and format not in COLUMN_FORMATS:
            raise ConfigError(
                f"{_option(next(iter(given)))}: {file} is read as {format}, which has no columns. "
                f"Formats that have: {', '.join(COLUMN_FORMATS)}, with --format."
            )
        try:
            config = asked_texts(
                path=file, format=format, **given, **({} if encoding is None else {"encoding": encoding})
            )
        except ValidationError as error:
            [first, *_] = error.errors()
            where = _option(str(first["loc"][-1])) if first["loc"] else file
            raise ConfigError(f"{where}: {first['msg']}.") from None
        files_of(config)
        return cls(config)

    @classmethod
    def lines_of(cls, stream: BinaryIO, name: str) -> "AskedFile":
        """Lines of a stream."""
        return cls(asked_texts(path=name, format="text"), stream)

    @property
    def name(self) -> str:
        """As it was given."""
        return self.config.path

    @property
    def id_column(self) -> str | None:
        """That stands first."""
        return self.config.id_column if isinstance(self.config, AskedColumnsConfig) else None

    @property
    def has_several_files(self) -> bool:
        """Whether a line's number alone does not say where it stands."""
        return self.stream is None and len(files_of(self.config)) > 1

    def columns(self) -> dict[str, Kind]:
        """Columns and the kinds of their values. Reads all rows where they have columns of their own."""
        return columns_and_kinds(self._rows()) if isinstance(self.config, AskedColumnsConfig) else {TEXT: "text"}

    def first_with_text(self, account: Account) -> Iterator[AskedRow]:
        """The rows, read as far as the first that is not refused: a wrong file is found out before a model is loaded.

        Args:
            account: Counts them.

        Raises:
            ConfigError: There are no rows.
            DataError: All are refused.
        """
        rows = account.counting(self._rows())
        before = []
        for row in rows:
            before.append(row)
            if row.text is not None:
                return itertools.chain(before, rows)
        if not set(account.refused) - {BLANK_LINE}:
            raise ConfigError(f"there is no text to label: {self.name} is empty.")
        raise account.nothing_to_ask(self.name)

    @property
    def has_pairs(self) -> bool:
        """Whether a row has two texts."""
        return isinstance(self.config, AskedColumnsConfig) and self.config.second_text_column is not None

    def for_model(self, model: str, info: ModelInfo | None) -> "AskedFile":
        """The same, of pairs with the separator of a model.

        Raises:
            ConfigError: It knows no pairs.
        """
        if not self.has_pairs or info is None:
            return self
        if info.tokenizer.separator is None:
            raise ConfigError(f"--second-text-column: {model} was trained on single texts, not on pairs.")
        return dataclasses.replace(self, separator=info.tokenizer.separator)

    def _rows(self) -> Iterator[AskedRow]:
        if self.stream is None:
            return read_asked(self.config, self.separator)
        records = parse(self.stream, self.name, self.config, keep_all=True)
        return (AskedRow.of(record, self.name, self.config) for record in records if not isinstance(record, Drop))


def _format_of(file: str, encoding: str | None) -> str:
    """By the suffix; of an archive by what its files hold."""
    if not file.lower().endswith(".zip"):
        return format_of(file, ASKED_FORMATS, "--format")
    from ulmfit_tfx.components.corpus_ingest import recognition

    return recognition.format_of(file, ASKED_FORMATS, encoding or "utf-8")


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
