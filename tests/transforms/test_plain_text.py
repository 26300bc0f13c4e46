import io

from ulmfit_tfx.schemas.source_config import SourceConfig
from ulmfit_tfx.transforms.records.plain_text import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row


def test_each_line_is_a_row_and_bad_ones_are_refused_with_their_number():
    content = b"One.\n\n  Two.\r\ncaf\xe9\n" + b"x" * 101 + b"\nLast, without line end"
    records = list(parse(io.BytesIO(content), "a.txt", SourceConfig(path="a.txt", format="text", max_row_bytes=100)))
    assert [record for record in records if isinstance(record, Row)] == [
        Row("One."),
        Row("Two."),
        Row("Last, without line end"),
    ]
    assert [(r.line, r.reason) for r in records if isinstance(r, Refusal)] == [(4, "not utf-8"), (5, "row too long")]
