import contextlib
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from random_language_model import PAD, RandomLanguageModel

from ulmfit_tfx.components.encoder_importer import importing as module
from ulmfit_tfx.components.encoder_importer.importing import import_encoder
from ulmfit_tfx.schemas.config import presets
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError, UserError
from ulmfit_tfx.trainer_modules.serving.encoder_folder import (
    EncoderRecord,
    build,
    load_encoder,
    load_language_model,
    write_encoder,
)
from ulmfit_tfx.transforms.tokenization import Tokenizer

VOCAB = 200
TEXTS = ["A great film!", "a dull story and a clumsy plot"]
FASTAI_FILES = [(name, kind) for name in ("ulmfit-tiny", "multifit-tiny") for kind in ("", "_state_dict", "_encoder")]
WITH_HEAD = [(name, kind) for name, kind in FASTAI_FILES if kind != "_encoder"]
WITH_SAVED_MODEL = [(name, kind) for name, kind in FASTAI_FILES if kind != "_state_dict"]
"""Those whose import has a SavedModel: that of a state dict would be written from the same weights."""


def padded(rows, pad=PAD) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([[*row, *[pad] * (width - len(row))] for row in rows], "int32")


def signature(folder, name):
    return tf.saved_model.load(str(folder / "saved_model")).signatures[name]


@pytest.fixture
def importing(tmp_path, tokenizer_file):
    """Imports a checkpoint with the tokenizer of 200 pieces, or as the options say; returns the folder and report."""

    def run(checkpoint, output="out", fixed_seq_len=None, overwrite=False, **config):
        settings = {"checkpoint": str(checkpoint), "tokenizer": str(tokenizer_file)} | config
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
        folder = tmp_path / output
        return folder, import_encoder(PretrainedConfig(**settings), folder, fixed_seq_len, overwrite=overwrite)

    return run


@pytest.fixture
def pth(tmp_path, torch_writer):
    """Writes a small AWD-LSTM's .pth file."""

    def write(name="wiki.pth", vocab=VOCAB, sizes=(6, 8, 6), **options):
        return torch_writer.save(tmp_path / name, RandomLanguageModel(vocab, sizes, **options).state_dict())

    return write


# Files that fastai wrote


@pytest.fixture(scope="module")
def fastai_import(fastai_files, tmp_path_factory, no_saved_model):
    """Imports a file of fastai once; returns the folder, what fastai computed, and what it notes of the texts."""
    done = {}

    def get(name, kind):
        if (name, kind) not in done:
            folder = tmp_path_factory.mktemp("imported") / name
            config = PretrainedConfig(
                checkpoint=str(fastai_files / f"{name}{kind}.pth"), tokenizer=str(fastai_files / "wikitext-sp1k.model")
            )
            with contextlib.nullcontext() if (name, kind) in WITH_SAVED_MODEL else no_saved_model():
                import_encoder(config, folder, fixed_seq_len=None)
            expected = np.load(fastai_files / f"{name}_expected.npz")
            done[name, kind] = folder, expected, json.loads((fastai_files / f"{name}.json").read_text())
        return done[name, kind]

    return get


def assert_rows_are_close(found, expected, part, atol=1e-5):
    for text in range(5):
        wanted = expected[f"{part}_{text}"]
        np.testing.assert_allclose(found[text][: len(wanted)], wanted, rtol=0, atol=atol)


def texts_of(expected):
    return padded([expected[f"ids_{text}"] for text in range(5)])


@pytest.mark.parametrize(("name", "kind"), FASTAI_FILES)
def test_hidden_states_are_those_of_fastai(fastai_import, name, kind):
    folder, expected, _ = fastai_import(name, kind)
    encoder = load_encoder(folder)
    assert_rows_are_close(encoder(texts_of(expected))[0].numpy(), expected, "hidden")
    long = encoder(expected["ids_long"][None])[0][0]
    np.testing.assert_allclose(long, expected["hidden_long"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "kind"), WITH_HEAD)
def test_logits_are_those_of_fastai(fastai_import, name, kind):
    folder, expected, _ = fastai_import(name, kind)
    assert_rows_are_close(load_language_model(folder)(texts_of(expected)).numpy(), expected, "logits")


