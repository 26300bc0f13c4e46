"""The ids that come out of TextTransform are those of the `sentencepiece` package, row by row."""

from pathlib import Path

import pytest
import sentencepiece
import tensorflow as tf
from odd_texts import KINDS, ODD_TEXTS, long_texts, random_texts, train_tokenizer
from random_language_model import RandomLanguageModel
from sources import labelled_texts
from tfx import types
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from torch_writer import TorchWriter

from ulmfit_tfx.components.corpus_ingest.executor import Executor as CorpusIngestExecutor
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.encoder_importer.importing import import_encoder
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.components.text_transform.component import TextTransform
from ulmfit_tfx.components.text_transform.executor import Executor
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.curated_schema import curated_schema
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.sources.splits import SplitsConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks import task_named
from ulmfit_tfx.trainer_modules.serving import encoder_folder
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenizer_files import write_tokenizer
from ulmfit_tfx.transforms.word_features import word_feature_ids

SPLITS = ("train", "eval")
SEQIO = Path(__file__).parents[3] / "shared" / "data" / "sentencepiece" / "seqio_sentencepiece.model"

TEXTS = [text for texts in ODD_TEXTS.values() for text in texts]
CORPUS = [*TEXTS, *long_texts().values()]
"""What is in the train split. In the eval split are random texts."""


def context(folder):
    # With a file of requirements TFX does not pack itself for workers elsewhere, which takes as long as all the rest.
    arguments = ["--runner=DirectRunner", "--requirements_file=none"]
    return Executor.Context(beam_pipeline_args=arguments, tmp_dir=str(folder / "tmp"), unique_id="1")


