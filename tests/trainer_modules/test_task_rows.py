"""Rows of each task, as its training reads them."""

import numpy as np
import pytest
import tensorflow as tf
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks.classification.rows import count_labels, labelled_rows, multi_label_rows
from ulmfit_tfx.tasks.regression.rows import read_targets, target_rows
from ulmfit_tfx.tasks.regression.target_balance import TargetBalance
from ulmfit_tfx.tasks.tagging.rows import tagged_rows
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.trainer_modules.data.task_batches import task_batches
from ulmfit_tfx.trainer_modules.data.task_rows import has_weights
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.word_features import word_feature_ids


@pytest.fixture
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())


def files_of(folder, tokenizer, rows, task="classification", **sections):
    config = PipelineConfig.model_validate(CONFIG | {"task": task} | sections)
    return write_inputs(folder, tokenizer, config, rows, rows).train_files


def rows_of(task_rows):
    return list(task_rows.dataset().as_numpy_iterator())


def test_class_weights_are_multiplied_with_the_weights_of_rows(tmp_path, tokenizer):
    rows = [
        Row("great film", "good", weight=2.0),
        Row("dull plot", "bad", weight=3.0),
        Row("a film", "good", weight=1.0),
    ]
    files = files_of(tmp_path / "x", tokenizer, rows)
    assert has_weights(files)
    found = rows_of(labelled_rows(files, class_weights=[0.5, 10.0], weighted=True))
    assert [(int(label), float(weight)) for _, label, weight in found] == [(0, 1.0), (1, 30.0), (0, 0.5)]
    assert [len(row) for row in rows_of(labelled_rows(files))] == [2, 2, 2]
    assert count_labels(files, 2).tolist() == [2, 1]


def test_several_labels_are_ones_and_none_is_zeros(tmp_path, tokenizer):
    rows = [Row("x", labels=("a", "b")), Row("y", labels=()), Row("z", labels=("a",))]
    data = {"data": {"path": "rows", "format": "tsv", "label_separator": "|"}}
    files = files_of(tmp_path / "x", tokenizer, rows, **data)
    assert not has_weights(files)
    assert [target.tolist() for _, target in rows_of(multi_label_rows(files, 2))] == [[1, 1], [0, 0], [1, 0]]


NUMBERS = [1.0] * 8 + [2.0] * 2 + [5.0]


@pytest.fixture
def numbers_on_disk(tmp_path, tokenizer):
    rows = [Row(f"text {index}", targets=(number, -number)) for index, number in enumerate(NUMBERS)]
    data = {"path": "rows", "format": "tsv", "target_columns": ["a", "b"]}
    return files_of(tmp_path / "x", tokenizer, rows, task="regression", data=data)


def test_numbers_are_learned_less_the_mean_and_by_the_scale(numbers_on_disk):
    np.testing.assert_array_equal(read_targets(numbers_on_disk, 2)[:, 0], NUMBERS)
    found = [target for _, target in rows_of(target_rows(numbers_on_disk, mean=[1.0, 0.0], scale=[2.0, 4.0]))]
    np.testing.assert_allclose(found, [[(number - 1) / 2, -number / 4] for number in NUMBERS])


def test_balancing_weights_make_bins_count_alike_and_are_one_in_the_mean(numbers_on_disk):
    balance = TargetBalance.of(np.array(NUMBERS), bins=4, limit=100)  # bins 1..2, 2..3, 3..4, 4..5
    rows = rows_of(target_rows(numbers_on_disk, [0, 0], [1, 1], weight_of=balance.weight_of))
    weights = np.array([float(weight) for _, _, weight in rows])
    assert weights.mean() == pytest.approx(1)
    by_bin = [weights[:8].sum(), weights[8:10].sum(), weights[10]]
    assert by_bin == pytest.approx([by_bin[0]] * 3)


def test_no_row_counts_more_than_the_limit(numbers_on_disk):
    balance = TargetBalance.of(np.array(NUMBERS), bins=4, limit=3)
    weights = [float(balance.weight_of(tf.constant([number, 0.0]))) for number in (1.0, 5.0)]
    assert weights[1] / weights[0] == pytest.approx(3)


def test_oversampled_rows_occur_as_often_as_they_count(numbers_on_disk):
    balance = TargetBalance.of(np.array(NUMBERS), bins=4, limit=3)
    rows = target_rows(
        numbers_on_disk, [0, 0], [1, 1], copies_of=lambda number, targets: balance.copies_of(number, targets, seed=3)
    )
    found = [float(target[0]) for _, target in rows_of(rows)]
    assert {number: found.count(number) for number in (1.0, 2.0, 5.0)} == {1.0: 8, 2.0: 6, 5.0: 3}
    batches = task_batches(rows, 4, 1, 48)
    assert sum(1 for _ in batches.epoch(1, seed=0, buffer=9)) == batches.steps


