import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream, rows_for_evaluation
from ulmfit_tfx.trainer_modules.data.document_order import DocumentOrder
from ulmfit_tfx.trainer_modules.data.token_corpus import write_corpus

RNG = np.random.default_rng(0)
# Each piece has an id of its own: a piece read twice or not at all is seen.
LENGTHS = RNG.integers(1, 40, 120)
DOCUMENTS = np.split(np.arange(LENGTHS.sum()), np.cumsum(LENGTHS)[:-1])
SEED = 11


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(DOCUMENTS, tmp_path_factory.mktemp("corpora") / "corpus", 10_000)


def expected_rows(documents, order, batch_size, backward):
    """The whole sequence in memory, cut into rows: int [batch_size, row_length]."""
    sequence = np.concatenate([documents[number][:: -1 if backward else 1] for number in order])
    row_length = len(sequence) // batch_size
    return sequence[: batch_size * row_length].reshape(batch_size, row_length)


def joined(batches):
    ids, targets = zip(*batches, strict=True)
    return np.concatenate(ids, axis=1), np.concatenate(targets, axis=1)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 13])
def test_rows_go_on_through_the_documents_of_the_epochs_order(corpus, batch_size, jitter, backward):
    stream = BpttStream(corpus, batch_size, 10, jitter, backward)
    for epoch in (0, 3):
        ids, targets = joined(stream.epoch(epoch, SEED))
        rows = expected_rows(DOCUMENTS, DocumentOrder(corpus.documents, SEED, epoch)[:], batch_size, backward)
        predicted = stream.predicted(epoch, SEED)
        assert ids.size == predicted == targets.size
        np.testing.assert_array_equal(ids, rows[:, : ids.shape[1]])
        np.testing.assert_array_equal(targets, rows[:, 1 : ids.shape[1] + 1])


def test_less_than_a_step_is_left_out_of_an_epoch(corpus):
    stream = BpttStream(corpus, 4, 10)
    rows = expected_rows(DOCUMENTS, DocumentOrder(corpus.documents, SEED, 0)[:], 4, backward=False)
    assert 0 <= rows.shape[1] - 1 - joined(stream.epoch(0, SEED))[0].shape[1] < 10


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("jitter", [False, True])
@pytest.mark.parametrize("skip", [1, 5, 17])
def test_skipping_gives_the_rest_of_the_same_epoch(corpus, skip, jitter, backward):
    stream = BpttStream(corpus, 4, 10, jitter, backward)
    whole, rest = list(stream.epoch(2, SEED)), list(stream.epoch(2, SEED, skip))
    assert len(rest) == len(whole) - skip
    for (ids, targets), (expected_ids, expected_targets) in zip(rest, whole[skip:], strict=True):
        np.testing.assert_array_equal(ids, expected_ids)
        np.testing.assert_array_equal(targets, expected_targets)


def test_skipping_all_steps_gives_none(corpus):
    stream = BpttStream(corpus, 4, 10)
    assert list(stream.epoch(0, SEED, stream.steps(0, SEED))) == []


@pytest.mark.parametrize("jitter", [False, True])
def test_steps_are_counted_right(corpus, jitter):
    stream = BpttStream(corpus, 4, 10, jitter)
    for epoch in range(4):
        widths = [ids.shape for ids, _ in stream.epoch(epoch, SEED)]
        assert stream.steps(epoch, SEED) == len(widths)
        assert stream.predicted(epoch, SEED) == sum(rows * width for rows, width in widths) <= stream.pieces


def test_jitter_draws_lengths_as_awd_lstm_does(corpus):
    """Section 5: a normal of deviation 5, around bptt with probability 0.95, else around half of it."""
    large = dataclasses.replace(corpus, pieces=70 * 40_000)
    lengths = np.array(list(BpttStream(large, 2, 70, jitter=True).lengths(0, SEED)))
    around_half = lengths < 52
    assert np.mean(around_half) == pytest.approx(0.05, abs=0.006)
    for drawn, mean in ((lengths[~around_half], 70), (lengths[around_half], 35)):
        # Lengths are rounded down, by half a piece in the mean.
        assert np.mean(drawn) == pytest.approx(mean - 0.5, abs=0.6)
        assert np.std(drawn) == pytest.approx(5, abs=0.5)


