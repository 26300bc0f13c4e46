"""Writes rows as tab-separated values that a spreadsheet, pandas and line-wise tools read alike."""

import csv
import io
from collections.abc import Mapping, Sequence

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPED |= {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}
_ESCAPED |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029)}


def to_tsv(records: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    r"""A header line and a line a record, as `csv.DictReader(dialect="excel-tab")` reads them.

    Backslashes, control characters and line separators are written as Python writes them in a string, so that a record
    is a line and no value holds a tab.

    >>> to_tsv([{"text": "two\nlines", "label": "a"}], ["text", "label"])
    'text\tlabel\ntwo\\nlines\ta\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, dialect="excel-tab", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([record[column].translate(_ESCAPED) for column in columns] for record in records)
    return file.getvalue()