def tagged(tmp_path, tokenizer, rows, size=48, **tagging):
    tagging = {"word_features": None} | tagging
    config = TaggingConfig(**tagging)
    files = files_of(
        tmp_path / "x",
        tokenizer,
        rows,
        task="tagging",
        data={"path": "rows", "format": "conll"},
        tagging=tagging | {"window_overlap": 2},
    )
    return rows_of(tagged_rows(files, tokenizer, 3, [0, 2, 2], config.model_copy(update={"window_overlap": 2}), size))


WORDS, TAGS = ("a", "brilliantxyz", "film"), ("O", "B-x", "I-x")  # the second word has several pieces


def piece_counts(tokenizer, words):
    return [len(tokenizer.op.tokenize([word])[0]) - 2 for word in words]


@pytest.mark.parametrize(("alignment", "later"), [("all_pieces", 1), ("first_piece", 2)])
def test_later_pieces_of_a_word_have_its_tag_or_the_one_inside(tmp_path, tokenizer, alignment, later):
    [(ids, target)] = tagged(tmp_path, tokenizer, [Row("", words=WORDS, tags=TAGS)], alignment=alignment)
    counts = piece_counts(tokenizer, WORDS)
    assert counts[1] > 1
    expected = [-1, *[0] * counts[0], 1, *[later] * (counts[1] - 1), *[2] * counts[2], -1]
    assert target.tolist() == expected
    assert (ids[0], ids[-1]) == (tokenizer.special_ids.bos, tokenizer.special_ids.eos)


def test_windows_of_a_long_sentence_hold_every_piece_with_its_tag(tmp_path, tokenizer):
    words = tuple(
        "great lovely moving tender funny warm superb dull awful clumsy stale weak horrid long blue early".split()
    )
    tags = tuple(TAGS[index % 3] for index in range(len(words)))
    [(whole, whole_tags)] = tagged(tmp_path / "whole", tokenizer, [Row("", words=words, tags=tags)], size=400)
    windows = tagged(tmp_path / "cut", tokenizer, [Row("", words=words, tags=tags)], size=8)
    assert len(windows) > 3
    pairs = list(zip(whole.tolist(), whole_tags.tolist(), strict=True))[1:-1]
    end_before = None
    for ids, target in windows:
        assert len(ids) <= 8
        first, *inner, last = zip(ids.tolist(), target.tolist(), strict=True)
        assert (first, last) == ((tokenizer.special_ids.bos, -1), (tokenizer.special_ids.eos, -1))
        [start] = [at for at in range(len(pairs)) if pairs[at : at + len(inner)] == inner]
        assert start == 0 if end_before is None else start <= end_before - 2, "windows share two pieces at least"
        end_before = start + len(inner)
    assert end_before == len(pairs)


def features_of(words):
    return word_feature_ids(tf.constant(words), CleaningConfig()).numpy()


def test_each_piece_has_the_features_of_its_word(tmp_path, tokenizer):
    rows = [Row("", words=WORDS, tags=TAGS)]
    [((ids, features), target)] = tagged(tmp_path / "a", tokenizer, rows, word_features={})
    [(plain_ids, plain_target)] = tagged(tmp_path / "b", tokenizer, rows)
    assert ids.tolist() == plain_ids.tolist()
    assert target.tolist() == plain_target.tolist()
    of_pieces = np.repeat(features_of(WORDS), piece_counts(tokenizer, WORDS), axis=0)
    assert features.tolist() == [[-1] * 4, *of_pieces.tolist(), [-1] * 4]


def test_features_are_padded_like_tags(tmp_path, tokenizer):
    rows = [Row("", words=WORDS, tags=TAGS), Row("", words=WORDS[:1], tags=TAGS[:1])]
    config = TaggingConfig(window_overlap=2)
    data = {"data": {"path": "rows", "format": "conll"}, "tagging": {"window_overlap": 2}}
    files = files_of(tmp_path / "x", tokenizer, rows, task="tagging", **data)
    batches = task_batches(tagged_rows(files, tokenizer, 3, [0, 2, 2], config, 48), 2, 1, 48)
    [((ids, features), targets)] = batches.in_order()
    assert ids.shape == targets.shape == features.shape[:2]
    np.testing.assert_array_equal((features < 0).numpy().all(axis=-1), targets < 0)
    assert batches.tokens == tf.reduce_sum(tf.cast(ids != 1, tf.int32))


def test_several_tags_of_a_word_are_ones_at_each_of_its_pieces(tmp_path, tokenizer):
    rows = [Row("", words=WORDS, tags=("", "p|q", "q")), Row("", words=("film",), tags=("",))]
    first, second = tagged(tmp_path, tokenizer, rows, scheme="plain", tag_separator="|")
    of_words = [[0, 0, 0], [1, 1, 0], [1, 0, 0]]  # q, the more frequent one, comes first
    wanted = np.repeat(of_words, piece_counts(tokenizer, WORDS), axis=0)
    assert first[1].tolist() == [[-1] * 3, *wanted.tolist(), [-1] * 3]
    assert second[1].tolist() == [[-1] * 3, [0] * 3, [-1] * 3]