@pytest.mark.parametrize(("name", "kind"), WITH_HEAD)
def test_negative_log_likelihood_of_a_text_is_that_of_fastai(fastai_import, name, kind):
    folder, expected, notes = fastai_import(name, kind)
    logits = load_language_model(folder)(texts_of(expected)).numpy().astype("float64")
    log_likelihoods = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    for text, wanted in enumerate(notes["nll"]):
        following = expected[f"ids_{text}"][1:]
        found = -log_likelihoods[text, np.arange(len(following)), following].sum()
        assert found == pytest.approx(wanted, rel=0, abs=1e-3)


@pytest.mark.parametrize("name", ["ulmfit-tiny", "multifit-tiny"])
def test_encoder_alone_has_no_language_model(fastai_import, name):
    folder, _, _ = fastai_import(name, "_encoder")
    with pytest.raises(DataError, match="holds an encoder without a language-model head, as its source did"):
        load_language_model(folder)


@pytest.mark.parametrize(("name", "kind"), WITH_SAVED_MODEL)
def test_saved_model_gives_the_hidden_states_of_fastai(fastai_import, name, kind):
    folder, expected, _ = fastai_import(name, kind)
    encode = signature(folder, "numericalized_encoder")
    assert_rows_are_close(encode(numericalized=tf.constant(texts_of(expected)))["output"], expected, "hidden")
    long = encode(numericalized=tf.constant(expected["ids_long"][None]))["output"][0]
    np.testing.assert_allclose(long, expected["hidden_long"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["ulmfit-tiny", "multifit-tiny"])
def test_texts_get_the_ids_and_vectors_that_fastai_saw(fastai_import, name):
    folder, expected, notes = fastai_import(name, "")
    outputs = signature(folder, "string_encoder")(string_inputs=tf.constant(notes["texts"]))
    np.testing.assert_array_equal(outputs["numericalized"], texts_of(expected))
    np.testing.assert_array_equal(outputs["lengths"], [len(expected[f"ids_{text}"]) for text in range(5)])
    assert_rows_are_close(outputs["output"], expected, "hidden")


# Sizes


SIZES = {
    "lstm of 1 layer": {"sizes": (5, 5)},
    "lstm of 3, encoder": {"sizes": (6, 3, 8, 6), "head": None},
    "lstm of 5, untied at tied sizes": {"sizes": (6, 3, 8, 5, 4, 6), "head": "untied"},
    "qrnn of 2, untied": {"sizes": (4, 7, 9), "windows": (2, 1), "head": "untied"},
    "qrnn of 4": {"sizes": (3, 8, 2, 7, 3), "windows": (2, 1, 1, 1)},
    "qrnn of 5, encoder": {"sizes": (6, 3, 8, 5, 4, 6), "windows": (1, 3, 1, 2, 1), "head": None},
}


@pytest.fixture(scope="module", params=SIZES)
def of_any_size(request, tmp_path_factory, torch_writer, tokenizer_file, no_saved_model):
    """A model of random weights, the folder that its .pth was imported to, and the report."""
    folder = tmp_path_factory.mktemp("sizes")
    model = RandomLanguageModel(VOCAB, **SIZES[request.param])
    checkpoint = torch_writer.save(folder / "wiki.pth", model.state_dict())
    config = PretrainedConfig(checkpoint=str(checkpoint), tokenizer=str(tokenizer_file))
    with no_saved_model():
        return model, folder / "out", import_encoder(config, folder / "out")


IDS = padded([[2, 150, 77, 8, 23, 99, 3], [2, 9, 3], [2]])


def test_encoder_of_any_size_computes_what_a_slow_loop_computes(of_any_size):
    model, folder, _ = of_any_size
    np.testing.assert_allclose(load_encoder(folder)(IDS)[0], model.hidden(IDS), rtol=0, atol=1e-5)


def test_head_of_any_kind_computes_what_a_slow_loop_computes(of_any_size):
    model, folder, report = of_any_size
    if model.head_kernel is None:
        assert report.record.head is None
        return
    logits = load_language_model(folder)(IDS).numpy()[IDS != PAD]
    np.testing.assert_allclose(logits, model.logits(IDS)[IDS != PAD], rtol=0, atol=1e-5)


def test_report_has_a_row_for_each_layer_and_all_are_close(of_any_size):
    model, _, report = of_any_size
    cell = "awd_lstm" if model.windows is None else "qrnn"
    layers = ["embedding", *(f"{cell}_{number}" for number in range(len(model.layers)))]
    assert [row.layer for row in report.parity] == [*layers, "encoder"] + ["lm_head"] * (model.head_kernel is not None)
    assert max(row.difference for row in report.parity) < 1e-5


# What a model of ours says of itself


@pytest.mark.parametrize(
    "conventions",
    [
        {"qrnn_pooling": "f", "forget_convention": "paper"},
        {"qrnn_pooling": "ifo", "forget_convention": "fastai"},
        {"qrnn_pooling": "fo", "forget_convention": "paper", "direction": "backward", "zoneout": 0.3},
    ],
    ids=lambda conventions: "-".join(map(str, conventions.values())),
)
def test_conventions_of_our_own_folder_are_kept(tmp_path, importing, spm_model, no_saved_model, conventions):
    config = EncoderConfig(embedding_size=6, hidden_sizes=(8, 6), qrnn_windows=(2, 1), **conventions)
    record = EncoderRecord(config, VOCAB, PAD, None, None, 512, {})
    encoder, model = build(record)
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    write_encoder(tmp_path / "own", encoder, model, tokenizer, record)
    with no_saved_model():
        folder, report = importing(tmp_path / "own", tokenizer=None)
    assert report.record.encoder == config
    np.testing.assert_allclose(load_encoder(folder)(IDS)[0], encoder(IDS)[0], rtol=0, atol=1e-6)


def test_text_processing_of_our_own_folder_is_kept(importing, pth, tokenizer_of):
    folder, _ = importing(pth(head=None), add_bos=False, add_eos=False, lower_case=True)
    tokenizer = tokenizer_of(folder, "second", tokenizer=None)
    assert (tokenizer.config.add_bos, tokenizer.config.add_eos, tokenizer.cleaning.lower_case) == (False, False, True)


# Vocabularies


@pytest.fixture(scope="module")
def other_tokenizer(tmp_path_factory, reviews):
    """The file of a SentencePiece model that shares some pieces with the one of 200."""
    texts = [text.replace("film", "opera") for text, _ in reviews[:100]] + ["0123456789 zebra xylophone quiz"]
    file = tmp_path_factory.mktemp("tokenizer") / "opera-sp120.model"
    file.write_bytes(train_sentencepiece(texts, 120))
    return file


def train_sentencepiece(texts, vocab_size, **special_ids) -> bytes:
    model = io.BytesIO()
    special_ids = {"unk_id": 0, "pad_id": 1, "bos_id": 2, "eos_id": 3} | special_ids
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        minloglevel=2,
        **special_ids,
    )
    return model.getvalue()


