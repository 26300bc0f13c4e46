import io
import pickle

import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config import CleaningConfig, TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.tokenization import SpecialIds, Tokenizer

PLAIN = CleaningConfig()


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), PLAIN)


@pytest.fixture(scope="module")
def reference(spm_model):
    return sentencepiece.SentencePieceProcessor(model_proto=spm_model)


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")), min_size=1, max_size=4))
def test_ids_equal_those_of_the_sentencepiece_package(tokenizer, reference, texts):
    expected = [reference.encode(text, add_bos=True, add_eos=True) for text in texts]
    assert tokenizer.tokenize(texts).to_list() == expected


def test_special_ids_are_read_from_the_model(tokenizer):
    assert tokenizer.special_ids == SpecialIds(unk=0, pad=1, bos=2, eos=3)


def test_bos_and_eos_can_be_left_out(spm_model, reference):
    plain = Tokenizer(spm_model, TokenizerConfig(add_bos=False, add_eos=False), PLAIN)
    assert plain.tokenize(["a great film", ""]).to_list() == [reference.encode("a great film"), []]


def test_cleaning_comes_before_tokenization(spm_model, reference):
    cleaning = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig(strip_html=True, lower_case=True))
    expected = reference.encode("great  film", add_bos=True, add_eos=True)
    assert cleaning.tokenize(["GREAT<br /> film"]).to_list() == [expected]


def test_padding_is_one_and_too_long_texts_are_cut(tokenizer):
    ids = tokenizer.tokenize(["a great film and a great story", ""], max_length=5)
    assert tokenizer.pad(ids).shape == (2, 5)
    assert tokenizer.pad(ids)[1].numpy().tolist() == [2, 3, 1, 1, 1]
    assert tokenizer.pad(ids, 7)[1].numpy().tolist() == [2, 3, 1, 1, 1, 1, 1]
    assert tokenizer.pad(ids, 3).shape == (2, 3)


def test_padding_has_a_position_even_where_there_is_no_piece(spm_model):
    plain = Tokenizer(spm_model, TokenizerConfig(add_bos=False, add_eos=False), PLAIN)
    assert plain.pad(plain.tokenize(["", ""])).numpy().tolist() == [[1], [1]]
    assert plain.pad(plain.tokenize(tf.constant([], tf.string))).shape == (0, 1)


def test_pickle_leaves_the_op_out_and_builds_it_again(tokenizer):
    expected = tokenizer.tokenize(["a great film"]).to_list()
    assert pickle.loads(pickle.dumps(tokenizer)).tokenize(["a great film"]).to_list() == expected


@pytest.mark.parametrize("content", [b"no model", b""])
def test_bytes_that_are_no_model_are_refused(content):
    with pytest.raises(DataError, match="not a SentencePiece model"):
        Tokenizer(content, TokenizerConfig(), PLAIN)


def test_model_without_padding_is_refused():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a great film"] * 3), model_writer=model, vocab_size=20, model_type="bpe", pad_id=-1
    )
    with pytest.raises(DataError, match="has no <pad> piece"):
        Tokenizer(model.getvalue(), TokenizerConfig(), PLAIN)
