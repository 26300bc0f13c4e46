import functools
import gzip
import json
import random

import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from sources import labelled_texts
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_ingest import executor
from ulmfit_tfx.components.corpus_ingest.executor import Executor
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shards import shards_of
from ulmfit_tfx.components.corpus_ingest.source_files import (
    check_source,
    find_files,
    fingerprint,
    source_fingerprint,
)
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.row_places import read_places
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.config.curated_schema import curated_schema
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks import task_named
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.splitting import split_of

ROWS = [
    (f"{word} film number {number}", label) for number in range(60) for word, label in [("great", "g"), ("dull", "b")]
]


def ingest(folder, config, seed=1, tagging=None, separator=None):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    properties = {"config": Ingestion(config, tagging, separator).to_json(), "path": config.path, "seed": seed}
    context = Executor.Context(beam_pipeline_args=unstaged(IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1")
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
    folder.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def labelled(path, **config):
    """Texts with labels or numbers."""
    return labelled_texts(**({"path": str(path), "format": "tsv", "max_bad_fraction": 0.5} | config))


def accounting_of(artifact):
    return Accounting.from_json(artifact.get_string_custom_property("accounting"))


def texts_of(artifact, split):
    return {row.text for row in read_rows(artifact, split)}


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
    assert accounting.quarantined == {"empty label": 1, "wrong number of columns": 1}
    assert accounting.dropped.pop("label not listed") == 1
    assert accounting.unlisted_labels == {"unheard-of": 1}
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
    artifact = ingest(tmp_path, text_source(path=str(path), format="text"))
    assert set(examples_of(artifact, "train")[0]) == {"text", "length_bucket"}


def failure(tmp_path, config, tagging=None) -> str:
    with pytest.raises(DataError) as error:
        ingest(tmp_path, config, tagging=tagging)
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
    assert ingest(tmp_path, text_source(path=str(path), format="text", splits=splits))


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
        (".", r"\.: no such file"),
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


def conll(folder, tag=lambda number: "B-x" if number % 2 else "O", name="rows.conll", first=0, count=60):
    path = folder / name
    path.write_text("\n".join(f"word{number} {tag(number)}\nend O\n" for number in range(first, first + count)))
    return path


def test_rows_of_a_regression_have_targets_weights_and_slices_and_the_range_of_the_targets_is_kept(tmp_path):
    rows = [(f"text {number}", str(number), "0.5", "pl" if number % 2 else "en") for number in range(100)]
    path = write(tmp_path, rows, header="text\tn\tw\tlang")
    config = labelled(path, target_columns=["n"], weight_column="w", slice_columns=["lang"])
    artifact = ingest(tmp_path, config)
    trained = list(read_rows(artifact, "train"))
    assert all(row.text == f"text {row.targets[0]:g}" and row.weight == 0.5 for row in trained)
    assert {row.slices for row in trained} == {(("lang", "pl"),), (("lang", "en"),)}
    numbers = [row.targets[0] for row in trained]
    accounting = accounting_of(artifact)
    assert (accounting.lowest, accounting.highest) == ({"n": min(numbers)}, {"n": max(numbers)})
    assert accounting.labels == {"train": {}, "eval": {}, "test": {}}


def test_each_of_several_labels_is_counted(tmp_path):
    rows = [(text, "a;b" if label == "g" else "") for text, label in ROWS]
    artifact = ingest(tmp_path, labelled(write(tmp_path, rows), label_separator=";"))
    trained = list(read_rows(artifact, "train"))
    assert {row.labels for row in trained} == {("a", "b"), ()}
    given = sum(bool(row.labels) for row in trained)
    assert accounting_of(artifact).labels["train"] == {"a": given, "b": given}


def test_words_have_their_tags_and_each_tag_is_counted(tmp_path):
    config = tagged_words(path=str(conll(tmp_path)), format="conll")
    artifact = ingest(tmp_path, config, tagging=TaggingConfig())
    trained = list(read_rows(artifact, "train"))
    assert all(row.words == (f"word{row.text[4:-4]}", "end") and row.tags[1] == "O" for row in trained)
    counts = accounting_of(artifact).labels["train"]
    assert counts["B-x"] == sum(row.tags[0] == "B-x" for row in trained)
    assert sum(counts.values()) == 2 * len(trained)


@pytest.mark.parametrize("files", [["path"], ["path", "eval_path", "test_path"]])
def test_sentences_without_blank_lines_between_them_stop_and_the_hint_leads_to_a_run(tmp_path, files):
    lines = [f"word{number} {tag}\n" for number in range(340) for tag in ("B-x", "I-x", "O")]
    paths = {field: tmp_path / f"{field}.conll" for field in files}
    config = tagged_words(**{field: str(path) for field, path in paths.items()}, format="conll")
    for path in paths.values():
        path.write_text("".join(lines))
    hold = "one sentence of 1,020 words" if len(files) == 1 else "3 sentences of 3,060 words together"
    message = f"{paths['path']}: holds {hold}. A blank line ends a sentence: put one after each."
    assert failure(tmp_path, config, TaggingConfig()) == message
    for field, path in paths.items():
        sentences = ("".join(lines[start : start + 3]) for start in range(0, len(lines), 3))
        path.write_text("\n".join(sentences).replace("word", field))
    artifact = ingest(tmp_path / "parted", config, tagging=TaggingConfig())
    assert sum(accounting_of(artifact).words.values()) == 1020 * len(files)


@pytest.mark.parametrize(("served", "alike"), [("punctuation", 60), ("whitespace", 0)])
def test_share_of_sentences_that_serving_cuts_into_the_same_words_is_counted_and_logged(
    tmp_path, caplog, served, alike
):
    path = tmp_path / "rows.conll"
    path.write_text("\n".join(f"Rome{number} B-x\n. O\n" for number in range(60)))
    config = tagged_words(path=str(path), format="conll")
    accounting = accounting_of(ingest(tmp_path, config, tagging=TaggingConfig(words=served)))
    assert (accounting.recut, accounting.served_cut) == ({"punctuation": 60, "whitespace": 0, "recut": 60}, served)
    assert ("With tagging.words: punctuation it would be 100.0 %" in caplog.text) == (alike == 0)


def test_message_of_a_parser_ends_with_its_hint(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"text": "a", "ner": [{"start": 0, "end": 1, "labels": ["x"]}]}]')
    message = failure(tmp_path, tagged_words(path=str(path), format="label_studio"), TaggingConfig())
    assert message.endswith("Set it to [ner], or to [label, ner] to read both.")


def test_several_tags_of_a_word_are_counted_one_by_one(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps([[f"word{number}", ["x", "y"]], ["b", []]]) for number in range(60)))
    config = tagged_words(path=str(path), format="jsonl")
    artifact = ingest(tmp_path, config, tagging=TaggingConfig(scheme="plain", tag_separator="|"))
    accounting = accounting_of(artifact)
    assert accounting.labels["train"] == dict.fromkeys(["x", "y"], accounting.rows["train"])