def shared_and_new(tokenizer_file, other_tokenizer):
    """Pairs of the ids of pieces that both have, and the ids of pieces that only the other one has."""
    old, new = (sentencepiece.SentencePieceProcessor(model_file=str(f)) for f in (tokenizer_file, other_tokenizer))
    old_ids = {old.id_to_piece(index): index for index in range(len(old))}
    shared = [(old_ids[p], i) for i in range(len(new)) if (p := new.id_to_piece(i)) in old_ids]
    return np.array(shared).T, [i for i in range(len(new)) if new.id_to_piece(i) not in old_ids]


@pytest.fixture(scope="module", params=["tied", "untied"])
def mapped(request, tmp_path_factory, torch_writer, tokenizer_file, other_tokenizer, no_saved_model):
    """A model of random weights, the language model of its import to another vocabulary, and the report."""
    folder = tmp_path_factory.mktemp("mapped")
    model = RandomLanguageModel(VOCAB, (6, 8, 6), head=request.param)
    config = PretrainedConfig(
        checkpoint=str(torch_writer.save(folder / "wiki.pth", model.state_dict())),
        tokenizer=str(other_tokenizer),
        source_tokenizer=str(tokenizer_file),
    )
    with no_saved_model():
        report = import_encoder(config, folder / "out")
    language_model = load_language_model(folder / "out")
    arrays = [(model.embeddings, language_model.get_layer("embedding").embeddings.numpy())]
    arrays.append((model.head_bias, language_model.get_layer("lm_head").bias.numpy()))
    if request.param == "untied":
        arrays.append((model.head_kernel, language_model.get_layer("lm_head").kernel.numpy().T))
    return arrays, report


