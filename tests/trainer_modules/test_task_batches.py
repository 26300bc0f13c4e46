import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.feature_names import LABEL_ID, TOKEN_IDS
from ulmfit_tfx.tasks.classification.rows import labelled_rows
from ulmfit_tfx.trainer_modules.data.task_batches import bucket_bounds, task_batches

PAD = 1


@pytest.fixture
def rows_on_disk(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(list(rng.integers(4, 50, rng.integers(2, 70))), int(rng.integers(2))) for _ in range(203)]
    files = []
    for shard in range(2):
        files.append(str(tmp_path / f"shard-{shard}.gz"))
        with tf.io.TFRecordWriter(files[-1], "GZIP") as writer:
            for ids, label in rows[shard::2]:
                feature = {
                    TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=ids)),
                    LABEL_ID: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return files, rows


def as_rows(batches):
    return sorted(
        (tuple(i for i in row if i != PAD), int(label))
        for ids, labels in batches.as_numpy_iterator()
        for row, label in zip(ids, labels, strict=True)
    )


def as_arrays(dataset):
    return [ids.tolist() for ids, _ in dataset.as_numpy_iterator()]


def test_an_epoch_holds_every_row_once(rows_on_disk):
    files, rows = rows_on_disk
    batches = task_batches(labelled_rows(files), 8, PAD, 70)
    expected = sorted((tuple(int(i) for i in ids), label) for ids, label in rows)
    assert as_rows(batches.epoch(0, seed=1, buffer=50)) == expected
    assert as_rows(batches.in_order()) == expected


def test_steps_and_tokens_are_counted_right_for_every_epoch(rows_on_disk):
    files, rows = rows_on_disk
    batches = task_batches(labelled_rows(files), 8, PAD, 70)
    assert batches.tokens == sum(len(ids) for ids, _ in rows)
    for epoch in range(3):
        assert sum(1 for _ in batches.epoch(epoch, seed=1, buffer=50)) == batches.steps


def test_epochs_differ_and_repeat(rows_on_disk):
    batches = task_batches(labelled_rows(rows_on_disk[0]), 8, PAD, 70)
    first = as_arrays(batches.epoch(0, seed=1, buffer=50))
    assert first == as_arrays(batches.epoch(0, seed=1, buffer=50))
    assert first != as_arrays(batches.epoch(1, seed=1, buffer=50))


def test_skipping_gives_the_rest_of_the_same_epoch(rows_on_disk):
    batches = task_batches(labelled_rows(rows_on_disk[0]), 8, PAD, 70)
    whole = as_arrays(batches.epoch(2, seed=1, buffer=50))
    assert as_arrays(batches.epoch(2, seed=1, buffer=50, skip=5)) == whole[5:]


def test_little_is_computed_on_padding(rows_on_disk):
    batches = task_batches(labelled_rows(rows_on_disk[0]), 8, PAD, 70)
    computed = sum(ids.size for ids, _ in batches.epoch(0, seed=1, buffer=50).as_numpy_iterator())
    assert batches.tokens / computed > 0.8


def test_rows_at_a_bucket_bound_are_counted_where_they_are_batched(tmp_path):
    bound = bucket_bounds(70)[0]
    file = str(tmp_path / "rows.gz")
    with tf.io.TFRecordWriter(file, "GZIP") as writer:
        for length in [bound - 1, bound, bound + 1]:
            feature = {
                TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=[5] * length)),
                LABEL_ID: tf.train.Feature(int64_list=tf.train.Int64List(value=[0])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    batches = task_batches(labelled_rows([file]), 2, PAD, 70)
    assert batches.steps == 2 == sum(1 for _ in batches.in_order())


def test_shortest_bound_has_one_bucket(rows_on_disk):
    assert task_batches(labelled_rows(rows_on_disk[0]), 8, PAD, max_seq_len=8).steps == -(-203 // 8)


def test_longer_rows_are_cut_and_counted_as_they_are_cut(rows_on_disk):
    whole, cut = (task_batches(labelled_rows(rows_on_disk[0]), 8, PAD, length) for length in (70, 20))
    found = [ids for ids, _ in cut.in_order().as_numpy_iterator()]
    assert max(ids.shape[1] for ids in found) == 20
    assert cut.tokens == sum((ids != PAD).sum() for ids in found) < whole.tokens
    rows = {tuple(row[:20][row[:20] != PAD]) for ids, _ in whole.in_order().as_numpy_iterator() for row in ids}
    assert {tuple(row[row != PAD]) for ids in found for row in ids} == rows


def test_split_without_rows_is_an_error(tmp_path):
    file = str(tmp_path / "empty.gz")
    tf.io.TFRecordWriter(file, "GZIP").close()
    with pytest.raises(DataError, match="no rows to read"):
        task_batches(labelled_rows([file]), 8, PAD, 70)
