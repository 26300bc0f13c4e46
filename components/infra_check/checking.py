"""All checks of a model, one after the other."""

from collections.abc import Mapping
from typing import get_args

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from ulmfit_tfx.components.infra_check.graph_checks import operation_failures, version_failures
from ulmfit_tfx.components.infra_check.isolated_process import Findings, Request, run_isolated
from ulmfit_tfx.components.infra_check.signature_checks import Contracts, answer_failures, declared_failures
from ulmfit_tfx.components.infra_check.warmup import SignatureDefs, WarmupError, read_requests
from ulmfit_tfx.components.reports.infra import CheckName, InfraReport, Latency, Memory
from ulmfit_tfx.schemas.serving_ops import serving_version
from ulmfit_tfx.tasks import read_model_info, signature_contracts
from ulmfit_tfx.trainer_modules.serving import signature_names as names

_Failures = dict[CheckName, list[str]]
_NOTHING_FOUND = Findings([])


class UnreadableModelError(Exception):
    """There is no graph in the model's files that could be looked at."""


def check_model(model: str, tf_serving: str, max_latency_ms: float | None) -> InfraReport:
    """Makes all checks, whether or not others failed.

    Args:
        model: Folder of the SavedModel, local.
        tf_serving: One of `ulmfit_tfx.schemas.serving_ops.versions()`.
        max_latency_ms: Highest 99th percentile of the time that `serving_default` takes for a text. None: any.
    """
    failures: _Failures = {name: [] for name in get_args(CheckName)}
    try:
        meta_graph = read_served_graph(model)
    except UnreadableModelError as error:
        failures["loading"].append(str(error))
        return _report(tf_serving, "", False, failures)
    serving, graph = serving_version(tf_serving), meta_graph.graph_def
    failures["operations"] += operation_failures(graph, serving)
    failures["graph"] += version_failures(graph, serving)
    signatures = {name: value for name, value in meta_graph.signature_def.items() if not name.startswith("__")}
    contracts = _contracts(model, failures)
    failures["signatures"] += declared_failures(contracts, signatures)
    requests = _requests(model, signatures, failures)
    findings = run_isolated(model, requests)
    for name, sentence in findings.failures:
        failures[name].append(sentence)
    failures["requests"] += answer_failures(contracts, requests, findings.answers)
    failures["latency"] += _latency_failures(findings, max_latency_ms)
    is_newer = graph.versions.producer > serving.graph_version
    written_by = meta_graph.meta_info_def.tensorflow_version
    return _report(tf_serving, written_by, is_newer, failures, len(requests), findings)


def read_served_graph(model: str) -> meta_graph_pb2.MetaGraphDef:
    """Reads the graph that servers load, and its signatures.

    Raises:
        UnreadableModelError: There is none.
    """
    path = f"{model}/{tf.saved_model.SAVED_MODEL_FILENAME_PB}"
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            graphs = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs
    except (tf.errors.OpError, DecodeError) as error:
        raise UnreadableModelError(f"{tf.saved_model.SAVED_MODEL_FILENAME_PB} cannot be read: {error}") from None
    for graph in graphs:
        if set(graph.meta_info_def.tags) == {tf.saved_model.SERVING}:
            return graph
    raise UnreadableModelError(f"the model has no graph with the tag '{tf.saved_model.SERVING}'")


def _contracts(model: str, failures: _Failures) -> Contracts:
    info = read_model_info(model)
    if info is not None:
        return signature_contracts(info)
    failures["signatures"].append(f"what they should be is not known: the model has no {names.MODEL_INFO_FILE}")
    return {}


def _requests(model: str, signatures: SignatureDefs, failures: _Failures) -> list[Request]:
    """Those that fit the signatures; what is wrong with others goes to the failures."""
    try:
        found = list(read_requests(model, signatures))
    except WarmupError as error:
        failures["warm-up"].append(str(error))
        return []
    requests = [request for request in found if isinstance(request, Request)]
    failures["requests"] += [misfit for misfit in found if isinstance(misfit, str)]
    warmed_up = {request.signature for request in requests} | {names.STRING_ENCODER_FLAT}
    for name in sorted(signatures.keys() - warmed_up):
        failures["warm-up"].append(f"there is no request to the signature '{name}' that fits it")
    return requests


def _latency_failures(findings: Findings, max_latency_ms: float | None) -> list[str]:
    if max_latency_ms is None:
        return []
    measured = findings.latency.get(names.SERVING_DEFAULT)
    if measured is None:
        return [f"'{names.SERVING_DEFAULT}' could not be timed: no request of one text to it was answered"]
    if measured["p99_ms"] <= max_latency_ms:
        return []
    return [
        f"'{names.SERVING_DEFAULT}' takes {measured['p99_ms']:g} ms for a text (99th percentile of {measured['runs']} "
        f"runs), more than {max_latency_ms:g} ms"
    ]


def _report(
    tf_serving: str,
    written_by: str,
    is_newer: bool,
    failures: Mapping[CheckName, list[str]],
    requests: int = 0,
    findings: Findings = _NOTHING_FOUND,
) -> InfraReport:
    return InfraReport(
        tf_serving=tf_serving,
        written_by=written_by,
        is_newer=is_newer,
        failures={name: tuple(sentences) for name, sentences in failures.items()},
        requests=requests,
        latency={name: Latency(**value) for name, value in findings.latency.items()},
        memory=Memory(**findings.memory) if findings.memory else None,
    )