def test_pieces_of_the_same_text_keep_their_rows(mapped, tokenizer_file, other_tokenizer):
    (old_ids, new_ids), _ = shared_and_new(tokenizer_file, other_tokenizer)
    assert {0, 1, 2, 3} < set(new_ids)
    for source, imported in mapped[0]:
        np.testing.assert_array_equal(imported[new_ids], source[old_ids])


def test_new_pieces_get_the_mean(mapped, tokenizer_file, other_tokenizer):
    _, new_ids = shared_and_new(tokenizer_file, other_tokenizer)
    for source, imported in mapped[0]:
        expected = np.broadcast_to(source.astype("float64").mean(axis=0), imported[new_ids].shape)
        np.testing.assert_allclose(imported[new_ids], expected, rtol=0, atol=1e-7)


def test_new_pieces_are_counted(mapped, tokenizer_file, other_tokenizer):
    _, new_ids = shared_and_new(tokenizer_file, other_tokenizer)
    assert 0 < mapped[1].new_pieces == len(new_ids)
    assert mapped[1].record.vocab_size == 120


def test_special_pieces_are_mapped_by_what_they_are(importing, pth, tmp_path, reviews, no_saved_model):
    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": 3}
    file = tmp_path / "other.model"
    texts = [text for text, _ in reviews[:100]]
    file.write_bytes(train_sentencepiece(texts, 100, **ids, pad_piece="[PAD]", bos_piece="[CLS]"))
    source = tmp_path / "source.model"
    source.write_bytes(train_sentencepiece(texts, VOCAB))
    with no_saved_model():
        folder, _ = importing(pth(), tokenizer=file, source_tokenizer=source)
    embeddings = load_encoder(folder).get_layer("embedding").embeddings.numpy()
    expected = RandomLanguageModel(VOCAB, (6, 8, 6)).embeddings[[1, 3, 0, 2]]
    np.testing.assert_array_equal(embeddings[:4], expected)


