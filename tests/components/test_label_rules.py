"""Labels that are rare or not listed, and rows that stand in several splits, at ingestion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import labelled_texts
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_ingest.accounts import allowed_leaks, notes
from ulmfit_tfx.components.corpus_ingest.executor import Executor
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.leaks import Digests, leaks_in, may_leak
from ulmfit_tfx.components.corpus_ingest.rare_labels import without_rare
from ulmfit_tfx.components.corpus_ingest.shard_result import ShardResult
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.splitting import split_of

FREQUENT = [
    (f"{word} film number {number}", label) for number in range(60) for word, label in [("great", "g"), ("dull", "b")]
]
SINGLES = [(f"odd one {number}", f"rare{number:02}") for number in range(30)]


def written(folder, rows, name="rows.tsv", header="text\tlabel"):
    path = folder / name
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def ingested(folder, path, weighted=None, **fields):
    config = labelled_texts(path=str(path), format="tsv", **fields)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    properties = {"config": Ingestion(config, weighted_labels=weighted).to_json(), "path": config.path, "seed": 1}
    context = Executor.Context(beam_pipeline_args=unstaged(IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1")
    Executor(context).Do({}, {"examples": [artifact]}, properties)
    return Accounting.from_json(artifact.get_string_custom_property("accounting"))


def failure(folder, path, **fields):
    with pytest.raises(DataError) as error:
        ingested(folder, path, **fields)
    return str(error.value)


def split_by_hash(rows):
    """Labels by split, from the splits' definition alone."""
    shares = labelled_texts(path="x", format="tsv").splits
    found = {"train": set(), "eval": set(), "test": set()}
    for text, label in rows:
        found[split_of(text, 1, shares)].add(label)
    return found


def test_all_labels_that_train_lacks_are_counted_and_named_at_once(tmp_path):
    message = failure(tmp_path, written(tmp_path, FREQUENT + SINGLES))
    by_split = split_by_hash(FREQUENT + SINGLES)
    missing = (by_split["eval"] | by_split["test"]) - by_split["train"]
    assert len(missing) > 2
    assert f"{len(missing)} of 32 labels occur in the eval and test splits and never in train" in message
    assert all(f"'{label}'" in message for label in missing)
    assert "data.rare_labels to drop" in message


@pytest.mark.parametrize(
    ("way_out", "labels"),
    [
        ({"rare_labels": "drop"}, {"g", "b"}),
        ({"rare_labels": "group"}, {"g", "b", "other"}),
        ({"rare_labels": "group", "rare_label_name": "rest"}, {"g", "b", "rest"}),
        ({"labels": ["g", "b"]}, {"g", "b"}),
        ({"labels": ["g", "b"], "rare_labels": "group"}, {"g", "b", "other"}),
    ],
)
def test_each_way_out_that_the_error_names_leads_on(tmp_path, way_out, labels):
    accounting = ingested(tmp_path, written(tmp_path, FREQUENT + SINGLES), **way_out)
    assert set(accounting.labels["train"]) == labels
    assert not accounting.quarantined
    is_grouped = way_out.get("rare_labels") == "group"
    rule = "label not listed" if "labels" in way_out else "rare label"
    assert accounting.dropped == ({} if is_grouped else {rule: 30})
    assert sum(accounting.rows.values()) == 120 + 30 * is_grouped
    if "labels" not in way_out:
        assert accounting.rare_labels == dict.fromkeys((label for _, label in SINGLES), 1)


def test_labels_are_rare_by_their_rows_in_train_after_duplicates_are_left_out(tmp_path):
    twice = [("the same text", "twice"), ("the same text", "twice")]
    thrice = [(f"text {number} of three", "thrice") for number in range(40)]
    rows = written(tmp_path, FREQUENT + twice + thrice)
    accounting = ingested(tmp_path, rows, rare_labels="drop", corpus_cleanup={"deduplicate": "exact"})
    assert accounting.rare_labels == {"twice": 1}
    assert accounting.dropped == {"duplicate": 1, "rare label": 1}
    assert ingested(tmp_path / "more", rows, rare_labels="drop", min_label_count=41).rare_labels.keys() == {
        "twice",
        "thrice",
    }


