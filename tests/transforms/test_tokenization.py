import io
import pickle
from pathlib import Path

import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_texts import KINDS, ODD_TEXTS, WHITE_SPACE, any_text, long_texts, random_texts, train_tokenizer

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import plain_text
from ulmfit_tfx.transforms.tokenization import SpecialIds, Tokenizer
from ulmfit_tfx.transforms.word_pieces import word_pieces

PLAIN = CleaningConfig()
IMPORTED = Path(__file__).parents[3] / "shared" / "data" / "sentencepiece"
ALL_ODD = [text for texts in ODD_TEXTS.values() for text in texts]


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), PLAIN)


@pytest.fixture(scope="module")
def reference(spm_model):
    return sentencepiece.SentencePieceProcessor(model_proto=spm_model)


@pytest.fixture(scope="module", params=KINDS, ids=str)
def pair(request):
    """A tokenizer of each kind, and the package's with the same model."""
    return with_package(train_tokenizer(*request.param))


def with_package(model, **config):
    return Tokenizer(model, TokenizerConfig(**config), PLAIN), sentencepiece.SentencePieceProcessor(model_proto=model)


def batch(texts):
    return tf.constant([text if isinstance(text, bytes) else text.encode() for text in texts])


def differing(tokenizer, package, texts):
    """Texts that the tokenizer and the package give other ids."""
    marks = {"add_bos": tokenizer.config.add_bos, "add_eos": tokenizer.config.add_eos}
    found = tokenizer.tokenize(batch(texts)).to_list()
    return [text for text, ids in zip(texts, found, strict=True) if ids != package.encode(text, **marks)]


@pytest.mark.parametrize("oddity", ODD_TEXTS)
def test_ids_equal_those_of_the_package(pair, oddity):
    assert differing(*pair, ODD_TEXTS[oddity]) == []


@pytest.mark.parametrize("oddity", long_texts())
def test_ids_of_a_long_text_equal_those_of_the_package(pair, oddity):
    assert [text[:80] for text in differing(*pair, [long_texts()[oddity]])] == []


@settings(deadline=None)
@given(batch=st.lists(any_text(), min_size=1, max_size=6))
def test_ids_of_any_texts_equal_those_of_the_package(pair, batch):
    assert differing(*pair, batch) == []


@settings(deadline=None)
@given(batch=st.lists(st.binary(), min_size=1, max_size=6))
def test_ids_of_bytes_that_are_no_utf8_equal_those_of_the_package(pair, batch):
    assert differing(*pair, batch) == []


@pytest.mark.parametrize(
    "options",
    [
        {"model_type": "char"},
        {"model_type": "word"},
        {"model_type": "bpe", "treat_whitespace_as_suffix": True, "normalization_rule_name": "nmt_nfkc_cf"},
        {"model_type": "unigram", "add_dummy_prefix": False, "normalization_rule_name": "nfkc"},
        {"model_type": "bpe", "remove_extra_whitespaces": False, "normalization_rule_name": "identity"},
    ],
    ids=str,
)
def test_models_with_other_settings_give_the_ids_of_the_package(options):
    assert differing(*with_package(train_tokenizer(**options)), ALL_ODD) == []


@pytest.mark.parametrize(
    ("name", "ids", "marks"),
    [
        ("plato-sp5k", SpecialIds(unk=0, pad=1, bos=2, eos=3), {}),
        ("seqio_sentencepiece", SpecialIds(unk=2, pad=0, bos=-1, eos=1), {"add_bos": False}),
    ],
)
def test_imported_models_give_the_ids_of_the_package_with_special_ids_of_their_own(name, ids, marks):
    tokenizer, package = with_package(imported(name), **marks)
    assert tokenizer.special_ids == ids
    assert differing(tokenizer, package, ALL_ODD + random_texts(500)) == []


