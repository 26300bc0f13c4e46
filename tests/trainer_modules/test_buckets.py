"""Sizes of the tables that are served."""

import pytest

from ulmfit_tfx.trainer_modules.branches.buckets import fitting_buckets, megabytes
from ulmfit_tfx.trainer_modules.branches.features import CHARACTERS, PIECES, WORDS

CONFIGURED = {PIECES: 2**16, WORDS: 2**16, CHARACTERS: 2**17}


def sizes(outputs, reads_pairs=False):
    return {"vocab_size": 8000, "outputs": outputs, "reads_pairs": reads_pairs}


def test_size_is_that_of_the_weights_and_of_the_inverse_document_frequencies():
    assert megabytes(CONFIGURED, **sizes(2)) == pytest.approx((8000 + 2**16 + 2**16 + 2**17) * (2 + 1) * 4 / 1e6)
    assert megabytes({WORDS: 1000}, **sizes(1, reads_pairs=True)) == pytest.approx((2001 + 1000) * 4 / 1e6)


@pytest.mark.parametrize(("outputs", "limit"), [(2, 30), (24, 30), (24, None), (500, None)])
def test_tables_that_fit_stay_as_they_are(outputs, limit):
    assert fitting_buckets(CONFIGURED, **sizes(outputs), max_megabytes=limit) == CONFIGURED


@pytest.mark.parametrize("outputs", [30, 40, 60, 80])
def test_tables_of_many_classes_are_halved_until_they_fit_and_no_further(outputs):
    fitting = fitting_buckets(CONFIGURED, **sizes(outputs), max_megabytes=30)
    assert megabytes(fitting, **sizes(outputs)) <= 30
    assert fitting[PIECES] == CONFIGURED[PIECES]
    twice = fitting | {name: 2 * fitting[name] for name in (WORDS, CHARACTERS)}
    assert megabytes(twice, **sizes(outputs)) > 30


def test_words_are_not_mixed_up_for_the_sake_of_a_size_that_cannot_be_reached():
    fitting = fitting_buckets(CONFIGURED, **sizes(1000), max_megabytes=1)
    assert fitting == {PIECES: 2**16, WORDS: 2**13, CHARACTERS: 2**13}


def test_few_buckets_that_were_asked_for_stay():
    few = {WORDS: 1024, CHARACTERS: 2048}
    assert fitting_buckets(few, **sizes(1000), max_megabytes=1) == few
