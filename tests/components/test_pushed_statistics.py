"""What goes out of a run's statistics with its model."""

import uuid

import pytest
import tensorflow_data_validation as tfdv
from row_statistics import compute_statistics, statistics_artifact

from ulmfit_tfx.components.pushed_statistics import (
    STATISTICS_FILE,
    made_by,
    read_statistics,
    training_statistics,
    write_statistics,
)
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig

SECRET = "nobody may read this"
ROWS = [
    {
        "text": f"{SECRET} {number}",
        "words": [SECRET, f"word {number}"],
        "label": "żółty" if number % 4 else "plain",
        "labels": ["x", "y"][: number % 3],
        "tags": ["B-PER", "O"],
        "length_bucket": "00-50 words",
        "targets": [float(number), 0.5],
        "weight": 1.0,
        "slice_lang": "pl",
    }
    for number in range(200)
]


def config_of(task="classification", **sections):
    values = {"name": "moods", "task": task, "data": {"path": "rows.tsv", "format": "tsv"}} | sections
    return PipelineConfig.model_validate(values).model_dump(mode="json")


@pytest.fixture
def written(tmp_path):
    """Folder of a SavedModel with the statistics of the rows."""
    statistics = training_statistics(statistics_artifact(tmp_path / "statistics", ROWS), made_by(config_of()))
    (tmp_path / "assets.extra").mkdir()
    write_statistics(str(tmp_path), statistics)
    return tmp_path


def features_of(folder):
    [dataset] = tfdv.load_stats_text(str(folder / STATISTICS_FILE)).datasets
    assert dataset.num_examples == len(ROWS)
    return {feature.path.step[0]: feature for feature in dataset.features}


def test_no_text_and_no_word_goes_out(written):
    assert SECRET not in (written / STATISTICS_FILE).read_text()
    assert "words" not in features_of(written)


def test_of_texts_the_mean_length_is_kept_alone(written):
    text = features_of(written)["text"]
    mean = sum(len(row["text"].encode()) for row in ROWS) / len(ROWS)
    assert text.string_stats.avg_length == pytest.approx(mean)
    assert {field.name for field, _ in text.string_stats.ListFields()} == {"avg_length"}
    assert {field.name for field, _ in text.ListFields()} == {"type", "path", "string_stats"}


def test_counts_and_quantiles_are_those_of_tfdv(written):
    [whole] = compute_statistics(ROWS).datasets
    by_name = {feature.path.step[0]: feature for feature in whole.features}
    found = features_of(written)
    for name in ("label", "labels", "tags", "length_bucket", "slice_lang"):
        assert found[name].string_stats.rank_histogram == by_name[name].string_stats.rank_histogram
    for name in ("targets", "weight"):
        [quantiles] = found[name].num_stats.histograms
        assert quantiles in by_name[name].num_stats.histograms
        assert quantiles.type == quantiles.QUANTILES


def test_what_values_are_made_by_stands_beside_them(written):
    found = features_of(written)["length_bucket"].custom_stats
    assert {each.name: each.str for each in found} == {"data.length_buckets": "[50, 200, 500]"}
    assert not features_of(written)["slice_lang"].custom_stats


def test_statistics_are_read_as_they_were_written(written):
    assert read_statistics(str(written)) == (written / STATISTICS_FILE).read_text()
    assert "żółty" in read_statistics(str(written))


def test_statistics_are_read_from_another_file_system(written):
    remote = f"ram://{uuid.uuid4()}/17"
    write_statistics(remote, tfdv.load_stats_text(str(written / STATISTICS_FILE)))
    assert read_statistics(remote) == read_statistics(str(written))


@pytest.mark.parametrize("served", ["", "nowhere"])
def test_where_there_are_none_nothing_is_read(tmp_path, served):
    assert read_statistics(served and str(tmp_path / served)) == ""


def test_of_paths_the_last_part_goes_out():
    data = {"path": "/home/me/rows.conll", "format": "conll", "label_file": "/home/me/tags.txt"}
    tags = made_by(config_of("tagging", data=data))["tags"]
    assert tags["data.label_file"] == '"tags.txt"'
    assert "/home/me" not in str(made_by(config_of("tagging", data=data)))


def test_section_of_taggers_counts_for_their_rows_alone():
    data = {"path": "rows.conll", "format": "conll"}
    buckets = {
        task: made_by(config_of(task, **sections))["length_bucket"]
        for task, sections in (("classification", {}), ("tagging", {"data": data, "tagging": {"words": "whitespace"}}))
    }
    assert buckets["classification"].keys() == {"data.length_buckets"}
    assert buckets["tagging"]["tagging.words"] == '"whitespace"'


@pytest.mark.parametrize(
    ("feature", "changed"),
    [
        ("length_bucket", {"length_buckets": [5]}),
        ("label", {"labels": ["a", "b"]}),
        ("labels", {"label_separator": ";"}),
        ("weight", {"weight_column": "w"}),
    ],
)
def test_values_are_others_where_their_fields_change(feature, changed):
    before = made_by(config_of())
    after = made_by(config_of(data={"path": "rows.tsv", "format": "tsv"} | changed))
    assert before[feature] != after[feature]


def test_values_are_the_same_where_other_fields_change():
    data = {"path": "others.csv", "format": "csv", "train_fraction": 0.5, "max_row_bytes": 10, "text_column": "body"}
    before, after = made_by(config_of()), made_by(config_of(data=data, training={"epochs": 9}))
    for feature in ("label", "labels", "length_bucket", "targets", "weight"):
        assert before[feature] == after[feature]
