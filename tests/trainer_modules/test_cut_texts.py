"""How much of the texts a model never sees."""

from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.trainer_modules.data.cut_texts import CutTexts, measured

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=40)


@given(lengths, st.integers(3, 250), st.integers(0, 100))
def test_counts_are_those_of_a_loop(lengths, max_seq_len, more):
    read_pieces = max_seq_len + more
    cut = measured(lengths, max_seq_len, read_pieces)
    untrained = unread = longer = not_read = 0
    for length in lengths:
        longer += length > max_seq_len
        not_read += length > read_pieces
        untrained += len(range(length)[max_seq_len:])
        unread += len(range(length)[read_pieces:])
    assert (cut.longer, cut.unread) == (longer, not_read)
    assert (cut.untrained_pieces, cut.unread_pieces) == (untrained, unread)
    assert (cut.texts, cut.pieces) == (len(lengths), sum(lengths))
    assert len(list(cut.sentences())) == (longer > 0) + (not_read > 0)
    assert CutTexts.from_json(cut.to_json()) == cut


@given(lengths, st.integers(3, 250))
def test_raising_the_bound_as_the_hint_says_cuts_one_text_in_twenty_at_most(lengths, max_seq_len):
    raised = measured(lengths, max_seq_len, 300).length_of_most
    assert measured(lengths, raised, 300).longer * 20 <= len(lengths)


def test_sentences_name_shares_and_settings():
    first, second = measured([64] * 99 + [1000], 64, 500).sentences()
    assert first == (
        "1 % of texts are longer than max_seq_len = 64 and were cut in training: the network saw nothing of 13 % of "
        "the pieces. Raise training.max_seq_len, if these texts matter"
    )
    assert "longer than the 500 pieces that the model reads: 7 % of the pieces are never read" in second
    assert "Raise head.read_pieces" in second


def test_hint_names_a_length_that_is_enough_for_most():
    (sentence,) = measured([70, 130], 64, 2000).sentences()
    assert sentence.endswith("Raise training.max_seq_len: 95 % have up to 130 pieces")


def test_shares_are_not_rounded_to_all_or_nothing():
    (sentence,) = measured([65] * 999 + [64], 64, 2000).sentences()
    assert sentence.startswith("99 % of texts")
    (sentence,) = measured([64] * 999 + [65], 64, 2000).sentences()
    assert sentence.startswith("under 1 % of texts")
