import pytest

from ulmfit_tfx.schemas.source_config import SplitsConfig
from ulmfit_tfx.transforms.splitting import SPLITS, is_sampled, sample, split_of, unit_hash

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


def test_chosen_texts_are_as_many_as_asked_for_whatever_the_order_and_the_sampling_before():
    kept = [text for text in TEXTS if is_sampled(text, 1, 0.3)]
    chosen = sample(kept, 1, 500)
    assert len(chosen) == 500
    assert chosen == sample(reversed(kept), 1, 500)
    assert sum(is_sampled(text, 1, 0.15) for text in chosen) == pytest.approx(250, abs=40)
    assert len(sample(kept[:7], 1, 500)) == 7


def test_split_without_share_stays_empty():
    shares = SplitsConfig(train=0.1, eval=0.9, test=0)
    assert {split_of(text, 1, shares) for text in TEXTS} == {"train", "eval"}


def test_hash_stays_what_it_is_or_every_users_rows_change_their_split():
    assert unit_hash("Zażółć gęślą jaźń", "split 42") == pytest.approx(0.8759354440333533, abs=1e-15)
