"""A teacher's rows on their way beside labelled ones."""

import collections
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import labelled_texts
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_ingest import executor as corpus_ingest
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.transfer_merge.executor import Executor
from ulmfit_tfx.components.transfer_merge.merging import (
    HELD_OUT,
    JOINED,
    REPEATED,
    Merging,
    TeacherAnswers,
    digests_of,
    spread,
)
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.record import Row

LABELLED = [
    (f"{word} film number {number}", label) for number in range(40) for word, label in [("great", "g"), ("dull", "b")]
]


def ingested(folder, ingestion, inputs=None):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    properties = {"config": ingestion.to_json(), "path": ingestion.source.path, "seed": 1}
    context = corpus_ingest.Executor.Context(
        beam_pipeline_args=unstaged(IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    corpus_ingest.Executor(context).Do(inputs or {}, {"examples": [artifact]}, properties)
    return artifact


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gold")
    path = folder / "rows.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in LABELLED))
    names = {"g": "good", "b": "bad"}
    return ingested(folder / "examples", Ingestion(labelled_texts(path=str(path), format="tsv", label_names=names)))


def merged(folder, gold, rows, **fields):
    path = folder / "taught.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "probabilities": answer}) for text, answer in rows))
    config = TaughtTextsConfig(path=str(path), format="jsonl", **fields)
    ingestion = Ingestion(config, class_names={"g": "good", "b": "bad"})
    transfer = ingested(folder / "transfer", ingestion, {"gold": [gold]})
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "merged")
    Executor().Do({"gold": [gold], "transfer": [transfer]}, {"examples": [artifact]}, {})
    return artifact, transfer


def texts(artifact, split):
    return [row.text for row in read_rows(artifact, split)]


def accounting_of(artifact):
    return Accounting.from_json(artifact.get_string_custom_property("accounting"))


def test_texts_of_eval_and_test_are_left_out_and_counted(tmp_path, gold):
    held_out = texts(gold, "eval") + texts(gold, "test")
    assert len(held_out) > 5
    rows = [(text, {"good": 1}) for text in [*held_out, "a new text"]]
    artifact, _ = merged(tmp_path, gold, rows)
    assert not {*texts(artifact, "train")} & {*held_out}
    assert "a new text" in texts(artifact, "train")
    accounting = accounting_of(artifact)
    assert accounting.dropped == {HELD_OUT: len(held_out)}
    assert sum(accounting.rows.values()) + len(held_out) == accounting.rows_in
    assert texts(artifact, "eval") == texts(gold, "eval")


def test_labelled_row_has_its_label_and_its_teacher(tmp_path, gold):
    first = next(read_rows(gold, "train"))
    artifact, _ = merged(tmp_path, gold, [(first.text, {"good": 0.75, "bad": 0.25}), ("a new text", {"g": 1})])
    rows = {row.text: row for row in read_rows(artifact, "train")}
    assert rows[first.text].label == first.label
    assert rows[first.text].teacher_probabilities == (0.25, 0.75)
    assert not rows[first.text].is_transfer
    new = rows["a new text"]
    assert (new.label, new.teacher_probabilities, new.is_transfer) == ("", (0, 1), True)
    others = [row for row in rows.values() if row.text not in (first.text, "a new text")]
    assert all(row.label and not row.teacher_probabilities and not row.is_transfer for row in others)
    assert accounting_of(artifact).dropped == {JOINED: 1}


def test_unknown_classes_and_sums_are_quarantined_and_counted(tmp_path, gold):
    rows = [("x", {"good": 1}), ("y", {"awful": 1}), ("z", {"good": 0.5})]
    _, transfer = merged(tmp_path, gold, rows, max_bad_fraction=1)
    assert accounting_of(transfer).quarantined == {"probabilities do not sum to 1": 1, "unknown class": 1}


def test_teacher_of_nothing_but_held_out_texts_is_an_error(tmp_path, gold):
    with pytest.raises(DataError, match="none of its . rows is left to learn from"):
        merged(tmp_path, gold, [(text, {"good": 1}) for text in texts(gold, "test")[:3]])


rows_of_a_teacher = st.lists(
    st.builds(
        lambda text, probability, weight: Row(
            text, teacher_probabilities=(probability, 1 - probability), is_transfer=True, weight=weight
        ),
        st.sampled_from("abcdef"),
        st.floats(0, 1),
        st.integers(0, 3),
    )
)


@given(rows_of_a_teacher, st.sets(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")))
def test_each_text_is_trained_on_as_often_as_it_should_with_the_mean_of_its_answers(taught, held_out, labelled):
    labelled = [Row(text, label="x") for text in labelled]
    merging = Merging(TeacherAnswers(taught), digests_of(map(Row, held_out)))
    gold = list(merging.labelled(labelled))
    expected = merging.transfer_texts
    transfer = list(merging.transfer(taught, Row("", label="x")))

    assert [row.text for row in gold] == [row.text for row in labelled]
    left = collections.Counter(row.text for row in transfer)
    assert set(left) == {row.text for row in taught} - held_out - {row.text for row in labelled}
    assert set(left.values()) <= {1}
    assert expected == len(transfer)
    assert sum(merging.counts.values()) + len(transfer) == len(taught)
    for row in [*gold, *transfer]:
        of_text = [each for each in taught if each.text == row.text]
        weights = [each.weight for each in of_text]
        weights = weights if any(weights) else [1] * len(weights)
        if of_text and row.text not in held_out:
            mean = sum(w * each.teacher_probabilities[0] for w, each in zip(weights, of_text, strict=True))
            assert row.teacher_probabilities == pytest.approx((mean / sum(weights), 1 - mean / sum(weights)))
        else:
            assert not row.teacher_probabilities


def test_rows_of_a_teacher_weigh_what_labelled_ones_do_on_average():
    taught = [Row("new", teacher_probabilities=(1.0, 0.0), weight=7.0)]
    merging = Merging(TeacherAnswers(taught), frozenset())
    labelled = list(merging.labelled([Row("a", label="x", weight=30.0), Row("b", label="x", weight=10.0)]))
    assert [row.weight for row in merging.transfer(taught, labelled[0])] == [20.0]


@given(st.integers(1, 30), st.integers(0, 60))
def test_labelled_rows_and_a_teachers_are_mixed_evenly(labelled, taught):
    rows = list(spread([Row("x")] * labelled, iter([Row("")] * taught), taught))
    assert len(rows) == labelled + taught
    of_labelled = [bool(row.text) for row in rows]
    for end in range(1, len(rows) + 1):
        expected = sum(of_labelled[:end]) * taught / labelled
        assert expected - taught / labelled - 1 <= end - sum(of_labelled[:end]) <= expected + 1


def test_repeated_texts_are_counted():
    taught = [Row("a", teacher_probabilities=(1.0, 0.0))] * 3
    merging = Merging(TeacherAnswers(taught), frozenset())
    list(merging.labelled([]))
    assert len(list(merging.transfer(taught, Row("")))) == 1
    assert merging.counts == {REPEATED: 2}
