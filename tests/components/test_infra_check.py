import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from exported_models import MODELS, export_model
from tensorflow.core.framework import graph_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tfx.components.util import model_utils
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.infra_check import isolated_process
from ulmfit_tfx.components.infra_check.checking import check_model, read_served_graph
from ulmfit_tfx.components.infra_check.component import InfraCheck
from ulmfit_tfx.components.infra_check.executor import Executor
from ulmfit_tfx.components.infra_check.graph_checks import operation_failures, used_ops, version_failures
from ulmfit_tfx.components.infra_check.isolated_process import Request, describe_exit, run_isolated
from ulmfit_tfx.components.infra_check.signature_checks import answer_failures, declared_failures
from ulmfit_tfx.components.infra_check.warmup import WarmupError, read_requests
from ulmfit_tfx.components.reports.infra import InfraReport, Latency, Memory
from ulmfit_tfx.schemas.serving_ops import serving_version, versions
from ulmfit_tfx.tasks import read_model_info, signature_contracts
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, TensorContract
from ulmfit_tfx.trainer_modules.serving.signature_defs import signature_defs
from ulmfit_tfx.trainer_modules.serving.warmup_requests import write_warmup_requests

TEXTS = ("a tender film", "dull")
TASKS = ("classifier", "regressor", "tagger", "language_model")
WARMUP = "assets.extra/tf_serving_warmup_requests"

_TEXT = [tf.TensorSpec([None], tf.string, name="string_inputs")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, spm_model, exported_model):
    """Folder of a model of a kind with warm-up requests, as a pipeline writes it. Each is written once."""
    written = {}

    def export(kind):
        if kind not in written:
            folder = tmp_path_factory.mktemp(kind)
            if kind in {"multi_label", "regressor"}:
                export_model(kind, folder, spm_model, fixed_seq_len=12)
            else:
                shutil.copytree(exported_model(kind), folder, dirs_exist_ok=True)
            written[kind] = str(folder)
            write_warmup_requests(written[kind], TEXTS, "tiny")
        return written[kind]

    return export


def predict_log(signature, **inputs):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    for name, value in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log


def classify_log(signature, *texts):
    log = prediction_log_pb2.PredictionLog()
    log.classify_log.request.model_spec.signature_name = signature
    for text in texts:
        example = log.classify_log.request.input.example_list.examples.add()
        example.features.feature["text"].bytes_list.value.append(text.encode())
    return log


def write_requests(model, *logs, options=None):
    path = Path(model) / WARMUP
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for log in logs:
            writer.write(log if isinstance(log, bytes) else log.SerializeToString())


def write_model(folder, *logs, module=None, **functions):
    """A model with a signature for each function of texts, and with requests where there are any."""

    def signature(function):
        return tf.function(lambda string_inputs: {"output": function(string_inputs)}, input_signature=_TEXT)

    signatures = {name: signature(function) for name, function in functions.items()}
    tf.saved_model.save(module or tf.Module(), str(folder), signatures=signatures)
    if logs:
        write_requests(folder, *logs)
    return str(folder)


def graph_of(function):
    return tf.function(function, input_signature=_TEXT).get_concrete_function().graph.as_graph_def()


# Models as pipelines write them


@pytest.mark.parametrize(
    "kind",
    [kind if kind == "classifier" else pytest.param(kind, marks=pytest.mark.thorough) for kind in TASKS],
)
def test_model_of_each_task_passes(exported, kind):
    model = exported(kind)
    report = check_model(model, "2.19", None)
    assert report.reason is None, report.failures
    assert report.requests == len(list(tf.data.TFRecordDataset(f"{model}/{WARMUP}")))
    assert report.latency.keys() == signature_defs(model).keys() - {"string_encoder_flat"}
    assert all(0 < found.p50_ms <= found.p99_ms for found in report.latency.values())
    assert 0 < report.memory.imported_mb < report.memory.loaded_mb <= report.memory.answered_mb
    assert report.written_by == tf.__version__
    newest = serving_version("2.19").graph_version
    assert report.is_newer == (newest < tf.version.GRAPH_DEF_VERSION)


@pytest.mark.parametrize("kind", MODELS)
def test_signatures_of_each_task_are_those_of_the_contract_and_no_others(exported, kind):
    contracts, signatures = signature_contracts(read_model_info(exported(kind))), signature_defs(exported(kind))
    assert list(declared_failures(contracts, signatures)) == []
    assert contracts.keys() == signatures.keys()


@pytest.mark.parametrize("kind", MODELS)
def test_every_version_can_serve_the_models_of_each_task(exported, kind):
    graph = read_served_graph(exported(kind)).graph_def
    for version in map(serving_version, versions()):
        assert [*operation_failures(graph, version), *version_failures(graph, version)] == []


