"""CorpusStatistics, run on files of transformed examples."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_statistics.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.terms import piece_terms
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import write_tokenizer

SIZES = CorpusStatisticsConfig(vector_size=8, topics=4, pair_buckets=64)
SEVERAL_WORKERS = ("--direct_running_mode=multi_threading", "--direct_num_workers=3")


def artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    return made


def write_examples(folder, files):
    (folder / "Split-train").mkdir(parents=True)
    for number, texts in enumerate(files):
        name = f"data_tfrecord-{number:05d}-of-{len(files):05d}.gz"
        with tf.io.TFRecordWriter(str(folder / "Split-train" / name), "GZIP") as writer:
            for ids in texts:
                feature = tf.train.Feature(int64_list=tf.train.Int64List(value=ids))
                example = tf.train.Example(features=tf.train.Features(feature={"token_ids": feature}))
                writer.write(example.SerializeToString())
    return artifact(standard_artifacts.Examples, folder)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, spm_model):
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(str(folder), spm_model, TokenizerConfig(), CleaningConfig())
    return artifact(standard_artifacts.Model, folder)


@pytest.fixture(scope="module")
def texts(reviews, spm_model):
    read = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig()).tokenize
    return [ids.numpy() for ids in read(tf.constant([text for text, _ in reviews[:40]] + [""]))]


def statistics(folder, tokenizer, labelled, unlabelled=None, config=SIZES, arguments=IN_PROCESS):
    inputs = {specs.EXAMPLES: [write_examples(folder / "labelled", labelled)], specs.TOKENIZER: [tokenizer]}
    if unlabelled is not None:
        inputs[specs.EXAMPLES_UNLABELLED] = [write_examples(folder / "unlabelled", unlabelled)]
    output = artifact(standard_artifacts.Model, folder / "statistics")
    context = BaseBeamExecutor.Context(beam_pipeline_args=list(arguments), tmp_dir=str(folder), unique_id="1")
    properties = {specs.CONFIG: config.model_dump_json(), specs.SEED: 1}
    Executor(context).Do(inputs, {specs.CORPUS_STATISTICS: [output]}, properties)
    assert sorted(path.suffix for path in (folder / "statistics").iterdir()) == [".json", *[".npy"] * 4]
    return CorpusStatistics.read(output.uri)


def test_pieces_and_terms_are_counted_in_labelled_and_unlabelled_texts(tmp_path, tokenizer, texts):
    found = statistics(tmp_path, tokenizer, [texts[:10]], [texts[10:]])
    vocab_size = found.vocab_size
    assert found.documents == len(texts)
    assert np.array_equal(found.piece_counts, np.bincount(np.concatenate(texts), minlength=vocab_size))
    in_texts = Counter()
    for ids in texts:
        in_texts.update(set(piece_terms(tf.RaggedTensor.from_tensor([ids]), vocab_size, 64)[0].numpy().tolist()))
    assert {term: count for term, count in enumerate(found.document_frequencies) if count} == in_texts
    assert found.vectors.any()
    assert found.topics.any()


def test_number_of_files_and_of_workers_changes_nothing(tmp_path, tokenizer, texts):
    one = statistics(tmp_path / "one", tokenizer, [texts])
    more = statistics(tmp_path / "more", tokenizer, [texts[:7], [], texts[7:20], texts[20:]], arguments=SEVERAL_WORKERS)
    for name in ("documents", "piece_counts", "document_frequencies", "vectors", "topics"):
        assert np.array_equal(getattr(one, name), getattr(more, name)), name


def test_topics_of_a_large_corpus_are_of_a_sample(tmp_path, tokenizer, texts):
    config = SIZES.model_copy(update={"topic_texts": 3})
    found = statistics(tmp_path, tokenizer, [texts[:20], texts[20:]], config=config)
    assert found.documents == len(texts)
    assert np.linalg.matrix_rank(found.topics) == 3
