import json
import os
import random
import subprocess
import sys
import tracemalloc
import unicodedata

import datasketch
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.transforms.corpus_cleanup.duplicates import (
    SIGNATURE_BYTES,
    Bands,
    band_keys,
    bands_for,
    label_hash,
    matches_needed,
    shingle_hashes,
    signatures,
    text_digest,
)
from ulmfit_tfx.transforms.records.record import Row

WORDS = [f"word{number}" for number in range(3000)]
TEXTS = st.lists(
    st.text(st.sampled_from("aAbß9 .-\n\u0301İ中ก") | st.characters(codec="utf-8"), max_size=40), max_size=8
)


def words_of(text: str) -> list[str]:
    """The words of a text that is written with spaces, character by character."""
    words, is_inside = [], False
    for character in text.lower():
        in_word = unicodedata.category(character)[0] in "LMN"
        if in_word and is_inside:
            words[-1] += character
        elif in_word:
            words.append(character)
        is_inside = in_word
    return words


def shingles_of(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[start : start + 5]) for start in range(max(len(words) - 4, min(len(words), 1)))}


def jaccard(one: str, two: str) -> float:
    return len(shingles_of(one) & shingles_of(two)) / len(shingles_of(one) | shingles_of(two))


def edited(words: list[str], edits: int, rng: random.Random) -> list[str]:
    """Words, some of them replaced."""
    words = list(words)
    for place in rng.sample(range(len(words)), edits):
        words[place] = rng.choice(WORDS)
    return words


def by_text(texts: list[str]) -> list[np.ndarray]:
    hashes, counts = shingle_hashes(texts)
    return np.split(hashes, np.cumsum(counts)[:-1])


@settings(deadline=None)  # tables are made once
@given(st.lists(st.text(st.sampled_from("aAbßİ9_ .,-\n\u0301\u200d😀é"), max_size=40), min_size=1, max_size=8))
def test_hashes_are_equal_where_sequences_of_five_words_are(texts):
    tuples = [shingles_of(text) for text in texts]
    hashes = [set(found.tolist()) for found in by_text(texts)]
    assert list(map(len, hashes)) == list(map(len, tuples))
    assert len(set().union(*hashes)) == len(set().union(*tuples))
    for one, of_one in zip(tuples, hashes, strict=True):
        for two, of_two in zip(tuples, hashes, strict=True):
            assert len(one & two) == len(of_one & of_two)


def test_order_of_words_tells_sequences_apart():
    one, two = by_text(["one two three four five", "five four three two one"])
    assert one != two


@pytest.mark.parametrize(
    ("text", "sequences"),
    [("", 0), ("?! …", 0), ("a", 1), ("a b c d", 1), ("a b c d e", 1), ("a b c d e f", 2), ("a-b'c d e f g", 3)],
)
def test_a_short_text_is_one_sequence_and_a_text_without_words_none(text, sequences):
    assert shingle_hashes(["x", text, "y"])[1].tolist() == [1, sequences, 1]


@pytest.mark.parametrize("text", ["今日はいい天気", "สวัสดีครับผม"])
def test_letters_of_scripts_without_spaces_are_words(text):
    letters = [character for character in text if unicodedata.category(character) == "Lo"]
    assert shingle_hashes([text])[1].tolist() == [len(letters) - 4]


@settings(deadline=None)  # tables are made once
@given(TEXTS)
def test_a_signature_is_the_lowest_byte_of_datasketch_minima(texts):
    places, values = signatures(texts)
    of_texts = by_text(texts) if texts else []
    assert places.tolist() == [place for place, hashes in enumerate(of_texts) if len(hashes)]
    for place, found in zip(places, values, strict=True):
        minhash = datasketch.MinHash(SIGNATURE_BYTES, hashfunc=int)
        minhash.update_batch(of_texts[place])
        assert found.tolist() == (minhash.hashvalues % 256).tolist()


def test_a_signature_does_not_depend_on_other_texts():
    rng = random.Random(0)
    # More characters than are signed at once, and a text that alone has more.
    texts = [" ".join(rng.choices(WORDS, k=rng.choice([0, 1, 3, 50]))) for _ in range(3000)]
    texts.insert(1000, " ".join(rng.choices(WORDS, k=60_000)))
    places, values = signatures(texts)
    assert len(places) < len(texts)
    for place in (*range(20), *range(995, 1010), *range(2980, 3001)):
        alone = signatures([texts[place]])
        assert values[places == place].tolist() == alone.values.tolist()


