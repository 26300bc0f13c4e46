"""A row that a model is asked about, or that is refused before."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig, SourceConfig
from ulmfit_tfx.transforms.records.kept_columns import writable
from ulmfit_tfx.transforms.records.record import Refusal, Row

TEXT = "text"
"""Column of a format that names none."""


@dataclasses.dataclass(frozen=True)
class AskedRow:
    """A row of an input.

    Attributes:
        file: Where it comes from.
        line: That it begins on, counted from 1; None where the format has no lines.
        columns: All that the input holds of it; none where it could not be read as columns.
        text: What the model is asked. None: it is not asked.
        error: Why not.
    """

    file: str
    line: int | None
    columns: Mapping[str, Any]
    text: str | None
    error: str | None = None

    @classmethod
    def of(cls, record: Row | Refusal, file: str, config: SourceConfig) -> "AskedRow":
        """What a parser that keeps all has found.

        Args:
            record: As `formats.parse` gives it.
            file: That it was found in.
            config: Of the file.
        """
        if isinstance(record, Row):
            kept = {TEXT: record.text} if record.columns is None else record.columns
            return cls(file, record.line, kept, record.text)
        columns = record.columns
        if columns is None:
            columns = {} if isinstance(config, ColumnsConfig) else {TEXT: record.row}
        error = f"{record.reason}: {record.detail}" if record.detail else record.reason
        return cls(file, record.line, {writable(name): writable(value) for name, value in columns.items()}, None, error)
