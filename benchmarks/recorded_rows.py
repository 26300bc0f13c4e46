"""Rows of a benchmark in a JSON file: a rerun measures only those that are missing."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class RecordedRows:
    """What was measured, by what it was measured of and with which settings.

    The file is `{"machine": ..., "rows": [{"key": ..., "measured": ...}]}`. Versions are no part of a key: after an
    upgrade, or a change of the code, take another file.
    """

    def __init__(self, path: Path | None, machine: Mapping[str, Any]):
        """Reads the rows of an earlier run.

        Args:
            path: The file, which need not exist yet. None: rows are not kept.
            machine: What is measured on.

        Raises:
            ValueError: The file is of another machine: rows would not compare.
        """
        self.path = path
        self.machine = dict(machine)
        self.rows: list[Row] = []
        self.taken_over = 0
        if path is None or not path.exists():
            return
        earlier = json.loads(path.read_text())
        if earlier["machine"] != self.machine:
            raise ValueError(
                f"{path} was measured on {earlier['machine']}, this is {self.machine}: rows would not compare. "
                "Name another file."
            )
        self.rows = earlier["rows"]

    def measured(self, key: Mapping[str, Any], measure: Callable[[], Row]) -> Row:
        """The row of a key: of an earlier run, or measured now and kept at once.

        Args:
            key: What is measured and with which settings, as JSON values.
            measure: Measures it.
        """
        normal = json.loads(json.dumps(key))
        for row in self.rows:
            if row["key"] == normal:
                self.taken_over += 1
                return row["measured"]
        row = json.loads(json.dumps({"key": normal, "measured": measure()}))
        self.rows.append(row)
        self._write()
        return row["measured"]

    def _write(self) -> None:
        """Replaces the file in one go: a kill leaves the old one or the new one."""
        if self.path is None:
            return
        unfinished = self.path.with_name(f"{self.path.name}.unfinished")
        unfinished.write_text(json.dumps({"machine": self.machine, "rows": self.rows}, indent=2) + "\n")
        os.replace(unfinished, self.path)