def test_label_map_and_label_file_are_read(tmp_path):
    path, names, labels = tmp_path / "rows.jsonl", tmp_path / "names.json", tmp_path / "labels.txt"
    path.write_text("\n".join(json.dumps([[f"word{number}", number % 3]]) for number in range(90)))
    names.write_text('{"0": "O", "1": "B-x", "2": "I-x"}')
    labels.write_text("\ufeffO\n\nB-x\n")
    files = {"label_map": str(names), "label_file": str(labels), "max_bad_fraction": 0.5}
    artifact = ingest(tmp_path, tagged_words(path=str(path), format="jsonl", **files), tagging=TaggingConfig())
    accounting = accounting_of(artifact)
    assert accounting.quarantined == {"unknown tag": 30}
    assert set(accounting.labels["train"]) == {"O", "B-x"}


def test_split_column_says_the_split(tmp_path):
    parts = ["train", "dev", "test", "train"]
    rows = [(text, label, parts[number // 2 % 4]) for number, (text, label) in enumerate(ROWS)]
    artifact = ingest(tmp_path, labelled(write(tmp_path, rows, header="text\tlabel\tpart"), split_column="part"))
    for split, part in (("train", "train"), ("eval", "dev"), ("test", "test")):
        assert texts_of(artifact, split) == {text for text, _, named in rows if named == part}


def test_files_of_eval_and_test_are_those_splits_and_the_others_are_trained_on(tmp_path):
    paths = {
        name: write(tmp_path, ROWS[start : start + 40], f"{name}.tsv")
        for name, start in (("a", 0), ("b", 40), ("c", 80))
    }
    config = labelled(paths["a"], eval_path=str(paths["b"]), test_path=str(paths["c"]))
    artifact = ingest(tmp_path, config)
    for split, start in (("train", 0), ("eval", 40), ("test", 80)):
        assert texts_of(artifact, split) == {text for text, _ in ROWS[start : start + 40]}


def test_rows_are_shared_out_in_proportion_among_the_splits_without_a_file(tmp_path):
    rows, others = ROWS[:100], ROWS[100:]
    splits = SplitsConfig(train=0.3, eval=0.4, test=0.3)
    path, tests = write(tmp_path, rows), write(tmp_path, others, "test.tsv")
    artifact = ingest(tmp_path, labelled(path, test_path=str(tests), splits=splits))
    assert texts_of(artifact, "test") == {text for text, _ in others}
    shares = SplitsConfig(train=3 / 7, eval=4 / 7, test=0)
    assert texts_of(artifact, "train") == {text for text, _ in rows if split_of(text, 1, shares) == "train"}
    assert texts_of(artifact, "train") | texts_of(artifact, "eval") == {text for text, _ in rows}


def test_second_text_is_joined_by_the_separator_that_is_given(tmp_path):
    rows = [(text, label, "more") for text, label in ROWS]
    config = labelled(write(tmp_path, rows, header="text\tlabel\tother"), second_text_column="other")
    artifact = ingest(tmp_path, config, separator="||")
    assert all(text.endswith(" || more") for text in texts_of(artifact, "train"))


@pytest.mark.parametrize(
    ("task", "config", "tagging"),
    [
        ("classification", {"weight_column": "w", "slice_columns": ["lang"]}, None),
        ("classification", {"label_separator": "g"}, None),
        ("regression", {"target_columns": ["w", "n"]}, None),
        ("tagging", {"format": "spans_tsv", "spans_column": "lang", "slice_columns": ["lang"]}, TagsConfig()),
    ],
)
def test_what_is_written_is_as_the_curated_schema_has_it(tmp_path, task, config, tagging):
    rows = [(f"{text} pl", label, str(number % 3), str(number), "pl") for number, (text, label) in enumerate(ROWS)]
    path = write(tmp_path, rows, header="text\tlabel\tw\tn\tlang")
    config = labelled(path, **config) if tagging is None else tagged_words(path=str(path), **config)
    artifact = ingest(tmp_path, config, tagging=tagging)
    statistics = tfdv.generate_statistics_from_tfrecord(f"{artifact.uri}/Split-train/*")
    schema = text_format.Parse(curated_schema(task_named(task).schema(config), config), schema_pb2.Schema())
    assert not tfdv.validate_statistics(statistics, schema).anomaly_info


def test_equal_targets_stop(tmp_path):
    rows = [(text, "5") for text, _ in ROWS]
    config = labelled(write(tmp_path, rows, header="text\tn"), target_columns=["n"])
    assert "column 'n' is 5 in all rows of the train split" in failure(tmp_path, config)


def test_no_label_at_all_stops(tmp_path):
    config = labelled(write(tmp_path, [(text, "") for text, _ in ROWS]), label_separator=";")
    assert "column 'label' holds no label in the train split" in failure(tmp_path, config)


def test_one_tag_only_stops(tmp_path):
    config = tagged_words(path=str(conll(tmp_path, tag=lambda _: "O")), format="conll")
    assert "the train split holds one tag only, 'O'" in failure(tmp_path, config, TaggingConfig())


def test_tag_that_is_never_trained_is_logged(tmp_path, caplog):
    train, tests = conll(tmp_path), conll(tmp_path, lambda _: "B-y", "test.conll", 60, 10)
    config = tagged_words(path=str(train), format="conll", test_path=str(tests))
    assert accounting_of(ingest(tmp_path, config, tagging=TaggingConfig())).labels["test"] == {"B-y": 10, "O": 10}
    assert "Tags in the test split that never occur in train: B-y" in caplog.text


def test_split_that_is_named_by_no_row_stops(tmp_path):
    rows = [(text, label, "train" if number % 4 < 2 else "dev") for number, (text, label) in enumerate(ROWS)]
    config = labelled(write(tmp_path, rows, header="text\tlabel\tpart"), split_column="part")
    assert "the test split is empty: column 'part' names it in no row" in failure(tmp_path, config)


def test_file_without_rows_stops(tmp_path):
    config = labelled(write(tmp_path, ROWS), eval_path=str(write(tmp_path, [], "eval.tsv")))
    assert "the eval split is empty: there are no rows left of " in failure(tmp_path, config)


def test_file_in_two_splits_is_an_error(tmp_path):
    path = write(tmp_path, ROWS)
    with pytest.raises(DataError, match=r"rows\.tsv: eval_path and another path of the source both name it"):
        check_source(labelled(tmp_path / "*.tsv", eval_path=str(path)))


def test_header_of_every_file_is_checked(tmp_path):
    tests = write(tmp_path, ROWS, "test.tsv", header="text\tlabels")
    with pytest.raises(DataError, match=r"test\.tsv:1: there is no column 'label'"):
        check_source(labelled(write(tmp_path, ROWS), test_path=str(tests)))


@pytest.mark.parametrize(
    ("field", "content", "expected"),
    [
        ("label_file", None, r"labels: no such file"),
        ("label_file", b"one\n", r"labels: lists 1 labels, expected two or more"),
        ("label_file", b"caf\xe9\nb\n", r"labels: is not utf-8"),
        ("label_file", b"a\nb\n", r"labels: lists no 'g', which data\.label_names names"),
        ("label_map", b"[]", r"labels: expected a JSON object"),
    ],
)
def test_file_of_labels_that_cannot_be_used_is_an_error(tmp_path, field, content, expected):
    file = tmp_path / "labels"
    if content is not None:
        file.write_bytes(content)
    named = {field: str(file)}
    if field == "label_map":
        config = tagged_words(path=str(write(tmp_path, ROWS)), format="jsonl", **named)
    else:
        config = labelled(write(tmp_path, ROWS), label_names={"g": "good"}, **named)
    with pytest.raises(DataError, match=expected):
        check_source(config)


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (("billing", "tech"), {"biling": "Billing"}, r"names 'biling', which never occurs .* Did you mean 'billing'\?"),
        (("01", "02"), {"1": "good", "02": "bad"}, r'YAML reads 01 as the number 1: write "01", in quotes'),
        (("a", "b"), {"positive": "good"}, r"Labels there: a, b"),
        (("a", "b"), {"a": "b"}, r"the name 'b' of label 'a' is also a label of the data"),
    ],
)
def test_names_of_labels_that_match_nothing_or_two_are_an_error(tmp_path, labels, names, expected):
    rows = [(f"text {number}", labels[number % 2]) for number in range(60)]
    with pytest.raises(DataError, match=expected):
        ingest(tmp_path, labelled(write(tmp_path, rows), label_names=names))


def test_fingerprint_of_a_source_covers_all_its_files(tmp_path):
    fields = ["eval_path", "test_path", "label_file", "label_map"]
    files = {field: write(tmp_path, ROWS[:4], field) for field in fields}
    path = write(tmp_path, ROWS)
    assert source_fingerprint(labelled(path)) == fingerprint(str(path))
    config = tagged_words(path=str(path), format="jsonl", **{field: str(file) for field, file in files.items()})
    seen = {source_fingerprint(config)}
    for file in [path, *files.values()]:
        file.write_text(file.read_text() + "more\n")
        seen.add(source_fingerprint(config))
    assert len(seen) == 6


def test_parameter_is_that_of_the_source_where_no_other_section_matters():
    source = labelled("rows.tsv")
    assert Ingestion(source, separator="[SEP]").to_json() == source.model_dump_json()
    pairs = labelled("rows.tsv", second_text_column="other")
    assert Ingestion(pairs, separator="||").to_json() != Ingestion(pairs).to_json()
    tagged = [
        Ingestion(source, TaggingConfig(**values)).to_json()
        for values in ({}, {"decoder": "crf"}, {"words": "whitespace"})
    ]
    assert tagged[0] == tagged[1] != tagged[2]


def test_parameter_is_read_as_it_was_written():
    pairs = labelled("rows.tsv", second_text_column="other")
    for ingestion in (
        Ingestion(text_source(path="rows", format="text")),
        Ingestion(pairs, separator="||"),
        Ingestion(
            tagged_words(path="rows", format="conll"), TagsConfig(scheme="plain", tag_separator=",", words="whitespace")
        ),
    ):
        assert Ingestion.from_json(ingestion.to_json()) == ingestion


def test_column_that_names_train_and_test_only_says_how_to_take_eval_from_train(tmp_path):
    rows = [(text, label, "test" if number % 5 == 0 else "train") for number, (text, label) in enumerate(ROWS)]
    path = write(tmp_path, rows, header="text\tlabel\tpart")
    message = failure(tmp_path, labelled(path, split_column="part"))
    assert "the eval split is empty: column 'part' names it in no row." in message
    assert message.endswith("set data.eval_from_train: true.")
    splits = SplitsConfig(train=0.6, eval=0.4, test=0)
    artifact = ingest(tmp_path / "shared", labelled(path, split_column="part", eval_from_train=True, splits=splits))
    assert texts_of(artifact, "test") == {text for text, _, part in rows if part == "test"}
    train, held_back = texts_of(artifact, "train"), texts_of(artifact, "eval")
    assert train | held_back == {text for text, _, part in rows if part == "train"}
    assert not train & held_back
    assert len(held_back) / 96 == pytest.approx(0.4, abs=0.15)


def test_rows_without_a_label_are_counted_as_dropped_and_not_as_malformed(tmp_path):
    config = labelled(write(tmp_path, [*ROWS, *[("no label", "")] * 9]), rows_without_label="drop", max_bad_fraction=0)
    accounting = accounting_of(ingest(tmp_path, config))
    assert (accounting.dropped, accounting.quarantined) == ({"without a label": 9}, {})
    assert accounting.rows_in == len(ROWS) + 9


def test_columns_of_labels_are_labels_by_their_names(tmp_path):
    rows = [(text, str(int(label == "g")), str(int(label == "b"))) for text, label in ROWS]
    path = write(tmp_path, rows, header="text\tgood\tbad")
    accounting = accounting_of(ingest(tmp_path, labelled(path, label_column=["good", "bad"])))
    assert sum(accounting.labels[split]["good"] for split in accounting.labels) == 60


def test_rows_that_are_not_utf_8_stop_with_the_encoding_that_reads_them(tmp_path):
    rows = [(f"{text} naïve \u2013 café", label) for text, label in ROWS]
    path = write(tmp_path, rows)
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    message = failure(tmp_path, labelled(path))
    assert "(not utf-8: 120)" in message
    assert "The file looks like cp1252 (naïve, \u2013, café)" in message
    assert "set data.encoding to " in message
    assert {text for text, _ in rows} >= texts_of(ingest(tmp_path / "read", labelled(path, encoding="cp1252")), "train")


def test_latin_1_for_cp1252_is_remarked_and_cp1252_is_not(tmp_path):
    path = write(tmp_path, [*ROWS, ("so it isn\u2019t", "g"), ("naïve", "g")])
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    remarks = accounting_of(ingest(tmp_path, labelled(path, encoding="latin-1"))).remarks
    assert remarks == {"texts with control characters: this looks like cp1252, not latin-1": 1}
    assert accounting_of(ingest(tmp_path / "2", labelled(path, encoding="cp1252"))).remarks == {}


def test_place_of_each_row_is_where_its_text_stands_in_all_splits_of_cut_files(tmp_path, monkeypatch):
    monkeypatch.setattr(executor, "shards_of", functools.partial(shards_of, shard_bytes=600))
    parts = ["train", "test"]
    rows = [(text, label, parts[number % 5 == 0]) for number, (text, label) in enumerate([*ROWS, *ROWS[:9]])]
    rows[7:7] = [("x",), ("refused", "", "train")]
    paths = [
        write(tmp_path / "rows", of_file, name, "text\tlabel\tpart")
        for name, of_file in (("a.tsv", rows), ("b.tsv", [("a short one", "g", "train")]))
    ]
    config = labelled(
        tmp_path / "rows",
        split_column="part",
        eval_from_train=True,
        splits=SplitsConfig(train=0.5, eval=0.5, test=0),
        corpus_cleanup={"deduplicate": "exact"},
    )
    artifact = ingest(tmp_path, config)
    lines = {str(path): path.read_text().splitlines() for path in paths}
    for split in ("train", "eval", "test"):
        texts, places = [row.text for row in read_rows(artifact, split)], read_places(artifact, split)
        assert len(places) == len(texts) > 10
        for text, place in zip(texts, places, strict=True):
            assert lines[place.file][place.line - 1].split("\t")[0] == text
            assert place.record == place.line - 1, "there are no blank lines"
    assert not list((tmp_path / "examples").rglob("unfinished"))