def refusal(importing, error_type, *arguments, **options) -> str:
    with pytest.raises(error_type) as error:
        importing(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_source_tokenizer_of_another_size_is_refused(importing, pth, other_tokenizer):
    message = refusal(importing, DataError, pth(), source_tokenizer=other_tokenizer)
    assert message.startswith(f"{other_tokenizer}: has 120 pieces, and ")
    assert "wiki.pth has embeddings of 200. Is it the tokenizer that the checkpoint was trained with?" in message


def test_tokenizer_of_another_size_is_refused_with_the_way_out(importing, pth, other_tokenizer):
    message = refusal(importing, DataError, pth(), tokenizer=other_tokenizer)
    assert f"wiki.pth: has embeddings of 200 pieces, and {other_tokenizer} has 120" in message
    assert "--source-tokenizer" in message


@pytest.mark.parametrize("which", ["tokenizer", "source_tokenizer"])
def test_file_that_is_no_tokenizer_is_named(importing, pth, tmp_path, which):
    (tmp_path / "x.model").write_text("version https://git-lfs.github.com/spec/v1\n")
    message = refusal(importing, DataError, pth(), **{which: tmp_path / "x.model"})
    assert message.startswith(f"{tmp_path / 'x.model'}: is a git-LFS pointer")
    (tmp_path / "x.model").write_bytes(b"")
    assert "x.model: is empty" in refusal(importing, DataError, pth(), **{which: tmp_path / "x.model"})
    assert "none.model: cannot be read: No such" in refusal(
        importing, DataError, pth(), **{which: tmp_path / "none.model"}
    )


# Special pieces


@pytest.fixture(scope="module")
def padded_with_zero(tmp_path_factory, torch_writer, reviews):
    """The folder of an import with a tokenizer that has `<pad>`=0 and `<unk>`=1."""
    folder = tmp_path_factory.mktemp("padding")
    tokenizer = folder / "other.model"
    tokenizer.write_bytes(train_sentencepiece([text for text, _ in reviews], VOCAB, pad_id=0, unk_id=1))
    checkpoint = torch_writer.save(folder / "wiki.pth", RandomLanguageModel(VOCAB, (6, 8, 6), head=None).state_dict())
    config = PretrainedConfig(checkpoint=str(checkpoint), tokenizer=str(tokenizer))
    import_encoder(config, folder / "out", fixed_seq_len=None)
    return folder / "out"


def test_padding_of_another_id_is_masked(padded_with_zero):
    encode = signature(padded_with_zero, "string_encoder")
    together, alone = encode(tf.constant(TEXTS)), encode(tf.constant(TEXTS[:1]))
    length = int(alone["lengths"][0])
    ids = together["numericalized"].numpy()
    np.testing.assert_array_equal(together["mask"], ids != 0)
    assert set(ids[0, length:]) == {0}
    np.testing.assert_allclose(together["output"][0, :length], alone["output"][0], rtol=0, atol=1e-6)
    assert not together["output"][0, length:].numpy().any()


def test_piece_of_id_one_is_seen_where_it_is_not_padding(padded_with_zero):
    outputs = signature(padded_with_zero, "numericalized_encoder")(numericalized=tf.constant([[2, 1, 3]]))
    assert outputs["mask"].numpy().all()
    assert outputs["output"][0, 1].numpy().any()


def test_tokenizer_without_padding_is_refused(importing, pth, tmp_path, reviews):
    file = tmp_path / "other.model"
    file.write_bytes(train_sentencepiece([text for text, _ in reviews], VOCAB, pad_id=-1))
    assert f"{file}: the tokenizer has no <pad> piece" in refusal(importing, DataError, pth(), tokenizer=file)


@pytest.mark.parametrize(("name", "piece"), [("bos", "<s>"), ("eos", "</s>")])
def test_tokenizer_without_an_end_is_refused_with_the_way_out(importing, pth, tmp_path, reviews, name, piece):
    file = tmp_path / "other.model"
    file.write_bytes(train_sentencepiece([text for text, _ in reviews], VOCAB, **{f"{name}_id": -1}))
    message = refusal(importing, DataError, pth(), tokenizer=file)
    assert f"{file}: has no {piece} piece. Pass --no-{name} (add_{name}: false)" in message


def test_tokenizer_without_bos_is_imported_where_none_is_wanted(importing, pth, tmp_path, reviews):
    file = tmp_path / "other.model"
    file.write_bytes(train_sentencepiece([text for text, _ in reviews], VOCAB, bos_id=-1))
    folder, _ = importing(pth(head=None), tokenizer=file, add_bos=False)
    expected = sentencepiece.SentencePieceProcessor(model_file=str(file)).encode(TEXTS, add_eos=True)
    outputs = signature(folder, "spm_processor")(tf.constant(TEXTS))
    np.testing.assert_array_equal(outputs["numericalized"], padded(expected))


# Published models


@pytest.fixture
def published(monkeypatch):
    """Makes the published models those of the tests' small sizes."""
    small = EncoderConfig(architecture="awd_lstm", embedding_size=6, hidden_sizes=(8, 6))
    changed = {name: dataclasses.replace(preset, encoder=small) for name, preset in presets.PRESETS.items()}
    monkeypatch.setattr(presets, "PRESETS", changed)


@pytest.fixture
def tokenizer_of(importing, monkeypatch):
    """Imports without writing; returns the tokenizer that would have been written."""
    written = []

    def run(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(module, "write_encoder", lambda *arguments: written.append(arguments[3]))
            importing(*arguments, **options)
        return written.pop()

    return run


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("ulmfit-en-sp35k-uncased.pth", {}, True),
        ("ulmfit-en-sp35k-cased.pth", {}, False),
        ("wiki.pth", {}, False),
        ("ulmfit-en-sp35k-uncased.pth", {"lower_case": False}, False),
        ("ulmfit-en-sp35k-cased.pth", {"lower_case": True}, True),
    ],
    ids=["uncased", "cased", "of no name", "uncased with --cased", "cased with --lower-case"],
)
def test_texts_are_lower_cased_as_the_files_name_or_an_option_says(
    tokenizer_of, pth, published, name, options, expected
):
    loud, quiet = tokenizer_of(pth(name), **options).tokenize(tf.constant(["A Great FILM", "a great film"])).to_list()
    assert (loud == quiet) is expected


