import numpy as np
import pytest

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.data.sentence_batches import SentenceBatches
from ulmfit_tfx.trainer_modules.data.task_batches import bucket_bounds
from ulmfit_tfx.trainer_modules.data.token_corpus import write_corpus

PAD = 1
SEED = 5
SHORTEST, LONGEST = 4, 30
RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(1, 60, 700)
# Each piece has an id of its own.
TEXTS = np.split(np.arange(10, 10 + LENGTHS.sum()), np.cumsum(LENGTHS)[:-1])
LONG_ENOUGH = [text for text in TEXTS if len(text) >= SHORTEST]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(TEXTS, tmp_path_factory.mktemp("corpora") / "corpus", 40_000)


def batches_of(corpus, batch_size=4, backward=False):
    return SentenceBatches.of(corpus, batch_size, PAD, SHORTEST, LONGEST, backward)


def texts_in(batches):
    """Rows that hold a text, as its pieces, after a look at where padding stands."""
    texts = []
    for ids, targets in batches:
        for row, next_pieces in zip(ids.tolist(), targets.tolist(), strict=True):
            count = sum(piece != PAD for piece in next_pieces)
            assert next_pieces[count:] == row[count:] == [PAD] * (len(row) - count)
            assert row[1:count] == next_pieces[: max(count - 1, 0)]
            if count:
                texts.append(tuple(row[:1] + next_pieces[:count]))
    return texts


def lists(batches):
    return [(ids.tolist(), targets.tolist()) for ids, targets in batches]


@pytest.mark.parametrize("batch_size", [4, 64])
def test_an_epoch_holds_each_text_long_enough_once_cut_at_the_longest(corpus, batch_size):
    batches = batches_of(corpus, batch_size)
    expected = sorted(tuple(text[:LONGEST].tolist()) for text in LONG_ENOUGH)
    assert sorted(texts_in(batches.epoch(0, SEED))) == expected
    assert sorted(texts_in(batches.epoch(1, SEED))) == expected
    assert sorted(texts_in(batches.in_order())) == expected


def test_backward_texts_are_read_from_their_end(corpus):
    expected = sorted(tuple(text[::-1][:LONGEST].tolist()) for text in LONG_ENOUGH)
    assert sorted(texts_in(batches_of(corpus, backward=True).epoch(0, SEED))) == expected


@pytest.mark.parametrize("batch_size", [1, 4, 9])
def test_batches_and_pieces_are_counted_right(corpus, batch_size):
    batches = batches_of(corpus, batch_size)
    predicted = sum(min(len(text), LONGEST) - 1 for text in LONG_ENOUGH)
    assert batches.texts == len(LONG_ENOUGH)
    for epoch in range(2):
        read = list(batches.epoch(epoch, SEED))
        assert len(read) == batches.steps(epoch, SEED) == -(-len(LONG_ENOUGH) // batch_size)
        assert sum(int((targets != PAD).sum()) for _, targets in read) == predicted
        assert batches.predicted(epoch, SEED) == batches.pieces == predicted


def test_all_batches_have_all_rows_and_one_of_few_widths(corpus):
    shapes = {ids.shape for ids, _ in batches_of(corpus, 9).epoch(0, SEED)}
    assert shapes == {(9, bound - 1) for bound in bucket_bounds(LONGEST)} | {(9, LONGEST - 1)}


def test_little_is_computed_on_padding(corpus):
    padding = [np.mean(targets == PAD) for _, targets in batches_of(corpus).epoch(0, SEED)]
    assert np.mean(padding) < 0.25


def test_only_the_last_batch_is_filled_up_with_rows_of_padding(corpus):
    batch_size = 9
    empty_rows = [int((targets == PAD).all(axis=1).sum()) for _, targets in batches_of(corpus, batch_size).epoch(0, 1)]
    assert empty_rows == [0] * (len(empty_rows) - 1) + [-len(LONG_ENOUGH) % batch_size]


def test_epochs_differ_and_repeat(corpus):
    batches = batches_of(corpus)
    first = lists(batches.epoch(0, SEED))
    assert first == lists(batches.epoch(0, SEED))
    assert first != lists(batches.epoch(1, SEED))
    assert first != lists(batches.epoch(0, SEED + 1))


@pytest.mark.parametrize("skip", [1, 70, 1000])
def test_skipping_gives_the_rest_of_the_same_epoch(corpus, skip):
    batches = batches_of(corpus)
    assert lists(batches.epoch(2, SEED, skip)) == lists(batches.epoch(2, SEED))[skip:]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128])
def test_texts_may_fill_the_pool_exactly(count, tmp_path):
    texts = [np.array([5, 6, 7, number + 10]) for number in range(count)]
    batches = SentenceBatches.of(write_corpus(texts, tmp_path / "corpus", 200), 1, PAD, 2, 8, False)
    assert len(texts_in(batches.epoch(0, SEED))) == batches.steps(0, SEED) == count


def test_corpus_of_texts_too_short_is_refused(tmp_path):
    corpus = write_corpus([np.array([5, 6])], tmp_path / "corpus", 10)
    with pytest.raises(DataError, match="no text of the corpus has language_model.min_seq_len=3 pieces"):
        SentenceBatches.of(corpus, 4, PAD, 3, 8, False)