# A model with one fault in each request


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """The report of a model that is wrong in many ways."""
    model = write_model(
        tmp_path_factory.mktemp("faulty"),
        predict_log("", string_inputs=["a fine film"]),
        predict_log("number", string_inputs=["17"]),
        predict_log("number", string_inputs=["seventeen" * 20, "18"]),
        predict_log("undefined", string_inputs=["a"]),
        predict_log("random", string_inputs=["a"]),
        predict_log("absent", string_inputs=["a"]),
        predict_log("serving_default", words=["a"]),
        classify_log("serving_default", "a text"),
        serving_default=lambda texts: tf.strings.length(texts),
        number=lambda texts: tf.strings.to_number(texts),
        undefined=lambda texts: tf.math.log(-tf.cast(tf.strings.length(texts), tf.float32)),
        random=lambda texts: tf.random.uniform(tf.shape(texts)),
        never_asked=lambda texts: tf.strings.length(texts),
    )
    return check_model(model, "2.19", 1e-6)


def found(report, check, start):
    """Failures of a check that begin with some words."""
    return [sentence for sentence in report.failures[check] if sentence.startswith(start)]


def test_request_that_fails_is_named_for_each_way_of_loading(faulty):
    start = f"request 3 to 'number' (\"{('seventeen' * 20)[:60]}\"... and 1 more) fails in"
    in_session, in_tf2 = found(faulty, "requests", start)
    assert "a TensorFlow 1 session: " in in_session
    assert "TensorFlow 2: " in in_tf2
    assert "StringToNumberOp could not correctly convert string: seventeen" in in_session


def test_answer_that_is_no_number_is_named(faulty):
    in_session, in_tf2 = found(faulty, "requests", "request 4 to 'undefined' (\"a\")")
    assert in_session.endswith("in a TensorFlow 1 session: 'output' has NaN in it")
    assert in_tf2.endswith("in TensorFlow 2: 'output' has NaN in it")


def test_answer_that_depends_on_the_way_of_loading_is_named(faulty):
    [sentence] = found(faulty, "requests", "request 5")
    assert sentence.endswith("'output' is not the same in a TensorFlow 1 session and in TensorFlow 2")


def test_request_to_a_signature_that_is_not_there_is_named(faulty):
    [sentence] = found(faulty, "requests", "request 6 to 'absent' (\"a\"): the model has no such signature, but")
    assert sentence.endswith("never_asked, number, random, serving_default, undefined")


def test_request_with_other_inputs_is_named(faulty):
    [sentence] = found(faulty, "requests", "request 7")
    assert sentence.endswith("it has the inputs ['words'], expected ['string_inputs']")


def test_classify_request_to_a_signature_of_another_method_is_named(faulty):
    [sentence] = found(faulty, "requests", "request 8 to 'serving_default' (\"a text\")")
    assert sentence.endswith("method is tensorflow/serving/predict, expected tensorflow/serving/classify")


def test_signature_without_a_request_is_named(faulty):
    assert faulty.failures["warm-up"] == ("there is no request to the signature 'never_asked' that fits it",)


def test_latency_above_the_bound_is_named(faulty):
    [sentence] = faulty.failures["latency"]
    measured = faulty.latency["serving_default"].p99_ms
    assert sentence.startswith(f"'serving_default' takes {measured:g} ms for a text")
    assert sentence.endswith("more than 1e-06 ms")


def test_model_of_other_origin_has_no_contract(faulty):
    [sentence] = faulty.failures["signatures"]
    assert "assets.extra/ulmfit_tfx.json" in sentence


def test_good_requests_are_not_named_and_the_reason_is_the_first_failure(faulty):
    assert not any("request 1" in sentence or "request 2" in sentence for sentence in faulty.failures["requests"])
    assert faulty.failures["loading"] == faulty.failures["operations"] == ()
    assert faulty.reason == f"warm-up: {faulty.failures['warm-up'][0]}"


# Models that do not load, and processes that die


def test_damaged_variables_are_named_for_each_way_of_loading(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(tf.ones([100]))
    model = write_model(tmp_path, module=module, serving_default=lambda texts: tf.strings.length(texts))
    (tmp_path / "variables" / "variables.data-00000-of-00001").write_bytes(b"short")
    report = check_model(model, "2.19", None)
    in_session, in_tf2 = report.failures["loading"]
    assert in_session.startswith("the model does not load in a TensorFlow 1 session: ")
    assert in_tf2.startswith("the model does not load in TensorFlow 2: ")
    assert report.memory is None


@pytest.mark.parametrize("content", [None, b"\xff damaged", b""], ids=["missing", "damaged", "empty"])
def test_graph_that_cannot_be_read_is_a_failure(tmp_path, content):
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)
    report = check_model(str(tmp_path), "2.19", None)
    [sentence] = report.failures["loading"]
    assert "saved_model.pb cannot be read" in sentence or "no graph with the tag 'serve'" in sentence
    assert report.reason == f"loading: {sentence}"


