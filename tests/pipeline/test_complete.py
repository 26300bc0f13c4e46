import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import sentencepiece
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks import load_language_model
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.serving.language_model_signatures import language_model_signatures
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer

SENTENCE = "a great film and a dull story."


def build(direction="forward"):
    no_dropout = EncoderDropoutConfig(embedding=0, input=0, hidden=0, output=0, weight=0)
    config = EncoderConfig(embedding_size=16, hidden_sizes=(32, 16), direction=direction, dropout=no_dropout)
    keras.utils.set_random_seed(0)
    return build_language_model(build_encoder(config, 200, pad_id=1))


def export(folder, model, tokenizer, signatures, task="language_model"):
    save(
        str(folder),
        model,
        tokenizer,
        signatures,
        ModelDescription(task=task, encoder=EncoderConfig(), max_seq_len=60, fixed_seq_len=None),
    )


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), CleaningConfig(lower_case=True))


@pytest.fixture(scope="module")
def parrot(tokenizer, tmp_path_factory):
    """Folder of a language model that has learned one sentence by heart, and lower-cases."""
    model = build()
    model.get_layer("embedding").embeddings.assign(np.random.default_rng(0).normal(size=(200, 16)))
    model.compile(keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = tokenizer.tokenize([SENTENCE]).to_tensor().numpy()
    model.fit(ids[:, :-1], ids[:, 1:], epochs=60, verbose=0)
    folder = tmp_path_factory.mktemp("parrot")
    export(folder / "saved_model", model, tokenizer, language_model_signatures({"forward": model}, tokenizer, 60))
    return folder


@pytest.fixture(scope="module")
def language_model(parrot):
    return load_language_model(find_model(parrot))


def invoke(*arguments):
    return CliRunner(mix_stderr=False).invoke(app, ["complete", *map(str, arguments)])


@pytest.mark.parametrize(
    ("prompt", "continuation"),
    [
        ("a great film", " and a dull story."),
        ("A Great FILM", " and a dull story."),
        ("a great film ", "and a dull story."),
        ("a  great\nfilm and", " a dull story."),
        ("", SENTENCE),
    ],
    ids=["plain", "upper case", "a space at the end", "other spaces", "empty"],
)
def test_text_is_continued_where_it_stops(language_model, prompt, continuation):
    best = language_model.complete(prompt, beams=3, pieces=30)[0]
    assert (best.prompt, best.continuation, best.ended) == (prompt, continuation, True)


def test_log_probability_is_what_the_model_gives_the_pieces(language_model, tokenizer, spm_model):
    best = language_model.complete("a great film", beams=2, pieces=30)[0]
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    prompt, whole = (processor.encode(text, add_bos=True) for text in ("a great film", SENTENCE))
    likelihood = language_model.signatures["serving_default"]
    totals = [
        float(likelihood(string_inputs=np.array([text]))["negative_log_likelihood"][0])
        for text in ("a great film", SENTENCE)
    ]
    # Of the prompt's own likelihood, `</s>` after it is no part.
    end = language_model.signatures["next_piece"](string_inputs=np.array(["a great film"]))["log_probabilities"][0, 3]
    assert best.log_probability == pytest.approx(totals[0] + float(end) - totals[1], abs=1e-3)
    assert best.pieces == len(whole) + 1 - len(prompt)
    assert best.log_probability_per_piece == pytest.approx(best.log_probability / best.pieces)


def test_special_pieces_are_never_added(language_model):
    completions = language_model.complete("a great", beams=20, pieces=3)
    assert len(completions) == 20
    for completion in completions:
        assert "\u2047" not in completion.continuation  # what SentencePiece writes for <unk>
        assert completion.pieces <= 3
    per_piece = [completion.log_probability_per_piece for completion in completions]
    assert per_piece == sorted(per_piece, reverse=True)


def test_table_has_a_row_a_continuation(parrot):
    result = invoke(parrot, "A great film", "--beams", "2")
    assert result.exit_code == 0, result.stderr
    header, best, second = result.stdout.splitlines()
    assert header.split() == ["log", "probability", "per", "piece", "text"]
    assert best.rstrip().endswith("A great film and a dull story. </s>")
    assert "A great film" in second


def test_json_lines_hold_the_same_as_data(parrot):
    result = invoke(parrot, "A great film", "--beams", "2", "--pieces", "4", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["prompt"] for row in rows] == ["A great film"] * 2
    assert len(rows[0]["continuation"]) > 1
    assert SENTENCE.startswith("a great film" + rows[0]["continuation"])
    assert (rows[0]["pieces"], rows[0]["ended"]) == (4, False)
    assert rows[0]["log_probability"] == pytest.approx(4 * rows[0]["log_probability_per_piece"])


@pytest.mark.parametrize("below", ["saved_model", "Format-Serving", "3", "."])
def test_model_is_found_at_or_below_the_folder(tmp_path, below):
    (tmp_path / below).mkdir(exist_ok=True)
    (tmp_path / below / "saved_model.pb").touch()
    assert find_model(tmp_path) == tmp_path / below


def test_encoder_without_a_head_is_refused(tmp_path, tokenizer):
    encoder = build_encoder(EncoderConfig(embedding_size=8, hidden_sizes=(8,)), 200, pad_id=1)
    export(tmp_path / "saved_model", encoder, tokenizer, encoder_signatures(encoder, tokenizer, None, 60), "encoder")
    result = invoke(tmp_path, "A great film")
    assert result.exit_code == 2
    problem = "is an encoder without a language-model head, expected a language model that reads forward."
    assert result.stderr == f"{tmp_path / 'saved_model'}: {problem}\n"


def test_language_model_that_reads_backward_is_refused(tmp_path, tokenizer):
    model = build("backward")
    export(tmp_path / "1", model, tokenizer, language_model_signatures({"backward": model}, tokenizer, 60))
    result = invoke(tmp_path, "A great film")
    assert result.exit_code == 2
    assert "is a language model that reads backward, expected" in result.stderr


def test_text_that_is_not_utf8_is_refused(parrot):
    result = invoke(parrot, "caf\udce9")
    assert (result.exit_code, result.stderr) == (3, "TEXT: is not UTF-8.\n")


@pytest.mark.parametrize(("option", "value"), [("--beams", "0"), ("--pieces", "-1"), ("--beams", "many")])
def test_numbers_out_of_range_exit_with_2(tmp_path, option, value):
    result = invoke(tmp_path, "A great film", option, value)
    assert result.exit_code == 2
    assert option in result.stderr


def test_help_needs_no_tensorflow_and_shows_an_example():
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        "app(['complete', '--help'], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'sentencepiece'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ulmfit-tfx complete " in done.stdout.replace("\n", " ")
