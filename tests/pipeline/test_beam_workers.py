"""The Beam components in several processes, from an installed wheel.

All that goes to workers is found there, and the results are those of one process.
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
import yaml
from task_model_writer import write_classifier
from tfx.components.util import examples_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils, proto_utils
from wheel_environment import build_distributions, make_environment

from ulmfit_tfx.components.task_evaluator.executor import Executor
from ulmfit_tfx.pipeline.graph import build_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.tasks import labelled_task, load_predictor

pytestmark = [pytest.mark.pipeline, pytest.mark.beam_workers]

ONE = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
TWO = ["--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
FILES = 4


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Runs the wheel's Python, in a folder without sources; returns what it prints."""
    folder = tmp_path_factory.mktemp("wheel")
    executable, site = make_environment(folder / "venv", build_distributions(folder).wheel)

    def run(*arguments):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [executable, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    run.executable, run.site = executable, site
    return run


@pytest.fixture(scope="module")
def runs(python, tiny_project, reviews, tmp_path_factory):
    """Artifacts of a run on rows in several files: by one worker here up to TextTransform, by two the whole of it."""
    folder = tmp_path_factory.mktemp("runs")
    configs = {}
    for name, arguments in (("one", ONE), ("two", TWO)):
        sections = {"data": {"path": "reviews-*.tsv"}, "beam": {"pipeline_args": arguments}, "training": {"epochs": 1}}
        thresholds = {"thresholds": {"accuracy": 0.1}}
        configs[name] = tiny_project(folder / name, reviews, evaluation=thresholds, **sections)
        header, *rows = (folder / name / "reviews.tsv").read_text().splitlines(keepends=True)
        for number in range(FILES):
            (folder / name / f"reviews-{number}.tsv").write_text(header + "".join(rows[number::FILES]))
    config = load_config(configs["one"])
    surroundings = LocalSurroundings(RunFolder(folder / "one" / "root"), config.name, config.push.directory)
    LocalDagRunner().run(build_pipeline(config, surroundings, until="TextTransform"))
    python("-m", "ulmfit_tfx.pipeline", "run", configs["two"], "--root", folder / "two" / "root")
    return {name: folder / name / "root" / "artifacts" for name in configs}


def records(artifact: Path) -> dict[str, list[str]]:
    """Sorted digests of the examples of each split. Transform writes the features of one in any order."""
    splits = {}
    for folder in sorted(artifact.glob("*/Split-*")):
        written = tf.data.TFRecordDataset(tf.io.gfile.glob(f"{folder}/*.gz"), "GZIP").as_numpy_iterator()
        examples = (tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in written)
        splits[folder.name] = sorted(hashlib.sha256(example).hexdigest() for example in examples)
    return splits


def test_workers_are_other_processes_that_import_the_wheel(python, tmp_path):
    printed = python(Path(__file__).with_name("beam_workers.py"), tmp_path / "where", *TWO)
    lines = [json.loads(line) for file in tmp_path.glob("where-*") for line in file.read_text().splitlines()]
    assert len(lines) == 20
    assert int(printed.split()[-1]) not in {process for process, _ in lines}
    assert all(file.startswith(f"{python.site}/ulmfit_tfx/") for _, file in lines)


def test_ingested_rows_are_those_of_one_worker(runs):
    one, two = (records(runs[name] / "CorpusIngest" / "examples") for name in ("one", "two"))
    assert one == two
    assert sum(map(len, one.values())) == 600
    accounts = [
        json.loads(file.read_text())
        for name in ("one", "two")
        for file in (runs[name] / "CorpusIngest" / "examples").glob("*/accounting.json")
    ]
    assert accounts[0] == accounts[1]


def test_tokenizer_is_that_of_one_worker(runs):
    files = [next((runs[name] / "SentencePieceTrainer").glob("tokenizer/*/*.model")) for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_token_ids_are_those_of_one_worker(runs):
    one, two = (records(runs[name] / "TextTransform" / "transformed_examples") for name in ("one", "two"))
    assert one == two
    assert set(one) == {"Split-train", "Split-eval"}


def test_statistics_are_those_of_one_worker(runs):
    one, two = (value_counts(runs[name] / "StatisticsGen" / "statistics") for name in ("one", "two"))
    assert one == two
    assert one["rows"] == len(records(runs["one"] / "CorpusIngest" / "examples")["Split-train"])


def value_counts(artifact: Path) -> dict:
    """How often each value of a string feature is there, and the number of rows."""
    (file,) = artifact.glob("*/Split-train/FeatureStats.pb")
    (dataset,) = tfdv.load_stats_binary(str(file)).datasets
    counts = {"rows": dataset.num_examples}
    for feature in dataset.features:
        buckets = feature.string_stats.rank_histogram.buckets
        counts |= {(feature.path.step[0], bucket.label): bucket.sample_count for bucket in buckets}
    return counts


def test_evaluation_is_that_of_one_worker(runs, tmp_path):
    artifacts = runs["two"]
    (written,) = (artifacts / "TaskEvaluator" / "evaluation").iterdir()
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    (examples.uri,) = map(str, (artifacts / "CorpusIngest" / "examples").iterdir())
    examples.split_names = artifact_utils.encode_split_names(["train", "eval", "test"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    (model.uri,) = map(str, (artifacts / "Trainer" / "model").iterdir())
    config = load_config(artifacts.parents[1] / "tiny.yaml")
    eval_config = labelled_task(config.task).eval_config(config)
    context = Executor.Context(beam_pipeline_args=ONE, tmp_dir=str(tmp_path / "tmp"), unique_id="1")
    Executor(context).Do(
        {standard.EXAMPLES_KEY: [examples], standard.MODEL_KEY: [model]},
        {standard.EVALUATION_KEY: [evaluation], standard.BLESSING_KEY: [blessing]},
        {
            standard.EVAL_CONFIG_KEY: proto_utils.proto_to_json(eval_config),
            standard.EXAMPLE_SPLITS_KEY: json_utils.dumps(["eval"]),
        },
    )
    one, two = metrics(evaluation.uri), metrics(str(written))
    assert one.keys() == two.keys()
    assert two == pytest.approx(one, abs=1e-6, nan_ok=True)
    assert any(name == "accuracy" and 0 < value < 1 for (_, name), value in one.items())


def metrics(folder: str) -> dict[tuple[str, str], float]:
    """Values by slice and name."""
    return {
        (str(found.slice_key), item.key.name): item.value.double_value.value
        for found in tfma.load_metrics(folder)
        for item in found.metric_keys_and_values
        if item.value.HasField("double_value")
    }


@pytest.fixture
def worker_pool(python, tmp_path):
    """Beam's worker pool, as it stands beside a Flink task manager; returns the arguments that use it."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [python.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    # It starts `python`.
    environment = os.environ | {"PATH": f"{python.executable.parent}:{os.environ['PATH']}"}
    with (tmp_path / "log").open("w") as log:
        pool = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=log, start_new_session=True)
    yield [
        "--runner=PortableRunner",
        "--job_endpoint=embed",
        "--environment_type=EXTERNAL",
        f"--environment_config=localhost:{port}",
        "--sdk_worker_parallelism=2",
        "--sdk_container_image=none",  # TFX would stage a package of its own
    ]
    os.killpg(pool.pid, signal.SIGTERM)
    pool.wait()


@pytest.mark.parametrize("workers", ["processes", "worker pool"])
def test_predictions_are_those_of_the_model_asked_directly(python, reviews, tmp_path, workers, request):
    arguments = TWO if workers == "processes" else request.getfixturevalue("worker_pool")
    model = write_classifier(tmp_path / "model" / "1")
    texts = [text for text, _ in reviews[:100]]
    for number in range(FILES):
        lines = ["text", *texts[number::FILES]]
        (tmp_path / f"texts-{number}.tsv").write_text("\n".join(lines) + "\n")
    config = {"name": "bulk", "model": str(model), "data": {"path": "texts-*.tsv", "format": "tsv"}, "output": "out"}
    (tmp_path / "bulk.yaml").write_text(yaml.safe_dump(config | {"beam": {"pipeline_args": arguments}}))
    python("-m", "ulmfit_tfx.pipeline", "bulk-infer", tmp_path / "bulk.yaml", "--root", tmp_path / "root")
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    predictor = load_predictor(model)
    found = sorted((predictor.from_json(json.loads(line)) for line in lines), key=lambda answer: answer.text)
    assert found == sorted(predictor.answer(texts), key=lambda answer: answer.text)
