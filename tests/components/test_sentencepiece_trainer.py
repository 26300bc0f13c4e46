import json
import random
import re
import subprocess
import sys

import pytest
import sentencepiece
import tensorflow as tf
from pydantic import ValidationError
from sentencepiece import sentencepiece_model_pb2 as sentencepiece_model
from tfx.types import artifact_utils, standard_artifacts

from ulmfit_tfx.components.sentencepiece_trainer.executor import CLEANING, MAX_TEXT_BYTES, TOKENIZER, Executor
from ulmfit_tfx.components.sentencepiece_trainer.training import fitting_size, train
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import sample
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

RNG = random.Random(0)
WORDS = ["".join(RNG.choices("abcdefghijklmnop", k=RNG.randint(2, 9))) for _ in range(300)]
TEXTS = [" ".join(RNG.choices(WORDS, k=12)) + RNG.choice([".", "?", "!"]) for _ in range(300)]
WIDE = "\N{FULLWIDTH LATIN CAPITAL LETTER A}a\N{NO-BREAK SPACE}b"


def processor(texts=TEXTS, **config):
    model = train(texts, TokenizerConfig(**({"vocab_size": 150} | config)), max_text_bytes=100_000)
    return sentencepiece.SentencePieceProcessor(model_proto=model)


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_special_ids_and_user_symbols(model_type):
    trained = processor(model_type=model_type)
    assert [trained.id_to_piece(index) for index in range(6)] == ["<unk>", "<pad>", "<s>", "</s>", "?", "!"]
    assert trained.vocab_size() == 150
    assert "?" in trained.encode("what?", out_type=str)


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_training_is_deterministic(model_type):
    config = TokenizerConfig(vocab_size=150, model_type=model_type)
    assert train(TEXTS, config, 100_000) == train(TEXTS, config, 100_000)


def test_texts_may_be_bytes():
    config = TokenizerConfig(vocab_size=150)
    texts = [*TEXTS, "Zażółć gęślą jaźń."]
    assert train(iter([text.encode() for text in texts]), config, 100_000) == train(texts, config, 100_000)


def test_long_texts_are_not_skipped():
    """SentencePiece passes over texts above its own default of 4,192 bytes without a word."""
    long = ["zyzzyva " * 2000]
    assert "▁zyzzyva" in {processor(TEXTS + long).id_to_piece(index) for index in range(150)}


def test_byte_fallback_leaves_nothing_unknown():
    assert 0 in processor().encode("日本")
    trained = processor(byte_fallback=True, vocab_size=350)
    assert trained.encode("日", out_type=str) == ["▁", "<0xE6>", "<0x97>", "<0xA5>"]
    assert trained.decode(trained.encode("日本")) == "日本"


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        ("nmt_nfkc", "Aa b"),
        ("nfkc", "Aa b"),
        ("nmt_nfkc_cf", "aa b"),
        ("nfkc_cf", "aa b"),
        ("identity", WIDE),
    ],
)
def test_normalization_is_part_of_the_model(normalization, expected):
    trained = processor(
        [*TEXTS, "\N{FULLWIDTH LATIN CAPITAL LETTER A} A"], normalization=normalization, character_coverage=1
    )
    pieces = trained.encode(WIDE, out_type=str)
    assert "".join(pieces).removeprefix("▁").replace("▁", " ") == expected


def test_split_digits_makes_each_digit_a_piece():
    texts = [f"{text} 2024" for text in TEXTS]
    assert "▁2024" in processor(texts).encode("2024", out_type=str)
    assert processor(texts, split_digits=True).encode("2024", out_type=str) == ["▁", "2", "0", "2", "4"]


@pytest.mark.parametrize("texts", [["just a few words"], TEXTS], ids=["few", "many"])
def test_vocabulary_that_the_texts_cannot_fill_names_a_size_that_works(texts):
    with pytest.raises(DataError, match=rf"^{len(texts)} texts cannot fill 50,000 pieces\.") as error:
        processor(texts, vocab_size=50_000)
    named = int(re.search(r"Leave vocab_size out, or set it to (\d+)\.", str(error.value))[1])
    assert processor(texts, vocab_size=named).vocab_size() == named


IDEOGRAMS = [chr(0x4E00 + number) for number in range(700)]


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
@pytest.mark.parametrize(
    ("texts", "least", "most"),
    [
        (["just a few words"], 10, 100),
        (TEXTS, 300, 700),
        (["the same words again and again"] * 1000, 10, 200),
        (["".join(random.Random(row).choices(IDEOGRAMS, k=30)) for row in range(100)], 710, 2000),
    ],
    ids=["few", "many", "repeated", "ideograms"],
)
def test_size_that_is_left_out_is_one_that_the_texts_can_teach(texts, least, most, model_type):
    assert least < processor(texts, vocab_size=None, model_type=model_type).vocab_size() <= most


def test_many_texts_have_8000_pieces_where_none_are_asked_for():
    assert fitting_size(["five five"] * 100_000) == 8000


def test_no_texts_at_all_are_not_called_a_wrong_size():
    with pytest.raises(DataError, match="there are no texts to train a tokenizer on"):
        processor([])