def test_preset_is_reported(importing, no_saved_model, pth, published):
    with no_saved_model():
        _, report = importing(pth("ulmfit-en-sp35k-cased.pth"))
    assert report.preset.name == report.record.source["preset"] == "ulmfit-en-sp35k-cased"


@pytest.mark.parametrize("sizes", [(6, 9, 6), (5, 8, 6), (6, 8, 8, 6)], ids=["layer", "embeddings", "depth"])
def test_file_of_a_published_name_and_other_sizes_is_refused(importing, pth, published, sizes):
    head = "tied" if sizes[0] == sizes[-1] else "untied"
    message = refusal(importing, DataError, pth("ulmfit-en-sp35k-cased.pth", sizes=sizes, head=head))
    assert "has the name of the published ulmfit-en-sp35k-cased" in message
    assert f"embeddings of 6 and layers [8, 6], and holds awd_lstm with embeddings of {sizes[0]}" in message
    assert f"{list(sizes[1:])}. Rename it if it is another model." in message


# Wrong imports


@pytest.mark.parametrize(
    "path",
    ["embedding/embeddings", "awd_lstm_1/lstm_cell/recurrent_kernel", "awd_lstm_0/lstm_cell/bias", "lm_head/bias"],
)
def test_import_that_computes_something_else_is_refused_and_writes_nothing(importing, pth, tmp_path, monkeypatch, path):
    assign = module._assign

    def assign_wrongly(model, weights):
        assign(model, weights)
        (variable,) = [weight for weight in model.weights if weight.path == path]
        variable.assign(variable + 0.01)

    monkeypatch.setattr(module, "_assign", assign_wrongly)
    file = pth()
    message = refusal(importing, UserError, file)
    assert f"wiki.pth: {path.split('/')[0]} differs by" in message
    assert list(tmp_path.iterdir()) == [file]


# Running


def test_saved_model_takes_an_empty_batch_and_empty_rows(padded_with_zero):
    encode = signature(padded_with_zero, "numericalized_encoder")
    for shape in [(0, 5), (3, 0), (0, 0)]:
        outputs = encode(numericalized=tf.zeros(shape, tf.int32))
        assert outputs["output"].shape == (*shape, 6)
        assert outputs["mask"].shape == shape


@pytest.mark.parametrize(
    ("options", "fixed_seq_len"),
    [({"sizes": (6, 8, 6)}, 70), ({"sizes": (6, 8, 6), "windows": (2, 1)}, None)],
    ids=["lstm-fixed", "qrnn-variable"],
)
def test_saved_model_needs_only_tensorflow_and_tensorflow_text(
    importing, pth, outputs_in_isolation, options, fixed_seq_len
):
    folder, _ = importing(pth(**options), fixed_seq_len=fixed_seq_len)
    outputs = outputs_in_isolation(folder / "saved_model", "tf2")
    lengths = outputs["string_encoder/lengths"]
    ids = outputs["string_encoder/numericalized"]
    assert ids.shape == (3, fixed_seq_len or lengths.max())
    hidden = RandomLanguageModel(VOCAB, **options).hidden(ids)
    np.testing.assert_allclose(outputs["string_encoder/output"], hidden, rtol=0, atol=1e-5)
    flat = {"output_flat": hidden[ids != PAD], "output_rows": lengths}
    flat |= {"numericalized_flat": ids[ids != PAD], "numericalized_rows": lengths}
    found = {name.split("/")[1]: array for name, array in outputs.items() if name.startswith("string_encoder_flat/")}
    assert found.keys() == (flat.keys() if fixed_seq_len is None else set())
    for name, array in found.items():
        np.testing.assert_allclose(array, flat[name], rtol=0, atol=1e-5, err_msg=name)
