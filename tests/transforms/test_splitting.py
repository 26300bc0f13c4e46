import itertools
import tracemalloc
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.transforms import splitting
from ulmfit_tfx.transforms.splitting import SPLITS, SampleCounts, is_sampled, sample, split_of, unit_hash

TEXTS = [f"text number {number}" for number in range(20_000)]


def test_splits_have_their_shares():
    shares = SplitsConfig(train=0.7, eval=0.2, test=0.1)
    splits = [split_of(text, 1, shares) for text in TEXTS]
    for split in SPLITS:
        assert splits.count(split) / len(TEXTS) == pytest.approx(getattr(shares, split), abs=0.01)


def test_sample_has_its_share_of_every_split():
    shares = SplitsConfig(train=0.5, eval=0.3, test=0.2)
    sampled = [text for text in TEXTS if is_sampled(text, 1, 0.3)]
    assert len(sampled) / len(TEXTS) == pytest.approx(0.3, abs=0.01)
    in_train = sum(split_of(text, 1, shares) == "train" for text in sampled)
    assert in_train / len(sampled) == pytest.approx(0.5, abs=0.02)


def test_another_seed_gives_another_split():
    shares = SplitsConfig()
    assert any(split_of(text, 1, shares) != split_of(text, 2, shares) for text in TEXTS[:100])


def test_smaller_sample_is_part_of_the_larger():
    assert all(is_sampled(text, 3, 0.4) for text in TEXTS[:2000] if is_sampled(text, 3, 0.1))


def sorted_and_cut(texts, seed, max_texts, max_bytes):
    """What `sample` says that it does, with all texts in memory."""
    ordered = sorted((text for text in texts if len(text.encode()) <= max_bytes), reverse=True)
    ordered.sort(key=lambda text: splitting.unit_hash(text, f"choose {seed}"))
    sizes = itertools.accumulate(len(text.encode()) for text in ordered)
    return [text.encode() for text, size in zip(ordered[:max_texts], sizes, strict=False) if size <= max_bytes]


@pytest.mark.parametrize("digits", [1, 15])
@given(
    texts=st.lists(st.text("abcż", min_size=1, max_size=9), max_size=60),
    seed=st.integers(0, 3),
    max_texts=st.integers(1, 20),
    max_bytes=st.integers(1, 60),
    order=st.randoms(use_true_random=False),
)
def test_sample_is_the_longest_beginning_that_fits_whatever_the_order(digits, texts, seed, max_texts, max_bytes, order):
    """With hashes of one digit many texts have the same."""
    exact = splitting.unit_hash
    with mock.patch.object(splitting, "unit_hash", lambda text, salt: round(exact(text, salt), digits)):
        chosen = sample(texts, seed, max_texts, max_bytes)
        assert chosen.texts == sorted_and_cut(texts, seed, max_texts, max_bytes)
        shuffled = texts[:]
        order.shuffle(shuffled)
        assert sample(shuffled, seed, max_texts, max_bytes) == chosen


def test_sample_counts_what_it_chose_and_from_what():
    chosen = sample(["żż", "żż", "żż", "x" * 9], 1, 10, 8)
    assert chosen.texts == ["żż".encode()] * 2
    assert chosen.counts == SampleCounts(texts=2, text_bytes=8, of_texts=4, of_text_bytes=21, too_long=1)


def test_text_longer_than_all_chosen_ones_may_be_does_not_empty_the_sample():
    texts = ["x" * 101, *TEXTS[:5]]
    assert sorted(sample(texts, 1, 10, 100).texts) == sorted(text.encode() for text in TEXTS[:5])


def test_sample_is_not_the_one_of_another_seed_nor_of_is_sampled():
    chosen = sample(TEXTS, 1, 500, 10**9).texts
    assert len(chosen) == 500
    assert len(set(chosen) & set(sample(TEXTS, 2, 500, 10**9).texts)) < 50
    assert sum(is_sampled(text.decode(), 1, 0.5) for text in chosen) == pytest.approx(250, abs=40)


def test_smaller_sample_begins_the_larger():
    assert sample(TEXTS, 3, 100, 10**9).texts == sample(TEXTS, 3, 500, 10**9).texts[:100]


def test_memory_of_a_sample_does_not_grow_with_the_texts():
    def peak(count):
        tracemalloc.start()
        sample((f"text number {number:>8}" for number in range(count)), 1, 10**9, 100_000)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(80_000) < 1.2 * peak(20_000)


def test_counts_read_as_a_sentence_that_says_what_was_left_out():
    assert str(SampleCounts(3, 2_500_000, 3, 2_500_000, 0)) == "all 3 texts, 2.5 MB"
    part = str(SampleCounts(1000, 1_000_000, 20_000, 31_500_000, 2))
    assert part == "1,000 of 20,000 texts, 1.0 of 31.5 MB, chosen by a seeded hash; 2 too long to be chosen"


def test_split_without_share_stays_empty():
    shares = SplitsConfig(train=0.1, eval=0.9, test=0)
    assert {split_of(text, 1, shares) for text in TEXTS} == {"train", "eval"}


def test_hash_stays_what_it_is_or_every_users_rows_change_their_split():
    assert unit_hash("Zażółć gęślą jaźń", "split 42") == pytest.approx(0.8759354440333533, abs=1e-15)
