import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.transforms.piece_windows import NO_TAG, stitch, window_tags, windows_of
from ulmfit_tfx.transforms.tokenization import Tokenizer

PAD, BOS, EOS = 1, 2, 3
FOR_EACH_TOKENIZER = settings(deadline=None, max_examples=30)


@pytest.fixture(scope="module", params=[(True, True), (True, False), (False, True), (False, False)], ids=str)
def tokenizer(request, spm_model):
    add_bos, add_eos = request.param
    return Tokenizer(spm_model, TokenizerConfig(add_bos=add_bos, add_eos=add_eos), CleaningConfig())


def ragged(rows):
    """Ids that differ, so that each tells where it was."""
    lengths = tf.constant(rows, tf.int64, [len(rows)])
    return tf.RaggedTensor.from_row_lengths(tf.range(10, 10 + sum(rows)), lengths)


@st.composite
def cases(draw):
    """Row lengths, pieces that a window has room for, overlap."""
    room = draw(st.integers(1, 12))
    return draw(st.lists(st.integers(0, 60), max_size=4)), room, draw(st.integers(0, room - 1))


def cut(tokenizer, lengths, room, overlap):
    marks = tokenizer.config.add_bos + tokenizer.config.add_eos
    return windows_of(ragged(lengths), room + marks, overlap, tokenizer)


def contents(ids, tokenizer) -> list[list[int]]:
    """Pieces of each window. Checks what stands around them."""
    found = []
    for window in ids.numpy().tolist():
        pieces = [piece for piece in window if piece >= 10]
        marked = [BOS] * tokenizer.config.add_bos + pieces + [EOS] * tokenizer.config.add_eos
        assert window == marked + [PAD] * (len(window) - len(marked))
        found.append(pieces)
    return found


@FOR_EACH_TOKENIZER
@given(case=cases())
def test_windows_are_slices_of_the_rows_that_share_the_overlap(tokenizer, case):
    lengths, room, overlap = case
    windows = contents(cut(tokenizer, *case)[0], tokenizer)
    for row in ragged(lengths).to_list():
        needed = 1 if 0 < len(row) <= room else max(0, math.ceil((len(row) - overlap) / (room - overlap)))
        of_row, windows = windows[:needed], windows[needed:]
        assert all(window == row[window[0] - row[0] :][: min(room, len(row))] for window in of_row)
        assert [window[0] for window in of_row[:1]] == row[:1]
        assert [window[-1] for window in of_row[-1:]] == row[-1:]
        assert all(left[-1] - right[0] + 1 >= overlap for left, right in itertools.pairwise(of_row))
    assert not windows


@FOR_EACH_TOKENIZER
@given(case=cases())
def test_stitching_gives_each_piece_once_and_in_order(tokenizer, case):
    ids, windows = cut(tokenizer, *case)
    values = tf.stack([ids, -ids], axis=-1)
    expected = [[[piece, -piece] for piece in row] for row in ragged(case[0]).to_list()]
    assert stitch(values, windows).to_list() == expected


@FOR_EACH_TOKENIZER
@given(case=cases())
def test_each_piece_is_taken_where_it_has_the_most_context(tokenizer, case):
    lengths, _, overlap = case
    ids, windows = cut(tokenizer, *case)
    found = contents(ids, tokenizer)
    taken = stitch(tf.broadcast_to(tf.range(len(found))[:, None], ids.shape), windows)
    for row, numbers in zip(ragged(lengths).to_list(), taken.to_list(), strict=True):
        for piece, number in zip(row, numbers, strict=True):

            def context(window, piece=piece, row=row):
                """Pieces on the side where there are fewer, those that the row does not have counted as there."""
                before = np.inf if window[0] == row[0] else piece - window[0]
                after = np.inf if window[-1] == row[-1] else window[-1] - piece
                return min(before, after)

            assert context(found[number]) == max(context(window) for window in found if piece in window)
            assert context(found[number]) >= overlap // 2


@FOR_EACH_TOKENIZER
@given(case=cases())
def test_a_batch_is_cut_as_its_rows_are(tokenizer, case):
    lengths, room, overlap = case
    together = contents(cut(tokenizer, *case)[0], tokenizer)
    marks = tokenizer.config.add_bos + tokenizer.config.add_eos
    rows = ragged(lengths)
    alone = [windows_of(rows[row : row + 1], room + marks, overlap, tokenizer)[0] for row in range(len(lengths))]
    assert together == [window for ids in alone for window in contents(ids, tokenizer)]


@FOR_EACH_TOKENIZER
@given(case=cases())
def test_tags_are_cut_as_pieces_are(tokenizer, case):
    ids, windows = cut(tokenizer, *case)
    rows = ragged(case[0])
    expected = np.where(ids >= 10, ids, NO_TAG)
    np.testing.assert_array_equal(window_tags(rows, windows), expected)
    several = rows.with_values(tf.cast(tf.stack([rows.values, rows.values + 1], axis=-1), tf.float32))
    np.testing.assert_array_equal(
        window_tags(several, windows), np.stack([expected, np.where(ids >= 10, expected + 1, NO_TAG)], axis=-1)
    )


def test_rows_of_a_dataset_are_cut(spm_model):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())

    def cut_row(ids):
        row = tf.RaggedTensor.from_tensor(ids[None])
        windows, held = windows_of(row, 6, 1, tokenizer)
        return windows, window_tags(row, held)

    rows = tf.data.Dataset.from_generator(
        lambda: [[10, 11, 12, 13, 14], [20]], output_signature=tf.TensorSpec([None], tf.int32)
    )
    found = [(ids.tolist(), tags.tolist()) for ids, tags in rows.map(cut_row).as_numpy_iterator()]
    assert found == [
        ([[2, 10, 11, 12, 13, 3], [2, 11, 12, 13, 14, 3]], [[-1, 10, 11, 12, 13, -1], [-1, 11, 12, 13, 14, -1]]),
        ([[2, 20, 3]], [[-1, 20, -1]]),
    ]


def test_windows_lie_evenly_and_rows_without_pieces_have_none(spm_model):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    ids, _ = windows_of(tf.ragged.constant([[10, 11, 12, 13, 14, 15], [], [20]], tf.int32), 6, 1, tokenizer)
    assert ids.numpy().tolist() == [[2, 10, 11, 12, 13, 3], [2, 12, 13, 14, 15, 3], [2, 20, 3, 1, 1, 1]]


def test_no_pieces_give_no_windows_of_one_position(tokenizer):
    for lengths in ([], [0, 0]):
        ids, windows = cut(tokenizer, lengths, 5, 2)
        assert ids.shape == (0, 1)
        assert stitch(tf.zeros([0, 1, 3]), windows).shape.as_list() == [len(lengths), None, 3]


@pytest.mark.parametrize(("room", "overlap"), [(4, 4), (4, -1), (0, 0)])
def test_overlap_that_leaves_nothing_is_refused(tokenizer, room, overlap):
    with pytest.raises(ValueError, match=f"overlap is {overlap}, expected at least 0 and less than the {room} pieces"):
        cut(tokenizer, [9], room, overlap)
