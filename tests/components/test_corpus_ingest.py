import gzip
import json
import random

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_ingest.accounting import Accounting
from ulmfit_tfx.components.corpus_ingest.executor import Executor
from ulmfit_tfx.components.corpus_ingest.source_files import find_files, fingerprint
from ulmfit_tfx.schemas.config import LabelledSourceConfig, SourceConfig, SplitsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import split_of

ROWS = [
    (f"{word} film number {number}", label) for number in range(60) for word, label in [("great", "g"), ("dull", "b")]
]


def ingest(folder, config, seed=1):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    properties = {"config": config.model_dump_json(), "seed": seed}
    context = Executor.Context(beam_pipeline_args=["--runner=DirectRunner"], tmp_dir=str(folder / "tmp"), unique_id="1")
    Executor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


def examples_of(artifact, split):
    files = tf.io.gfile.glob(f"{artifact.uri}/Split-{split}/*")
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    return [
        {
            name: feature.bytes_list.value[0].decode()
            for name, feature in tf.train.Example.FromString(record).features.feature.items()
        }
        for record in records
    ]


def write(folder, rows, name="rows.tsv", header="text\tlabel"):
    path = folder / name
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def labelled(path, **config):
    return LabelledSourceConfig(**({"path": str(path), "format": "tsv", "max_bad_fraction": 0.5} | config))


def test_every_row_is_written_once_with_its_label_and_length_bucket(tmp_path):
    artifact = ingest(tmp_path, labelled(write(tmp_path, ROWS), length_buckets=[3, 9]))
    found = [example for split in ("train", "eval", "test") for example in examples_of(artifact, split)]
    assert sorted((row["text"], row["label"]) for row in found) == sorted(ROWS)
    assert {row["length_bucket"] for row in found} == {"4-9 words"}


def test_rows_in_are_rows_out_quarantined_and_dropped(tmp_path):
    bad = [("no label", ""), ("x",), ("fine", "unheard-of")]
    config = labelled(write(tmp_path, ROWS + bad), labels=["g", "b"], sample_fraction=0.8)
    artifact = ingest(tmp_path, config)
    accounting = Accounting.from_json(artifact.get_string_custom_property("accounting"))
    assert accounting.rows_in == len(ROWS) + 3
    assert accounting.quarantined == {"empty label": 1, "unknown label": 1, "wrong number of columns": 1}
    assert sum(accounting.dropped.values()) == len(ROWS) - sum(accounting.rows.values()) > 0
    assert sum(accounting.labels["train"].values()) == accounting.rows["train"]
    assert json.loads((tmp_path / "examples" / "accounting.json").read_text())["rows"] == accounting.rows


def test_fraction_of_the_train_split_leaves_the_other_splits_whole_and_counts_what_it_drops(tmp_path):
    path = write(tmp_path, ROWS)
    whole, few, fewer = (
        ingest(tmp_path / str(share), labelled(path, train_fraction=share)) for share in (1.0, 0.5, 0.2)
    )
    for split in ("eval", "test"):
        assert sorted(row["text"] for row in examples_of(few, split)) == sorted(
            row["text"] for row in examples_of(whole, split)
        )
    kept, half, fifth = ({row["text"] for row in examples_of(each, "train")} for each in (whole, few, fewer))
    assert fifth < half < kept, "a smaller share is a part of a larger one"
    assert len(half) / len(kept) == pytest.approx(0.5, abs=0.15)
    accounting = Accounting.from_json(few.get_string_custom_property("accounting"))
    assert accounting.dropped == {"not in the share of the train split": len(kept) - len(half)}
    assert accounting.rows_in == len(ROWS)


def test_fraction_of_the_train_split_is_chosen_by_the_seed_and_apart_from_the_sample(tmp_path):
    path = write(tmp_path, ROWS)
    splits = SplitsConfig(train=0.9, eval=0.1, test=0)

    def trained(seed=1, **shares):
        artifact = ingest(tmp_path / f"{seed}-{shares}", labelled(path, splits=splits, **shares), seed)
        return {row["text"] for row in examples_of(artifact, "train")}

    share, sample = trained(train_fraction=0.5), trained(sample_fraction=0.5)
    both = trained(train_fraction=0.5, sample_fraction=0.5)
    assert both == share & sample
    assert len(both) / len(sample) == pytest.approx(0.5, abs=0.2)
    assert trained(seed=2, train_fraction=0.5) != share