def test_request_that_kills_the_process_is_named(tmp_path):
    def abort_at_crash(texts):
        def abort():
            with tf.control_dependencies([tf.raw_ops.Abort(error_msg="asked to")]):
                return tf.constant(0)

        return tf.cond(tf.reduce_any(texts == "crash"), abort, lambda: tf.size(texts))

    requests = [predict_log("serving_default", string_inputs=[text]) for text in ("fine", "crash", "fine")]
    report = check_model(write_model(tmp_path, *requests, serving_default=abort_at_crash), "2.19", 1000.0)
    assert report.failures["requests"] == (
        "the process was killed by SIGABRT while running request 2 to 'serving_default' (\"crash\") "
        "in a TensorFlow 1 session",
    )
    assert "could not be timed" in report.failures["latency"][0]


def test_process_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(isolated_process, "TIMEOUT_SECONDS", 0.1)
    [(check, sentence)] = run_isolated(str(tmp_path), []).failures
    assert check == "requests"
    assert sentence == "the process did not end within 0.1 seconds while starting Python"


def test_kill_signal_is_explained():
    assert describe_exit(-9) == "was killed by SIGKILL, as happens where memory runs out,"
    assert describe_exit(-11) == "was killed by SIGSEGV"
    assert describe_exit(3) == "ended with exit code 3"


def test_process_has_nothing_of_ours():
    script = Path(isolated_process.__file__).with_name("isolated_run.py")
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['', 'model', '/no such file', 'output']\n"
        "try:\n"
        f"    runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "except FileNotFoundError: pass\n"
        "for name in ('ulmfit_tfx', 'ulmfit_tfx.schemas', 'tfx.v1', 'tensorflow_transform'):\n"
        "    try: __import__(name)\n"
        "    except ModuleNotFoundError: continue\n"
        "    raise AssertionError(name)\n"
        "assert not {'keras', 'apache_beam'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_process_starts_in_an_empty_folder_without_settings_of_this_one(tmp_path, monkeypatch):
    seen = {}

    def run(command, cwd, env, **_):
        seen.update(command=command, files=list(Path(cwd).iterdir()), env=env)
        return subprocess.CompletedProcess(command, 1, b"", b"")

    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", run)
    run_isolated(str(tmp_path), [])
    assert seen["command"][:2] == [sys.executable, "-I"]
    assert seen["files"] == []
    assert not {"TF_USE_LEGACY_KERAS", "PYTHONPATH"} & seen["env"].keys()


# Operations and versions of graphs


def test_operation_that_no_server_has_is_named():
    graph = graph_of(lambda texts: tf.py_function(lambda value: value, [texts], tf.string))
    [sentence] = operation_failures(graph, serving_version("2.19"))
    assert sentence == "TensorFlow Serving 2.19 cannot run the operations EagerPyFunc"


def test_operation_that_came_later_than_the_server_is_named():
    def fill(texts):
        row_splits = tf.stack([0, 0, tf.size(texts, tf.int64)])
        return tf.raw_ops.RaggedFillEmptyRows(
            value_rowids=tf.zeros_like(texts, tf.int64), values=texts, nrows=row_splits[2], default_value=""
        ).output_values

    graph = graph_of(fill)
    assert list(operation_failures(graph, serving_version("2.13"))) == []
    [sentence] = operation_failures(graph, serving_version("2.12"))
    assert "2.12 cannot run the operations RaggedFillEmptyRows" in sentence


def test_attribute_that_a_server_would_ignore_is_named():
    graph = graph_pb2.GraphDef()
    graph.node.add(name="product", op="MatMul").attr["grad_a"].b = True
    assert list(operation_failures(graph, serving_version("2.16"))) == []
    [sentence] = operation_failures(graph, serving_version("2.15"))
    assert "does not know grad_a of the operation MatMul" in sentence


