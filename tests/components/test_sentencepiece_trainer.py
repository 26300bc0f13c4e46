import random

import pytest
import sentencepiece

from ulmfit_tfx.components.sentencepiece_trainer.executor import train
from ulmfit_tfx.schemas.config import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError

RNG = random.Random(0)
WORDS = ["".join(RNG.choices("abcdefghijklmnop", k=RNG.randint(2, 9))) for _ in range(300)]
TEXTS = [" ".join(RNG.choices(WORDS, k=12)) + RNG.choice([".", "?", "!"]) for _ in range(300)]


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


def test_long_texts_are_not_skipped():
    """SentencePiece passes over texts above its own default of 4,192 bytes without a word."""
    long = ["zyzzyva " * 2000]
    assert "▁zyzzyva" in {processor(TEXTS + long).id_to_piece(index) for index in range(150)}


def test_vocabulary_that_the_texts_cannot_fill_names_the_highest_size():
    with pytest.raises(DataError, match=r"cannot fill 5,000 pieces\. Set tokenizer.vocab_size to \d+ at most"):
        processor(["just a few words"], vocab_size=5000)


def test_no_texts_at_all_are_not_called_a_wrong_size():
    with pytest.raises(DataError, match="0 texts cannot train a tokenizer"):
        processor([])


def test_vocabulary_too_small_for_the_characters_is_an_error():
    with pytest.raises(DataError, match=r"hold more than 16 characters\. Set tokenizer.vocab_size above \d+"):
        processor(vocab_size=16)
