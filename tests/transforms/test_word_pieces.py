import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.word_pieces import word_pieces

WORDS = st.lists(
    st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8), max_size=4),
    max_size=3,
)


@pytest.fixture(scope="module", params=[(True, True), (True, False), (False, True), (False, False)], ids=str)
def tokenizer(request, spm_model):
    add_bos, add_eos = request.param
    return Tokenizer(spm_model, TokenizerConfig(add_bos=add_bos, add_eos=add_eos), CleaningConfig())


def ragged(sentences):
    lengths = tf.constant([len(words) for words in sentences], tf.int64, [len(sentences)])
    words = [word if isinstance(word, bytes) else word.encode() for words in sentences for word in words]
    return tf.RaggedTensor.from_row_lengths(tf.constant(words, tf.string, [len(words)]), lengths)


@settings(deadline=None)
@given(sentences=WORDS)
def test_pieces_are_those_of_the_sentencepiece_package_or_unknown(tokenizer, sentences):
    reference = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    expected = [[reference.encode(word) or [reference.unk_id()] for word in words] for words in sentences]
    assert word_pieces(tokenizer, ragged(sentences)).to_list() == expected


def test_words_with_spaces_and_without_pieces(tokenizer, spm_model):
    reference = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    pieces = word_pieces(tokenizer, ragged([["a great film", "", " "], [], ["\x01"]]))
    assert pieces.dtype == tf.int32
    assert pieces.to_list() == [[reference.encode("a great film"), [0], [0]], [], [[0]]]


def test_each_word_is_cleaned_by_itself(spm_model):
    reference = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    cleaning = CleaningConfig(strip_html=True, lower_case=True)
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), cleaning)
    pieces = word_pieces(tokenizer, ragged([["GREAT", "<br />", "&amp;"]]))
    assert pieces.to_list() == [[reference.encode("great"), [0], reference.encode("&")]]


def test_bytes_that_are_not_utf8_and_nul_have_pieces(tokenizer):
    pieces = word_pieces(tokenizer, ragged([[b"a\xff\xfe", b"\x80", b"a\0b", b"\0"]]))
    assert all(pieces.to_list()[0])
