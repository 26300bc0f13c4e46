"""Whole pipelines whose data, artifacts, checkpoints and served models lie in Google Cloud Storage, here a fake one."""

import dataclasses
import json
import uuid

import pytest
import tensorflow as tf

from ulmfit_tfx.pipeline import local_runner
from ulmfit_tfx.pipeline.bulk_inference import WRITER, build_bulk_inference
from ulmfit_tfx.pipeline.graph import build_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks import load_predictor, read_model_info
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

pytestmark = [pytest.mark.pipeline, pytest.mark.thorough]


@dataclasses.dataclass(frozen=True)
class RemoteSurroundings(LocalSurroundings):
    """All but ML Metadata's database is remote."""

    bucket: str = ""

    @property
    def pipeline_root(self):
        return f"{self.bucket}/artifacts"

    @property
    def checkpoints(self):
        return f"{self.bucket}/checkpoints"

    @property
    def push_directory(self):
        return f"{self.bucket}/serving"

    def baseline(self, digest):
        return ""


class Seconds:
    """Observer of a run that shows its seconds."""

    def stage_started(self, name, number, of):
        pass

    def stage_finished(self, result):
        print(f"{result.name}: {result.seconds:.1f} s")


@pytest.fixture(scope="module")
def finished(gcs, tmp_path_factory, reviews):
    """Bucket and results of a run that pretrains a language model and fine-tunes a classifier from it."""
    folder, bucket = tmp_path_factory.mktemp("remote"), f"gs://{uuid.uuid4()}"
    rows = reviews[:200]
    (folder / "data").mkdir()
    (folder / "data" / "rows.tsv").write_text("\n".join(["text\tlabel", *map("\t".join, rows)]) + "\n")
    (folder / "data" / "corpus.txt").write_text("\n".join(text for text, _ in rows) + "\n")
    copy_folder(folder / "data", f"{bucket}/data")
    config = PipelineConfig.model_validate(
        {
            "name": "tiny",
            "data": {"path": f"{bucket}/data/rows.tsv", "format": "tsv", "length_buckets": [10, 20]},
            "corpus": {"path": f"{bucket}/data/corpus.txt", "format": "text"},
            "tokenizer": {"vocab_size": 200},
            "encoder": {"embedding_size": 12, "hidden_sizes": [12]},
            "language_model": {"epochs": 1, "batch_size": 8, "bptt": 40},
            "training": {"epochs": 1, "batch_size": 16, "max_seq_len": 64, "checkpoint_seconds": 1000},
            "evaluation": {"thresholds": {"perplexity": 500, "accuracy": 0.0}},
            "sample_texts": ["a brilliant film and a tender story."],
        }
    )
    surroundings = RemoteSurroundings(RunFolder(folder / "root"), "tiny", bucket=bucket)
    (folder / "root").mkdir()
    return bucket, local_runner.run(build_pipeline(config, surroundings), Seconds())


def test_every_artifact_is_remote(finished):
    bucket, results = finished
    uris = {artifact.uri for result in results.values() for artifact in result.outputs.values()}
    assert [uri for uri in uris if not uri.startswith(f"{bucket}/")] == []


def test_pushed_model_is_the_blessed_one_with_its_card_and_predicts(finished):
    bucket, results = finished
    assert results["TaskEvaluator"].outputs["blessing"].custom_properties["blessed"].int_value == 1
    model = find_model(f"{bucket}/serving")
    assert read_model_info(model).task == "classification"
    assert tf.io.gfile.exists(f"{model}/assets.extra/README.md")
    [prediction] = load_predictor(model).answer(["a superb cast"])
    assert set(prediction.probabilities) == {"good", "bad", "plain"}


def test_no_checkpoints_are_left(finished):
    bucket, _ = finished
    assert tf.io.gfile.glob(f"{bucket}/checkpoints/*/*") == []


def test_pushed_model_answers_a_bulk_inference(finished, reviews, tmp_path):
    bucket, _ = finished
    texts = [text for text, _ in reviews[200:220]]
    with tf.io.gfile.GFile(f"{bucket}/texts/bulk.txt", "w") as file:
        file.write("\n".join(texts) + "\n")
    values = {"name": "bulk", "model": f"{bucket}/serving", "data": {"path": f"{bucket}/texts/*.txt", "format": "text"}}
    config = BulkInferenceConfig.model_validate(values)
    surroundings = RemoteSurroundings(RunFolder(tmp_path), "bulk", bucket=bucket)
    results = local_runner.run(build_bulk_inference(config, surroundings, config.model), Seconds())
    lines = []
    for shard in tf.io.gfile.glob(f"{results[WRITER].outputs['predictions'].uri}/*.jsonl"):
        with tf.io.gfile.GFile(shard) as file:
            lines += file.read().splitlines()
    found = {prediction["text"]: prediction["probabilities"] for prediction in map(json.loads, lines)}
    expected = {
        prediction.text: prediction.probabilities
        for prediction in load_predictor(find_model(f"{bucket}/serving")).answer(texts)
    }
    assert found.keys() == expected.keys()
    for text, probabilities in expected.items():
        assert found[text] == pytest.approx(probabilities, abs=1e-4)