def test_quarantine_names_file_line_reason_and_row(tmp_path):
    path = write(tmp_path, [("x",), *ROWS])
    ingest(tmp_path, labelled(path))
    (line,) = [
        line for file in (tmp_path / "examples" / "quarantine").iterdir() for line in file.read_text().splitlines()
    ]
    assert json.loads(line) == {
        "source": str(path),
        "line": 2,
        "reason": "wrong number of columns",
        "detail": "1, expected 2",
        "row": "x",
    }


def test_splits_depend_on_neither_order_nor_file(tmp_path):
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    write(tmp_path, shuffled[:50], "part-1.tsv")
    write(tmp_path, shuffled[50:], "part-2.tsv")
    one = ingest(tmp_path / "one", labelled(write(tmp_path, ROWS)))
    two = ingest(tmp_path / "two", labelled(tmp_path / "part-*.tsv"))
    for split in ("train", "eval", "test"):
        texts = [sorted(row["text"] for row in examples_of(artifact, split)) for artifact in (one, two)]
        assert texts[0] == texts[1]
        assert texts[0]


def test_duplicate_texts_share_a_split(tmp_path):
    artifact = ingest(tmp_path, labelled(write(tmp_path, ROWS + ROWS)))
    texts = {split: {row["text"] for row in examples_of(artifact, split)} for split in ("train", "eval", "test")}
    assert not texts["train"] & texts["eval"]
    assert not (texts["train"] | texts["eval"]) & texts["test"]


def test_plain_text_gives_unlabelled_examples(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(text for text, _ in ROWS))
    artifact = ingest(tmp_path, SourceConfig(path=str(path), format="text"))
    assert set(examples_of(artifact, "train")[0]) == {"text", "length_bucket"}


def failure(tmp_path, config) -> str:
    with pytest.raises(DataError) as error:
        ingest(tmp_path, config)
    return str(error.value)


def test_too_many_malformed_rows_stop_with_the_first_of_them(tmp_path):
    path = write(tmp_path, [*ROWS, ("x",), ("y",)])
    message = failure(tmp_path, labelled(path, max_bad_fraction=0.01))
    assert message.startswith("2 of 122 rows are malformed (wrong number of columns: 2)")
    assert f"{path}:122: wrong number of columns: 1, expected 2" in message