def test_jitter_never_goes_below_five_pieces(corpus):
    lengths = list(BpttStream(corpus, 2, 8, jitter=True).lengths(0, SEED))
    assert min(lengths) == 5


def test_jitter_differs_by_epoch_and_repeats(corpus):
    stream = BpttStream(corpus, 4, 10, jitter=True)
    epochs = [tuple(stream.lengths(epoch, SEED)) for epoch in range(5)]
    assert len(set(epochs)) == 5
    assert epochs[3] == tuple(stream.lengths(3, SEED))


@settings(deadline=None, max_examples=60)
@given(
    pieces=st.integers(3, 60),
    batch_size=st.integers(1, 4),
    bptt=st.integers(2, 12),
    epoch=st.integers(0, 9),
    seed=st.integers(0, 9),
)
def test_whatever_is_not_refused_has_steps_in_every_epoch(corpus, pieces, batch_size, bptt, epoch, seed):
    small = dataclasses.replace(corpus, pieces=pieces)
    if pieces // batch_size < bptt + 1:
        with pytest.raises(DataError, match=f"has {pieces} pieces, too few for a step of {batch_size} rows of {bptt}"):
            BpttStream(small, batch_size, bptt, jitter=True)
        return
    stream = BpttStream(small, batch_size, bptt, jitter=True)
    assert stream.steps(epoch, seed) >= 1
    assert sum(stream.lengths(epoch, seed)) <= stream.row_length - 1


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(("batch_size", "bptt"), [(1, 10), (4, 10), (7, 23)])
def test_evaluation_reads_all_but_less_than_a_piece_a_row(corpus, batch_size, bptt, backward):
    stream = BpttStream(corpus, batch_size, bptt, jitter=True, backward=backward)
    ids, targets = joined(stream.in_order())
    rows = expected_rows(DOCUMENTS, range(len(DOCUMENTS)), batch_size, backward)
    np.testing.assert_array_equal(ids, rows[:, :-1])
    np.testing.assert_array_equal(targets, rows[:, 1:])
    assert corpus.pieces - rows.size < batch_size
    assert stream.pieces == targets.size


def test_rows_that_share_a_document_and_documents_of_many_rows(tmp_path):
    documents = [np.arange(10, 110), np.arange(200, 203), np.arange(300, 301)]
    stream = BpttStream(write_corpus(documents, tmp_path / "corpus", 400), 8, 4)
    for epoch in range(6):
        ids, _ = joined(stream.epoch(epoch, SEED))
        rows = expected_rows(documents, DocumentOrder(3, SEED, epoch)[:], 8, backward=False)
        np.testing.assert_array_equal(ids, rows[:, : ids.shape[1]])


@pytest.mark.parametrize(
    ("pieces", "batch_size", "replicas", "rows"),
    [(10_000, 32, 1, 32), (700, 32, 1, 5), (700, 32, 2, 4), (142, 8, 2, 2)],
)
def test_evaluation_has_as_many_rows_as_the_corpus_fills(corpus, pieces, batch_size, replicas, rows):
    assert rows_for_evaluation(dataclasses.replace(corpus, pieces=pieces), batch_size, 70, replicas) == rows


def test_eval_split_that_cannot_fill_a_step_of_each_replica_is_refused(corpus):
    with pytest.raises(DataError, match="eval split has 141 pieces.*bptt=70"):
        rows_for_evaluation(dataclasses.replace(corpus, pieces=141), 8, 70, replicas=2)


READ_AN_EPOCH = """
import resource, sys
from pathlib import Path
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus

stream = BpttStream(TokenCorpus.open(Path(sys.argv[1])), 16, 70)
for step in stream.epoch(0, seed=1, skip=stream.steps(0, 1) - 500):
    pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for step in stream.epoch(1, seed=1):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    """8 million pieces, which are 32 MB as int32, are read in less than 4 MB more than their last part."""
    documents = np.split(np.random.default_rng(0).integers(0, 30_000, 8_000_000), 16_000)
    write_corpus(documents, tmp_path / "corpus", 30_000)
    command = [sys.executable, "-c", READ_AN_EPOCH, tmp_path / "corpus"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 4 * 1024
