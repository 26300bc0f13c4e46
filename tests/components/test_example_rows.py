import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.transforms.records.record import Row

ROWS = [
    Row("Łódź", label="good"),
    Row("a", labels=("x", "y"), weight=0.0),
    Row("a", labels=()),
    Row("a", targets=(0.0, -1.5), weight=2.5),
    Row("in New York", words=("in", "New York"), tags=("", "x|y"), slices=(("lang", "pl"), ("year", ""))),
]


@pytest.fixture
def artifact(tmp_path):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path)
    artifact.split_names = '["train"]'
    (tmp_path / "Split-train").mkdir()
    for number, row in enumerate(ROWS):
        path = str(tmp_path / "Split-train" / f"data_tfrecord-{number:05}.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as file:
            file.write(*serialized_examples([row], ["all lengths"]))
    return artifact


def test_rows_come_back_as_they_were(artifact):
    assert list(read_rows(artifact, "train")) == ROWS


def test_row_without_labels_has_the_feature_all_the_same():
    example = tf.train.Example.FromString(*serialized_examples([Row("a", labels=())], ["all lengths"]))
    assert example.features.feature["labels"].WhichOneof("kind") == "bytes_list"


def test_rows_of_a_batch_are_encoded_as_each_by_itself():
    rows, buckets = [Row("a", labels=("x", "y"), weight=1.0), Row("b", labels=(), weight=0.5)], ["1 word", "2 words"]
    together = serialized_examples(rows, buckets)
    alone = [serialized_examples([row], [bucket])[0] for row, bucket in zip(rows, buckets, strict=True)]
    assert list(map(tf.train.Example.FromString, together)) == list(map(tf.train.Example.FromString, alone))
