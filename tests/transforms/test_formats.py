import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config import TaggingConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

HEADERS = {
    "csv": b"text,label,value,n\n",
    "tsv": b"text\tlabel\tvalue\tn\n",
    "spans_csv": b"text,value\n",
    "spans_tsv": b"text\tvalue\n",
    "label_studio": b'[{"text": "a b", "label": [',
    "conllu": b"1\ta\t_\tNOUN\t_\tA=b\t0\troot\t_\t_\n",
}
FORMATS = ["csv", "tsv", "jsonl", "conll", "conllu", "spans_tsv", "spans_csv", "label_studio"]

telling = st.lists(
    st.sampled_from([*'ab*,;[]{}"\\#|=-_1\t \n\r', "\ud83d", "😀", "1\ta\t_\t", "text", "label", "start"])
)
pieces = st.one_of(
    st.binary(max_size=200), telling.map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")[:300])
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "label_separator": st.just(";"),
        "target_columns": st.just(("n",)),
        "weight_column": st.just("n"),
        "split_column": st.just("label"),
        "second_text_column": st.just("value"),
        "tag_field": st.sampled_from(["upos", "feats", "A"]),
        "max_row_bytes": st.sampled_from([10, 60]),
    },
)


@settings(deadline=None, max_examples=300)  # the first text builds the graph that cuts it into words
@given(st.sampled_from(FORMATS), st.booleans(), pieces, configs, st.sampled_from([("bio", None), ("plain", "|")]))
@example("conllu", False, b"# global.columns = \n1  a", {}, ("plain", None))
@example("conllu", False, b"# global.columns = a\n1  a", {}, ("plain", None))
def test_any_bytes_give_rows_and_refusals_or_an_error_for_people(name, has_header, body, values, scheme):
    if name.startswith("spans"):
        values = {key: value for key, value in values.items() if key != "split_column"}
    config = LabelledSourceConfig(path="rows", format=name, **values)
    stream = io.BytesIO((HEADERS.get(name, b"") if has_header else b"") + body)
    tagging = TaggingConfig(scheme=scheme[0], tag_separator=scheme[1])
    try:
        records = list(parse(stream, "rows", config, tagging))
    except DataError:
        return
    for record in records:
        assert isinstance(record, Row | Refusal)
        if isinstance(record, Row):
            record.text.encode()
            assert record.text
            assert len(record.words) == len(record.tags)
            assert all(record.words)
            assert bool(record.words)
        else:
            str(record).encode()
            record.row.encode()