def test_share_of_equal_values_estimates_jaccard_similarity():
    rng = random.Random(0)
    for edits in (0, 2, 5, 10, 20, 40):
        errors = []
        for _ in range(50):
            words = rng.choices(WORDS, k=200)
            pair = [" ".join(words), " ".join(edited(words, edits, rng))]
            _, (one, two) = signatures(pair)
            matches = (one == two).mean()
            errors.append((matches - 1 / 256) / (1 - 1 / 256) - jaccard(*pair))
        assert abs(np.mean(errors)) < 0.02
        assert np.std(errors) < 0.06


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.8, 0.95])
def test_as_many_values_are_needed_as_datasketch_estimates(similarity):
    one = np.arange(SIGNATURE_BYTES, dtype=np.uint64)
    estimates = []
    for matches in range(SIGNATURE_BYTES + 1):
        two = np.where(one < matches, one, one + 1)
        minhashes = [datasketch.MinHash(hashvalues=values, permutations=([0] * 128,) * 2) for values in (one, two)]
        estimates.append(datasketch.bBitMinHash(minhashes[0], b=8).jaccard(datasketch.bBitMinHash(minhashes[1], b=8)))
    assert matches_needed(similarity) == next(m for m, estimate in enumerate(estimates) if estimate >= similarity)


@pytest.mark.parametrize("similarity", [0.05, 0.5, 0.8, 0.9, 0.99, 0.9999])
def test_bands_fit_into_a_signature_whatever_the_similarity(similarity):
    number, width = bands_for(similarity)
    assert number >= 2
    assert width >= 1
    assert number * width <= SIGNATURE_BYTES


def test_most_pairs_of_the_similarity_share_a_band_and_few_of_half_of_it():
    number, width = bands_for(0.8)
    assert 1 - (1 - 0.8**width) ** number > 0.85
    assert 1 - (1 - 0.4**width) ** number < 0.005


def test_band_keys_are_equal_where_the_same_band_has_the_same_values():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (300, SIGNATURE_BYTES), np.uint8)
    bands = Bands(18, 7)
    keys = band_keys(values, bands)
    cut = {
        (row, band): (band, values[row, 7 * band : 7 * band + 7].tobytes()) for row in range(300) for band in range(18)
    }
    assert len({(key, cut[place]) for place, key in np.ndenumerate(keys)}) == len(set(cut.values()))
    assert len(set(keys.ravel().tolist())) == len(set(cut.values()))


def test_keys_are_the_same_in_every_process():
    script = (
        "import json\n"
        "from ulmfit_tfx.transforms.records.record import Row\n"
        "from ulmfit_tfx.transforms.corpus_cleanup.duplicates import *\n"
        "text = 'Zażółć gęślą jaźń, one two three.'\n"
        "_, values = signatures([text])\n"
        "keys = band_keys(values, bands_for(0.8)).tolist()\n"
        "print(json.dumps([text_digest(text).hex(), label_hash(Row(text, label='a')), values.tolist(), keys]))\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert len(json.loads(printed.pop())[2][0]) == SIGNATURE_BYTES


def test_datasketch_is_imported_where_signatures_are_asked_for_alone():
    script = (
        "import sys\n"
        "from ulmfit_tfx.transforms.corpus_cleanup import duplicates\n"
        "duplicates.text_digest('a')\n"
        "assert not {'datasketch', 'scipy', 'tensorflow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@given(st.text(), st.text())
def test_digests_are_equal_where_texts_are(one, two):
    assert text_digest(one) == text_digest(str(one))
    assert (text_digest(one) == text_digest(two)) == (one == two)


def test_a_label_is_all_that_a_row_teaches_and_nothing_else():
    rows = [
        Row("Fine."),
        Row("Fine.", label="a"),
        Row("Fine.", label="b"),
        Row("Fine.", labels=()),
        Row("Fine.", labels=("a",)),
        Row("Fine.", labels=("a", "b")),
        Row("Fine.", targets=(1.0,)),
        Row("Fine.", targets=(1.0, 2.0)),
        Row("Fine.", words=("Fine", "."), tags=("JJ", ".")),
        Row("Fine.", words=("Fine", "."), tags=("NN", ".")),
        Row("Fine.", words=("Fine.",), tags=("JJ",)),
    ]
    hashes = [label_hash(row) for row in rows]
    assert len(set(hashes)) == len(rows)
    assert all(0 <= value < 2**63 for value in hashes)
    assert label_hash(Row("Bad.", label="a", split="eval", weight=2, key="k", slices=(("s", "v"),))) == hashes[1]
    assert label_hash(Row("Fine.", labels=("b", "a"))) == hashes[5]


def test_memory_of_a_text_of_a_megabyte_is_bounded():
    text = "lorem ipsum " * (1_000_000 // 12)
    signatures(["tables are made once"])
    tracemalloc.start()
    signatures([text])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * len(text)