def written(folder, **rows_of_splits):
    """Rows as CorpusIngest writes them."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
    examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(artifact, "tfrecords_gzip")
    for split in SPLITS:
        file = folder / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
        file.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
            for record in serialized_examples(rows_of_splits[split], ["50 words"] * len(rows_of_splits[split])):
                writer.write(record)
    return artifact


def tokenizer_folder(folder, model, **config):
    """What SentencePieceTrainer writes."""
    uri = str(folder / "tokenizer")
    write_tokenizer(uri, model, TokenizerConfig(**config), CleaningConfig())
    return uri


def transformed(folder, examples, tokenizer, task="language_model", source=None, **custom_config):
    """Runs the component; returns the examples of each split."""
    inputs = {"examples": examples, "schema": standard_artifacts.Schema(), "tokenizer": standard_artifacts.Model()}
    inputs["tokenizer"].uri = tokenizer
    inputs["schema"].uri = str(folder / "schema")
    (folder / "schema").mkdir()
    source = source or text_source(path="rows", format="text")
    schema = curated_schema(task_named(task).schema(source), source)
    (folder / "schema" / "schema.pbtxt").write_text(schema)
    component = TextTransform(
        **{name: types.Channel(type=type(artifact)) for name, artifact in inputs.items()},
        preprocessing_fn=task_named(task).preprocessing_fn,
        custom_config=custom_config,
        has_vocabulary=task == "tagging",
    )
    outputs = {"transform_graph": standard_artifacts.TransformGraph()}
    outputs["transformed_examples"] = standard_artifacts.Examples()
    for name, artifact in outputs.items():
        artifact.uri = str(folder / name)
    as_lists = [{name: [artifact] for name, artifact in artifacts.items()} for artifacts in (inputs, outputs)]
    Executor(context(folder)).Do(*as_lists, component.exec_properties)
    return {split: examples_of(outputs["transformed_examples"], split) for split in SPLITS}


def examples_of(artifact, split):
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([artifact], split)}/*"))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    return [tf.train.Example.FromString(record).features.feature for record in records]


def ints(features, name):
    return list(features[name].int64_list.value)


def differing(examples, texts, package, **marks):
    """Texts whose ids are not those of the package."""
    found = [ints(features, "token_ids") for features in examples]
    return [text[:80] for text, ids in zip(texts, found, strict=True) if ids != package.encode(text, **marks)]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def of_language_model(request, tmp_path_factory):
    """The examples of odd and of 2,000 random texts, and the package with the same model."""
    folder = tmp_path_factory.mktemp("transform")
    model = train_tokenizer(*request.param)
    examples = written(folder, train=list(map(Row, CORPUS)), eval=list(map(Row, random_texts(2000))))
    found = transformed(folder, examples, tokenizer_folder(folder, model))
    return found, sentencepiece.SentencePieceProcessor(model_proto=model)


def test_ids_of_odd_and_long_texts_equal_those_of_the_package(of_language_model):
    found, package = of_language_model
    assert differing(found["train"], CORPUS, package, add_bos=True, add_eos=True) == []


def test_ids_of_random_texts_equal_those_of_the_package(of_language_model):
    found, package = of_language_model
    assert differing(found["eval"], random_texts(2000), package, add_bos=True, add_eos=True) == []


def test_what_ingestion_stores_is_what_is_tokenized(tmp_path):
    """Ingestion stores lines without the white space around them, and leaves out those that hold nothing else."""
    lines = [text for text in TEXTS if "\n" not in text and "\r" not in text]
    (tmp_path / "rows.txt").write_bytes("\n".join(lines).encode())
    splits = SplitsConfig(train=0.5, eval=0.5, test=0)
    source = text_source(path=str(tmp_path / "rows.txt"), format="text", splits=splits)
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    properties = {"config": Ingestion(source).to_json(), "path": source.path, "seed": 1}
    CorpusIngestExecutor(context(tmp_path)).Do({}, {"examples": [examples]}, properties)
    stored = {split: [row.text for row in read_rows(examples, split)] for split in SPLITS}
    assert sorted(stored["train"] + stored["eval"]) == sorted(filter(None, map(str.strip, lines)))

    model = train_tokenizer()
    package = sentencepiece.SentencePieceProcessor(model_proto=model)
    found = transformed(tmp_path, examples, tokenizer_folder(tmp_path, model))
    for split, texts in stored.items():
        assert differing(found[split], texts, package, add_bos=True, add_eos=True) == []


def test_ids_are_cut_at_the_maximum_length_and_stay_with_the_targets_of_their_row(tmp_path):
    model = train_tokenizer("unigram", True)
    package = sentencepiece.SentencePieceProcessor(model_proto=model)
    rows = [Row(text, targets=(float(number),)) for number, text in enumerate(CORPUS)]
    source = labelled_texts(path="rows", format="tsv", target_columns=["number"])
    examples = written(tmp_path, train=rows, eval=rows[:1])
    tokenizer = tokenizer_folder(tmp_path, model, add_eos=False)
    found = transformed(tmp_path, examples, tokenizer, "regression", source, max_seq_len=9)["train"]
    assert sorted(features["targets"].float_list.value[0] for features in found) == list(range(len(rows)))
    for features in found:
        text = CORPUS[int(features["targets"].float_list.value[0])]
        assert ints(features, "token_ids") == package.encode(text, add_bos=True)[:9], text[:80]


def test_pieces_of_each_word_of_a_tagger_equal_those_of_the_package_and_features_those_of_the_word(tmp_path):
    model = train_tokenizer("unigram")
    package = sentencepiece.SentencePieceProcessor(model_proto=model)
    words = [*filter(None, TEXTS), *filter(None, random_texts(500))]
    sentences = [words[start : start + 7] for start in range(0, len(words), 7)]
    rows = [Row(" ".join(each), words=tuple(each), tags=("x",) * len(each)) for each in sentences]
    source = tagged_words(path="rows", format="conll")
    examples = written(tmp_path, train=rows, eval=rows[:1])
    tokenizer = tokenizer_folder(tmp_path, model)
    reads = {"tag_separator": None, "word_features": True}
    found = transformed(tmp_path, examples, tokenizer, "tagging", source, **reads)["train"]
    for sentence, features in zip(sentences, found, strict=True):
        of_words = word_feature_ids(tf.constant(sentence), CleaningConfig()).numpy()
        assert ints(features, "word_feature_ids") == of_words.ravel().tolist(), sentence
        expected = [package.encode(word) or [package.unk_id()] for word in sentence]
        assert ints(features, "piece_counts") == list(map(len, expected)), sentence
        assert ints(features, "token_ids") == [piece for word in expected for piece in word], sentence


def test_imported_tokenizer_gives_its_own_special_ids(tmp_path, monkeypatch):
    """One with `<pad>` 0, `</s>` 1, `<unk>` 2 and no `<s>`, as EncoderImporter hands it on."""
    if not SEQIO.is_file():
        pytest.skip(f"no {SEQIO}")
    package = sentencepiece.SentencePieceProcessor(model_file=str(SEQIO))
    checkpoint = RandomLanguageModel(package.vocab_size(), (6, 8, 6)).state_dict()
    pretrained = PretrainedConfig(
        checkpoint=str(TorchWriter.save(tmp_path / "wiki.pth", checkpoint)), tokenizer=str(SEQIO), add_bos=False
    )
    monkeypatch.setattr(encoder_folder, "save_pretrained", lambda *_: None)  # the SavedModel is the slow half
    import_encoder(pretrained, tmp_path / "encoder")
    rows = list(map(Row, TEXTS))
    examples = written(tmp_path, train=rows, eval=rows[:1])
    found = transformed(tmp_path, examples, str(tmp_path / "encoder" / encoder_folder.SPM_MODEL))
    assert differing(found["train"], TEXTS, package, add_eos=True) == []
    assert ints(found["train"][0], "token_ids") == [1], "the empty text"
