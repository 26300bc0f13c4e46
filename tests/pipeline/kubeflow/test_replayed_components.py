"""Components of ours, compiled by TFX and replayed by the commands that it writes."""

import json
from pathlib import Path

import pytest
import sentencepiece
from compiled_pipelines import compile_components
from google.protobuf import json_format

from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.sentencepiece_trainer.component import SentencePieceTrainer
from ulmfit_tfx.pipeline.cli.replay_summary import ACCOUNTING
from ulmfit_tfx.pipeline.kubeflow.replay import replay
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig


@pytest.fixture(scope="module")
def replayed(tmp_path_factory, reviews, tiny_project):
    """Results of CorpusIngest and SentencePieceTrainer, which takes an artifact of the former."""
    folder = tmp_path_factory.mktemp("replayed")
    config = load_config(tiny_project(folder / "project", reviews))
    ingest = CorpusIngest(config.data, config.seed, input_fingerprint="")
    tokenizer = TokenizerConfig(vocab_size=150, add_bos=False)
    trainer = SentencePieceTrainer(
        ingest.outputs[specs.EXAMPLES], tokenizer, CleaningConfig(), config.seed, max_text_bytes=10_000
    )
    pipeline = compile_components([ingest, trainer], folder)
    return folder, replay(pipeline, folder / "root", {})


def test_examples_and_what_is_counted_of_them_come_from_the_executor(replayed, reviews):
    artifact = replayed[1]["CorpusIngest"].artifacts[specs.EXAMPLES]
    metadata = json_format.MessageToDict(artifact.metadata)
    assert Accounting.from_json(metadata[specs.ACCOUNTING]).rows_in == len(reviews)
    assert set(json.loads(metadata["split_names"])) == {"train", "eval", "test"}
    assert (Path(artifact.uri) / "Split-train").is_dir()


def test_next_component_reads_them(replayed):
    (model,) = Path(replayed[1]["SentencePieceTrainer"].artifacts[specs.TOKENIZER].uri).glob("*.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    assert processor.vocab_size() == 150


def test_second_replay_is_all_cache(replayed):
    folder, _ = replayed
    again = replay(folder / "pipeline.yaml", folder / "root", {})
    assert all(result.cached for result in again.values())


def test_terminal_looks_for_the_counts_where_the_ingestion_puts_them():
    assert ACCOUNTING == specs.ACCOUNTING