def test_file_in_another_encoding_stops_as_malformed(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_bytes(b"text\tlabel\n" + "caf\xe9\tg\n".encode("latin-1") * 20)
    assert "20 of 20 rows are malformed (not utf-8: 20)" in failure(tmp_path, labelled(path))
    assert ingest(tmp_path / "read", labelled(write(tmp_path, ROWS), encoding="latin-1"))


@pytest.mark.parametrize(("written", "configured"), [("utf-8", "utf-16"), ("utf-16", "utf-32")])
def test_file_that_cannot_be_decoded_at_all_is_named(tmp_path, written, configured):
    path = tmp_path / "rows.tsv"
    path.write_bytes("text\tlabel\nfine\tg\n".encode(written))
    message = failure(tmp_path, labelled(path, encoding=configured))
    assert f"{path}: is not {configured}" in message


def test_truncated_or_wrong_compressed_file_is_named(tmp_path):
    packed = gzip.compress(write(tmp_path, ROWS).read_bytes())
    for content in (packed[: len(packed) // 2], b"plain text"):
        path = tmp_path / "rows.tsv.gz"
        path.write_bytes(content)
        with pytest.raises(Exception, match=r"rows\.tsv\.gz: cannot be read: "):
            ingest(tmp_path, labelled(path))


def test_missing_column_stops_with_those_that_are_there(tmp_path):
    path = write(tmp_path, ROWS, header="review\tlabel")
    assert "there is no column 'text'. Columns: review, label." in failure(tmp_path, labelled(path))


def test_empty_file_stops(tmp_path):
    path = tmp_path / "rows.tsv"
    path.touch()
    assert "the file is empty" in failure(tmp_path, labelled(path))


def test_header_alone_stops(tmp_path):
    assert "no rows below the header" in failure(tmp_path, labelled(write(tmp_path, [])))


def test_one_class_only_stops(tmp_path):
    rows = [row for row in ROWS if row[1] == "g"]
    assert "holds one class only in the train split, 'g'" in failure(tmp_path, labelled(write(tmp_path, rows)))


def test_label_never_seen_in_training_stops(tmp_path):
    splits = SplitsConfig(train=0.5, eval=0.5, test=0)
    rare = [("one of a kind " + "x" * number, f"rare-{number}") for number in range(8)]
    message = failure(tmp_path, labelled(write(tmp_path, ROWS + rare), splits=splits))
    assert "in the eval split and never in train" in message


def test_zero_test_rows_stop_before_anything_is_trained(tmp_path):
    splits = SplitsConfig(train=0.5, eval=0.4999, test=0.0001)
    assert "the test split is empty" in failure(tmp_path, labelled(write(tmp_path, ROWS), splits=splits))


def test_one_class_in_eval_stops(tmp_path):
    rows = [(text, label) for text, label in ROWS if label == "g"] + [("a single dull film", "b")]
    splits = next(
        split
        for split in (SplitsConfig(train=share / 10, eval=1 - share / 10, test=0) for share in range(9, 0, -1))
        if split_of("a single dull film", 1, split) == "train"
    )
    message = failure(tmp_path, labelled(write(tmp_path, rows), splits=splits))
    assert "the eval split holds one class only, 'g'" in message


def test_unlabelled_corpus_needs_a_train_split_only(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("one line\n")
    splits = SplitsConfig(train=1, eval=0, test=0)
    assert ingest(tmp_path, SourceConfig(path=str(path), format="text", splits=splits))


def test_zero_eval_rows_stop(tmp_path):
    splits = SplitsConfig(train=1, eval=0, test=0)
    message = failure(tmp_path, labelled(write(tmp_path, ROWS), splits=splits))
    assert "the eval split is empty: 120 rows are split by train 1, eval 0, test 0" in message


def test_row_of_a_megabyte_is_quarantined(tmp_path):
    path = write(tmp_path, [*ROWS, ("x" * 1_100_000, "g")])
    artifact = ingest(tmp_path, labelled(path))
    accounting = Accounting.from_json(artifact.get_string_custom_property("accounting"))
    assert accounting.quarantined == {"row too long": 1}
    assert sum(accounting.rows.values()) == len(ROWS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nowhere.tsv", "no such file"),
        (".", "is a folder. Name its files"),
        ("package://no_such_package/rows.tsv", "the Python package 'no_such_package' is not installed"),
        ("package://numpy/rows.tsv", "no such file"),
        ("package://no_such.part/rows.tsv", "is not installed"),
        ("foo://bucket/rows.tsv", "cannot be looked up"),
    ],
)
def test_path_that_leads_nowhere_is_an_error(tmp_path, monkeypatch, path, expected):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=expected):
        find_files(path)


def test_fingerprint_follows_the_content_not_the_time(tmp_path):
    path = write(tmp_path, ROWS)
    before = fingerprint(str(path))
    path.write_bytes(path.read_bytes())
    assert fingerprint(str(path)) == before
    write(tmp_path, [*ROWS[:-1], ("another text", "b")])
    assert fingerprint(str(path)) != before


def test_compressed_file_is_read_by_its_suffix(tmp_path):
    plain = write(tmp_path, ROWS)
    packed = tmp_path / "rows.tsv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    artifact = ingest(tmp_path, labelled(packed))
    assert sum(Accounting.from_json(artifact.get_string_custom_property("accounting")).rows.values()) == len(ROWS)