def test_operations_are_also_those_of_functions_within_functions_but_not_the_functions():
    def lower_three_times(texts):
        return tf.while_loop(lambda count, _: count < 3, lambda count, texts: (count + 1, lower(texts)), (0, texts))[1]

    @tf.function
    def lower(texts):
        return tf.strings.lower(texts)

    graph = graph_of(lower_three_times)
    used = used_ops(graph)
    assert {"StringLower", "PartitionedCall", "Less"} <= used.keys()
    assert not used.keys() & {function.signature.name for function in graph.library.function}
    called_by_name = graph_pb2.GraphDef(library=graph.library)
    name = graph.library.function[0].signature.name
    called_by_name.node.add(name="call", op=name)
    assert name not in used_ops(called_by_name)


def test_graph_that_demands_a_later_reader_is_named():
    graph = graph_pb2.GraphDef()
    graph.versions.producer, graph.versions.min_consumer = 1766, 1700
    assert list(version_failures(graph, serving_version("2.16"))) == []
    [sentence] = version_failures(graph, serving_version("2.15"))
    assert "of version 1766, is for readers of version 1700 and later, TensorFlow Serving 2.15" in sentence


# Signatures and answers against a contract

CONTRACT = SignatureContract(
    inputs={"texts": TensorContract("string", ("B",))},
    outputs={"scores": TensorContract("float32", ("B", 2)), "ids": TensorContract("int32", ("B", "T"))},
    method_name="tensorflow/serving/predict",
)
INPUTS = {"texts": np.array([b"a", b"b", b"c"], object)}
ANSWER = {"scores": np.ones([3, 2], np.float32), "ids": np.ones([3, 5], np.int32)}


def failures_of_answers(*answers):
    ways = {f"in way {number}": {0: answer} for number, answer in enumerate(answers, 1)}
    return list(answer_failures({"serve": CONTRACT}, [Request("request 1", "serve", INPUTS)], ways))


def test_answers_as_promised_pass():
    close = {**ANSWER, "scores": ANSWER["scores"] * (1 + 1e-5)}
    assert failures_of_answers(ANSWER, close) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("scores", np.ones([3, 2], np.float64), "'scores' is float64 [3, 2], expected float32 [B,2]"),
        ("scores", np.ones([3, 4], np.float32), "'scores' is float32 [3, 4], expected float32 [B,2]"),
        ("scores", np.ones([1, 2], np.float32), "'scores' is float32 [1, 2], expected float32 [B,2]"),
        ("ids", np.ones([3], np.int32), "'ids' is int32 [3], expected int32 [B,T]"),
        ("scores", np.full([3, 2], np.inf, np.float32), "'scores' has infinity in it"),
    ],
)
def test_answer_that_breaks_the_contract_is_named(name, value, sentence):
    [found] = failures_of_answers({**ANSWER, name: value})
    assert found.startswith(f"request 1 in way 1: {sentence}")


@pytest.mark.parametrize(("name", "factor"), [("scores", 1.01), ("ids", 2)])
def test_answers_that_differ_are_named(name, factor):
    other = {**ANSWER, name: (ANSWER[name] * factor).astype(ANSWER[name].dtype)}
    assert failures_of_answers(ANSWER, other) == [f"request 1: '{name}' is not the same in way 1 and in way 2"]


def test_breaches_in_what_a_model_declares_are_named(exported):
    contracts, signatures = (
        signature_contracts(read_model_info(exported("classifier"))),
        signature_defs(exported("classifier")),
    )
    del signatures["spm_processor"]
    signatures["classify"].method_name = "tensorflow/serving/predict"
    del signatures["string_encoder"].outputs["mask"]
    signatures["serving_default"].outputs["probabilities"].dtype = tf.float64.as_datatype_enum
    signatures["numericalized_encoder"].outputs["output"].tensor_shape.dim.pop()
    signatures["serving_examples"].outputs["all_classes"].tensor_shape.dim[1].size = 7
    assert sorted(declared_failures(contracts, signatures)) == [
        "'classify' has the method tensorflow/serving/predict, expected tensorflow/serving/classify",
        "'numericalized_encoder', output 'output' is float32 (None, None), expected float32 [B,L,D]",
        "'serving_default', output 'probabilities' is float64 (None, 3), expected float32 [B,3]",
        "'serving_examples', output 'all_classes' is string (None, 7), expected string [B,3]",
        "'string_encoder', outputs are ['lengths', 'numericalized', 'output'], "
        "expected ['lengths', 'mask', 'numericalized', 'output']",
        "there is no signature 'spm_processor'",
    ]


# The file of warm-up requests