@pytest.mark.parametrize("name", ["test_model", "test_ja_model", "fast_sentencepiece"])
def test_imported_model_with_bos_one_and_eos_two_gives_its_ids_once_it_has_a_padding_piece(name):
    from sentencepiece import sentencepiece_model_pb2

    model = imported(name)
    with pytest.raises(DataError, match="has no <pad> piece"):
        Tokenizer(model, TokenizerConfig(), PLAIN)
    content = sentencepiece_model_pb2.ModelProto.FromString(model)
    content.pieces.add(piece="<pad>", score=0, type=content.SentencePiece.CONTROL)
    padded = Tokenizer(content.SerializeToString(), TokenizerConfig(), PLAIN)
    assert padded.special_ids == SpecialIds(unk=0, pad=len(content.pieces) - 1, bos=1, eos=2)
    package = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert differing(padded, package, ALL_ODD + random_texts(500)) == []


def imported(name):
    file = IMPORTED / f"{name}.model"
    if not file.is_file():
        pytest.skip(f"no {file}")
    return file.read_bytes()


def test_ids_of_a_text_do_not_depend_on_its_batch(pair):
    tokenizer, _ = pair
    rows = ALL_ODD + random_texts(300)
    together = tokenizer.tokenize(batch(rows)).to_list()
    assert [tokenizer.tokenize(batch([text])).to_list()[0] for text in rows] == together
    assert tokenizer.tokenize(batch(rows[::-1])).to_list() == together[::-1]


def test_pieces_of_each_word_equal_those_of_the_package(pair):
    tokenizer, package = pair
    words = [*ALL_ODD, *random_texts(300)]
    sentences = tf.RaggedTensor.from_row_lengths(batch(words), [len(words) - 3, 0, 3])
    expected = [package.encode(word) or [package.unk_id()] for word in words]
    assert word_pieces(tokenizer, sentences).to_list() == [expected[:-3], [], expected[-3:]]


def test_ids_in_a_graph_are_those_outside_of_it(pair):
    tokenizer, _ = pair
    in_graph = tf.function(tokenizer.tokenize, input_signature=[tf.TensorSpec([None], tf.string)])
    rows = batch(ALL_ODD)
    assert tokenizer.tokenize(rows).to_list() == in_graph(rows).to_list()


@pytest.mark.parametrize("length", [1, 2, 7, 512])
def test_ids_are_cut_at_the_maximum_length(pair, length):
    tokenizer, package = pair
    expected = [package.encode(text, add_bos=True, add_eos=True)[:length] for text in ALL_ODD]
    assert tokenizer.tokenize(batch(ALL_ODD), length).to_list() == expected


@pytest.fixture(scope="module")
def keeping_space():
    """A tokenizer with a separator and the package's, of a model that keeps white space."""
    return with_package(train_tokenizer("unigram", remove_extra_whitespaces=False), separator="[SEP]")


@settings(deadline=None)
@given(parts=st.lists(any_text(), min_size=1, max_size=4), max_length=st.integers(1, 60))
def test_each_part_between_separators_is_stripped_and_has_marks_of_its_own(keeping_space, parts, max_length):
    tokenizer, package = keeping_space
    text = "[SEP]".join(parts)
    ids = [package.encode(part.strip(" \t\n\v\f\r"), add_bos=True, add_eos=True) for part in text.split("[SEP]")]
    expected = [piece for part in ids for piece in part][:max_length]
    assert tokenizer.tokenize(batch([text, ""]), max_length).to_list() == [expected, [2, 3][:max_length]]


@pytest.mark.parametrize("space", WHITE_SPACE, ids=ascii)
def test_white_space_that_ingestion_strips_has_no_ids_but_for_next_line(pair, space):
    """A row is stored without the white space around it."""
    _, package = pair
    line = f"{space}naïve tale{space}"
    config = text_source(path="rows", format="text")
    stored = [row.text for row in plain_text.parse(io.BytesIO(f"{line}\n".encode()), "rows", config)]
    assert stored == ["naïve tale"]
    is_same = package.encode(line) == package.encode(stored[0])
    assert is_same == (space != "\x85"), "SentencePiece takes the control character U+0085 for no white space"


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