def test_too_few_rows_are_an_error_that_counts_them(tmp_path):
    rows = written(tmp_path, FREQUENT + [(f"text {number}", "few") for number in range(8)])
    message = failure(tmp_path, rows, min_label_count=10)
    assert "1 of 3 labels have fewer than 10 rows in the train split (data.min_label_count): 'few' (" in message


def test_rare_and_unlisted_labels_are_taken_off_rows_with_several(tmp_path):
    rows = [(text, f"{label};{odd}") for (text, label), (_, odd) in zip(FREQUENT, SINGLES * 4, strict=True)]
    lone = [*rows[:118], ("two more", "g;lone"), ("and one", "b;rare01")]
    path = written(tmp_path, lone)
    accounting = ingested(tmp_path, path, label_separator=";", rare_labels="drop")
    assert "lone" in accounting.rare_labels
    assert sum(accounting.rows.values()) == 120
    listed = ingested(tmp_path / "listed", path, label_separator=";", labels=["g", "b"])
    assert set(listed.labels["train"]) == {"g", "b"}
    assert listed.unlisted_labels["lone"] == 1
    assert sum(listed.rows.values()) == 120


def test_listed_label_that_never_occurs_is_an_error_with_what_may_be_meant(tmp_path):
    rows = [(text, {"g": "good", "b": "poor"}[label]) for text, label in FREQUENT]
    message = failure(tmp_path, written(tmp_path, [*rows, ("x", "aside")]), labels=["good", "poor", "asside"])
    assert "label 'asside' of data.labels never occurs in column 'label'. Did you mean 'aside'?" in message


@given(
    st.lists(st.sampled_from("abcdefg"), unique=True), st.sets(st.sampled_from([*"abcdefg", "other"])), st.booleans()
)
def test_only_kept_labels_stay_and_the_others_are_named(labels, kept, groups):
    config = labelled_texts(path="x", format="csv", rare_labels="group" if groups else "drop")
    row, rare = without_rare(Row("text", labels=tuple(labels)), kept, config)
    assert set(row.labels) <= kept
    assert {*row.labels} - {"other"} == {*labels} & kept - {"other"}
    assert {*rare} == {*labels} - kept
    assert ("other" in row.labels) == (groups and "other" in kept and bool(rare))
    for label in labels:
        alone = without_rare(Row("text", label), kept, config).row
        assert (alone is None) == (label not in kept and not (groups and "other" in kept))


def test_texts_of_test_that_stand_in_train_stop_the_run_unless_they_are_allowed(tmp_path):
    train, test = written(tmp_path, FREQUENT), written(tmp_path, FREQUENT[:12], "test.tsv")
    message = failure(tmp_path, train, test_path=str(test))
    accounting = ingested(tmp_path / "allowed", train, test_path=str(test), allow_leaks=True)
    assert accounting.leaks["test"] == 12
    assert "12 of 12 test texts are also in train or eval (100.0%)" in message
    assert accounting.leak("test") in message
    assert accounting.leaks["eval"] == 0
    without = ingested(tmp_path / "without", train, test_path=str(test), corpus_cleanup={"deduplicate": "exact"})
    assert without.dropped == {"duplicate": 12}