@pytest.mark.parametrize("texts", [["  "], ["? !", "?"], ["\u200b"], ["▁"], ["\0"], ["?a?"]])
@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_texts_with_nothing_to_learn_are_an_error(texts, model_type):
    """SentencePiece takes the process with it: in one of its own."""
    script = (
        "from ulmfit_tfx.components.sentencepiece_trainer.training import train\n"
        "from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig\n"
        f"train({texts}, TokenizerConfig(vocab_size=16, model_type={model_type!r}), 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{len(texts)} texts hold nothing that a piece can be learned from" in done.stderr


def test_first_text_with_nothing_to_learn_is_no_error():
    assert processor(["", "?", *TEXTS]).vocab_size() == 150


def test_vocabulary_too_small_for_the_characters_is_an_error():
    with pytest.raises(
        DataError, match=r"^300 texts need \d+ pieces for their characters.*Set vocab_size to \d+"
    ) as error:
        processor(vocab_size=16)
    named = int(re.search(r"Set vocab_size to (\d+)", str(error.value))[1])
    assert processor(vocab_size=named).vocab_size() == named


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"byte_fallback": True, "vocab_size": 262}, "expected more than 262: .* 256 of byte_fallback and 2 of user"),
        ({"user_defined_symbols": [f"s{n}" for n in range(20)], "vocab_size": 24}, "expected more than 24"),
        ({"user_defined_symbols": ["<s>"]}, "holds <s>, which is a special piece"),
        ({"user_defined_symbols": ["a b"]}, "white space"),
        ({"user_defined_symbols": ["▁"]}, "white space, a control character or ▁"),
        ({"user_defined_symbols": ["a\0"]}, "control character"),
        ({"user_defined_symbols": ["?", "?"]}, "repeated"),
        ({"user_defined_symbols": ["<0x41>"], "byte_fallback": True}, "<0x41>, which is a piece of byte_fallback"),
        ({"normalization": "nfd"}, "'identity'"),
        ({"sample_bytes": 0}, "greater than 0"),
    ],
)
def test_configuration_that_cannot_work_is_refused(values, expected):
    with pytest.raises(ValidationError, match=expected):
        TokenizerConfig(**values)


def test_smallest_vocabulary_that_is_allowed_with_byte_fallback_leaves_the_rest_to_the_texts():
    with pytest.raises(DataError, match=r"need \d+ pieces for their characters"):
        processor(byte_fallback=True, vocab_size=263)


@pytest.fixture
def run_executor(tmp_path):
    """Runs the component on texts; returns its artifact."""

    def run(texts, config, cleaning, seed):
        examples = standard_artifacts.Examples()
        examples.uri = str(tmp_path / "examples")
        examples.split_names = artifact_utils.encode_split_names(["train"])
        (tmp_path / "examples" / "Split-train").mkdir(parents=True)
        with tf.io.TFRecordWriter(f"{examples.uri}/Split-train/data.gz", "GZIP") as writer:
            for text in texts:
                feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
                example = tf.train.Example(features=tf.train.Features(feature={"text": feature}))
                writer.write(example.SerializeToString())
        tokenizer = standard_artifacts.Model()
        tokenizer.uri = str(tmp_path / "tokenizer")
        parts = {
            TOKENIZER: config.model_dump(mode="json"),
            CLEANING: cleaning.model_dump(mode="json"),
            MAX_TEXT_BYTES: 100_000,
        }
        properties = {specs.CONFIG: json.dumps(parts), specs.SEED: seed}
        Executor().Do({specs.EXAMPLES: [examples]}, {specs.TOKENIZER: [tokenizer]}, properties)
        return tokenizer

    return run


def test_component_trains_on_a_sample_and_says_so(run_executor, tmp_path):
    config = TokenizerConfig(vocab_size=120, sample_texts=200, sample_bytes=5_000)
    artifact = run_executor(TEXTS, config, CleaningConfig(), 7)
    chosen = sample(TEXTS, 7, 200, 5_000)
    assert 0 < len(chosen.texts) < 200
    assert read_tokenizer(artifact.uri).model == train(chosen.texts, config, 100_000)
    assert artifact.get_string_custom_property("trained_on") == str(chosen.counts)
    counts = json.loads((tmp_path / "tokenizer" / "sample.json").read_text())
    assert counts == {
        "texts": len(chosen.texts),
        "text_bytes": sum(map(len, chosen.texts)),
        "of_texts": 300,
        "of_text_bytes": len("".join(TEXTS)),
        "too_long": 0,
    }


def test_component_passes_everything_on_to_sentencepiece(run_executor):
    config = TokenizerConfig(vocab_size=400, byte_fallback=True, normalization="nfkc_cf", split_digits=True)
    tokenizer = read_tokenizer(run_executor([text.upper() for text in TEXTS], config, CleaningConfig(), 7).uri)
    model = sentencepiece_model.ModelProto.FromString(tokenizer.model)
    assert model.trainer_spec.byte_fallback
    assert model.trainer_spec.split_digits
    assert model.normalizer_spec.name == "nfkc_cf"
    assert tokenizer.config == config