@pytest.mark.parametrize(
    ("logs", "options", "sentence"),
    [
        (None, None, f"the model has no {WARMUP}"),
        ([], None, f"{WARMUP} has 0 requests, expected 1 to 1,000"),
        ([predict_log("serving_default", string_inputs=["a"])] * 1001, None, "has 1,001 requests"),
        ([b"\xff damaged"], None, "cannot be read"),
        ([predict_log("serving_default", string_inputs=["a"])], "GZIP", "cannot be read"),
    ],
    ids=["missing", "empty", "too many", "damaged", "compressed"],
)
def test_file_that_a_server_does_not_take_is_an_error(tmp_path, logs, options, sentence):
    if logs is not None:
        write_requests(tmp_path, *logs, options=options)
    with pytest.raises(WarmupError) as error:
        list(read_requests(str(tmp_path), {}))
    assert sentence in str(error.value)


def test_requests_are_called_by_number_signature_and_text(exported):
    labels = [request.label for request in read_requests(exported("tagger"), signature_defs(exported("tagger")))]
    assert "request 1 to 'numericalized_encoder' (\"2 " in labels[0]
    [of_words] = [label for label in labels if "to 'tag_words' (\"a tender film\")" in label]
    [of_examples] = [label for label in labels if "to 'serving_examples' (\"dull\" and 1 more)" in label]
    assert of_words != of_examples


def test_empty_texts_and_what_is_no_example_have_labels_too(exported, tmp_path):
    """An Example of an empty text ends with a byte that is zero."""
    empty = tf.train.Example(
        features=tf.train.Features(feature={"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b""]))})
    ).SerializeToString()
    write_requests(tmp_path, *(predict_log("serving_examples", examples=[value]) for value in (empty, b"\xff")))
    of_empty, of_other = read_requests(str(tmp_path), signature_defs(exported("classifier")))
    assert of_empty.label == "request 1 to 'serving_examples' (\"\")"
    assert of_empty.inputs["examples"].tolist() == [empty]
    assert of_other.label == "request 2 to 'serving_examples' (\"\N{REPLACEMENT CHARACTER}\")"


def test_request_of_another_kind_is_named(tmp_path):
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.request.model_spec.name = "tiny"
    write_requests(tmp_path, log)
    [sentence] = read_requests(str(tmp_path), {})
    assert sentence == "request 1 is a session_run_log, expected a predict_log, a classify_log or a regress_log"


# The component


def run_component(saved_model_parent, folder, **parameters):
    model, blessing = standard_artifacts.Model(), standard_artifacts.InfraBlessing()
    model.uri, blessing.uri = str(saved_model_parent), str(folder)
    component = InfraCheck(channel_utils.as_channel([model]), "2.19", **parameters)
    Executor().Do({"model": [model]}, {"blessing": [blessing]}, dict(component.exec_properties))
    return blessing, InfraReport.from_json((folder / "report.json").read_text())


def test_remote_model_that_passes_is_blessed_as_pusher_reads_it(exported, tmp_path):
    shutil.copytree(exported("regressor"), tmp_path / "model" / "Format-Serving")
    blessing, report = run_component(f"file://{tmp_path}/model", tmp_path / "blessing", max_latency_ms=60_000.0)
    assert report.reason is None
    assert model_utils.is_infra_validated(blessing)
    assert {path.name for path in (tmp_path / "blessing").iterdir()} == {"INFRA_BLESSED", "report.json"}
    assert not blessing.has_custom_property("reason")


def test_model_with_a_foreign_operation_is_not_blessed_and_the_reason_names_it(tmp_path):
    write_model(
        tmp_path / "model" / "Format-Serving",
        predict_log("serving_default", string_inputs=["a"]),
        serving_default=lambda texts: tf.numpy_function(lambda value: value, [texts], tf.string),
    )
    blessing, report = run_component(tmp_path / "model", tmp_path / "blessing")
    assert not model_utils.is_infra_validated(blessing)
    assert {path.name for path in (tmp_path / "blessing").iterdir()} == {"INFRA_NOT_BLESSED", "report.json"}
    assert blessing.get_string_custom_property("reason") == report.reason
    assert report.reason == "operations: TensorFlow Serving 2.19 cannot run the operations PyFunc"


def test_report_comes_back_from_its_file():
    report = InfraReport(
        tf_serving="2.19",
        written_by="2.16.2",
        is_newer=False,
        failures={"requests": ("request 1 to 'x' (\"Żółć\")",), "latency": ()},
        requests=3,
        latency={"serving_default": Latency(1.5, 2.25, 300)},
        memory=Memory(500.0, 600.0, 700.5),
    )
    assert InfraReport.from_json(report.to_json()) == report
    assert json.loads(report.to_json())["latency"]["serving_default"]["p99_ms"] == 2.25
    without = InfraReport("2.19", "", False, {"loading": ("x",)}, 0, {}, None)
    assert InfraReport.from_json(without.to_json()) == without
    assert without.reason == "loading: x"
