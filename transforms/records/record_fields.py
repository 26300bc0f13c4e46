"""Records with named columns, or fields, and what these give a row, whatever the format."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig
from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer
from ulmfit_tfx.transforms.records.record import RowError
from ulmfit_tfx.transforms.splitting import EVAL, TEST, TRAIN

_SPLIT_NAMES = {TRAIN: TRAIN, TEST: TEST} | dict.fromkeys([EVAL, "dev", "val", "valid", "validation"], EVAL)


class Record(NamedTuple):
    """One record.

    Attributes:
        line: Line that it begins on.
        values: Of the columns that are needed, without white space around them, all of them decodable.
        parts: All of it, for refusals.
        lists: Those values that are lists, as only JSON has them; in `values` they have commas between their items.
        names: Of the columns, where `parts` holds one of each.
    """

    line: int
    values: Mapping[str, str]
    parts: list[str]
    lists: Mapping[str, list[str]] = {}
    names: Sequence[str] = ()

    @property
    def row(self) -> str:
        """All of it, as a refusal shows it."""
        return "\t".join(self.parts)


def shared_columns(config: ColumnsConfig) -> list[str]:
    """Columns that `named_split`, `key_of` and `slices_of` need."""
    columns = [config.split_key_column]
    if isinstance(config, LabelledColumnsConfig):
        columns += [config.split_column, *config.slice_columns]
    return [column for column in columns if column is not None]


def named_split(record: Record, config: LabelledColumnsConfig) -> str | None:
    """The split that a record names itself, None where there is no `split_column`.

    Raises:
        RowError: It names none that there is.
    """
    if config.split_column is None:
        return None
    named = record.values[config.split_column]
    if named.lower() not in _SPLIT_NAMES:
        known = ", ".join(_SPLIT_NAMES)
        raise RowError(
            "unknown split", f"column '{config.split_column}' is '{excerpt(named)}', expected one of {known}"
        )
    return _SPLIT_NAMES[named.lower()]


def key_of(record: Record, config: ColumnsConfig) -> str | None:
    """What a record shares its split by, None where there is no `split_key_column`.

    Raises:
        RowError: It is empty.
    """
    if config.split_key_column is None:
        return None
    key = record.values[config.split_key_column]
    if not key:
        raise RowError("empty key", f"column '{config.split_key_column}'")
    return key


def slices_of(record: Record, config: LabelledColumnsConfig) -> tuple[tuple[str, str], ...]:
    """Names and values of a record's `slice_columns`."""
    return tuple((column, record.values[column]) for column in config.slice_columns)


def text_of(record: Record, column: str, limit: int) -> str:
    """The text in a column.

    Raises:
        RowError: It is empty, or has more than `limit` bytes.
    """
    text = record.values[column]
    if is_longer(text, limit):
        raise RowError.too_long(limit)
    if not text:
        raise RowError("empty text", f"column '{column}'")
    return text


def missing_column(source: str, what: str, name: str, names: Collection[str], hint: str) -> DataError:
    """The error about a file that lacks a column.

    Args:
        source: The file.
        what: "column" or "field".
        name: What it lacks.
        names: What it has.
        hint: A question, asked where none of these looks like the name.
    """
    near = difflib.get_close_matches(name, names, n=1)
    found = excerpt(", ".join(names))
    question = f"Did you mean '{near[0]}'?" if near else hint
    return DataError(f"{source}:1: there is no {what} '{name}'. {what.capitalize()}s: {found}. {question}")