@pytest.mark.parametrize(("share", "stops"), [(0.1, True), (0.2, False)])
def test_share_of_leaks_that_is_allowed(tmp_path, share, stops):
    splits = {"train": 1, "eval": 0, "test": 0}
    rows = [(*row, "train") for row in FREQUENT] + [(f"own {number}", "gb"[number % 2], "eval") for number in range(17)]
    rows += [(*row, "eval") for row in FREQUENT[:3]]
    path = written(tmp_path, rows, header="text\tlabel\tpart")
    fields = {"split_column": "part", "splits": splits, "allow_leaks": share}
    if stops:
        assert "3 of 20 eval texts are also in train (15.0%)" in failure(tmp_path, path, **fields)
    else:
        assert ingested(tmp_path, path, **fields).leaks == {"eval": 3, "test": 0}


@pytest.mark.parametrize(
    ("share", "rows", "allowed"),
    [(0.01, 1000, 10), (0.01, 80, 3), (0.01, 20, 2), (0.01, 9, 0), (0.5, 20, 10), (0, 1000, 0), (True, 50, 50)],
)
def test_a_few_rows_of_a_small_split_may_leak_unless_none_may(share, rows, allowed):
    config = labelled_texts(path="x", format="csv", allow_leaks=share)
    assert int(allowed_leaks(rows, config)) == allowed


def test_one_repeated_text_stops_no_run_and_is_counted(tmp_path):
    test = written(tmp_path, [(f"own {number}", "gb"[number % 2]) for number in range(19)] + FREQUENT[:1], "test.tsv")
    accounting = ingested(tmp_path, written(tmp_path, FREQUENT), test_path=str(test))
    assert accounting.leak("test") == "1 of 20 test texts are also in train or eval (5.0%)"
    assert "1 of 20" in failure(tmp_path, written(tmp_path, FREQUENT), test_path=str(test), allow_leaks=0)


def test_splits_by_the_hash_of_the_text_cannot_leak():
    assert not may_leak(labelled_texts(path="x", format="csv"))
    assert may_leak(labelled_texts(path="x", format="csv", split_key_column="author"))
    assert may_leak(labelled_texts(path="x", format="csv", eval_path="y"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([f"text {number}" for number in range(30)]), st.sampled_from(["train", "eval", "test"])
        )
    )
)
def test_leaks_are_those_that_two_loops_find(rows):
    digests = Digests()
    blocks = {}
    for text, split in rows:
        for partition, block in digests.add(text, split):
            blocks.setdefault(partition, []).append(block)
    for partition, block in digests.blocks():
        blocks.setdefault(partition, []).append(block)
    found = {"eval": 0, "test": 0}
    for partition in blocks.items():
        for (_, split, _), count in ShardResult.from_json(leaks_in(partition)).counts.items():
            found[split] += count
    seen = {"eval": {"train"}, "test": {"train", "eval"}}
    for which, splits in seen.items():
        before = [text for text, split in rows if split in splits]
        assert found[which] == sum(text in before for text, split in rows if split == which)


@pytest.mark.parametrize(
    ("weighted", "said"),
    [
        (("g", "bb"), "class_weights names 'bb': there is no such label in the train split. Did you mean 'b'?"),
        (("g",), "class_weights lacks 'b': each label of the train split needs a weight"),
        (("g", "b"), ""),
    ],
)
def test_weights_are_of_the_labels_that_there_are(tmp_path, weighted, said):
    path = written(tmp_path, FREQUENT)
    if said:
        assert said in failure(tmp_path, path, weighted=weighted)
    else:
        assert ingested(tmp_path, path, weighted=weighted).rows["train"]


def test_keys_of_a_label_map_that_never_occur_are_noted():
    config = tagged_words(path="x", format="jsonl")
    ingestion = Ingestion(config, TaggingConfig(scheme="bio"))
    labels = {"train": {"O": 3, "B-LOC": 1}, "eval": {"B-PER": 1}, "test": {}}
    accounting = Accounting({}, {}, {}, labels)
    found = list(notes(accounting, ingestion, {"0": "O", "1": "B-LOC", "7": "B-MISC", "8": "B-PER"}))
    assert found == [
        "1 keys of data.label_map never occur: '7'",
        "Tags in the eval split that never occur in train: B-PER",
    ]
