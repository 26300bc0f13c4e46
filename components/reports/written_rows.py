"""Rows that PredictionWriter wrote, in their order, and what their columns are."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ulmfit_tfx.schemas.config.sources.asked_texts import AskedColumnsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow
from ulmfit_tfx.transforms.answered_rows.layout import ERROR, FILE, LINE, Kind, Layout

COLUMNS_FILE = "columns.json"


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        files: Of the input, sorted.
        columns: Of the input, with the kinds of their values.
    """

    files: Sequence[str]
    columns: Mapping[str, Kind]

    @classmethod
    def read(cls, folder: Path) -> "Written":
        """What stands beside the rows."""
        return cls(**json.loads((folder / COLUMNS_FILE).read_text(encoding="utf-8")))

    def layout(self, answers: Mapping[str, Kind], source: SourceConfig) -> Layout:
        """The columns of a file with these rows.

        Args:
            answers: Columns of the answers.
            source: Where the rows come from.
        """
        id_column = source.id_column if isinstance(source, AskedColumnsConfig) else None
        return Layout(self.columns, answers, id_column, with_file=len(self.files) > 1)


def row_files(folder: Path) -> list[Path]:
    """Files of rows, in their order."""
    return sorted(folder.glob("predictions-*.jsonl"))


def read_rows(folder: Path, layout: Layout) -> Iterator[AnsweredRow]:
    """The rows again.

    Args:
        folder: Of PredictionWriter.
        layout: That they were written with.
    """
    for file in row_files(folder):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield _row(json.loads(line), layout)


def _row(values: Mapping[str, Any], layout: Layout) -> AnsweredRow:
    names = layout.names
    columns = {name: values[name] for name in layout.columns}
    file = values[names[FILE]] if layout.with_file else ""
    error = values[names[ERROR]]
    answer = None if error is not None else {name: values[names[name]] for name in layout.answers}
    return AnsweredRow(AskedRow(file, values[names[LINE]], columns, None, error), answer)
