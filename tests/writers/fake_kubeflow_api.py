"""A fake of the Kubeflow Pipelines API, version v2beta1, on the loopback interface.

What arrives has to be what the API's own types allow: bodies have the fields of `kfp_server_api`'s models and no other,
a pipeline is a `PipelineSpec` and a `PlatformSpec` with a `KubernetesExecutorConfig` for each executor, and a run's
parameters are those of the pipeline, of its types. Else the answer is the backend's 400. What goes out are the models.
"""

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
from google.protobuf import json_format
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType, PipelineSpec, PlatformSpec

_ROOT = "/apis/v2beta1"
_EQUALS = (1, "EQUALS")
_LATER_FIELDS = {"imagePullPolicy", "imagePullSecret", "tolerations"}
"""Of a KubernetesExecutorConfig: backends know them, the messages of kfp-kubernetes 1.0 do not yet."""
_TYPES = {
    ParameterType.STRING: str,
    ParameterType.NUMBER_INTEGER: (int, float),
    ParameterType.NUMBER_DOUBLE: (int, float),
    ParameterType.BOOLEAN: bool,
    ParameterType.LIST: list,
    ParameterType.STRUCT: dict,
}

Answer = tuple[int, str, str]
"""Status, content type and body."""


class RefusedError(Exception):
    """What the backend answers with an error. The arguments are status, gRPC code and message."""


class FakeKubeflowApi:
    """The API's state and what was asked of it.

    Args:
        multi_user: Whether each namespace has its own experiments.
        token: Bearer token that requests have to carry. None: any, or none.
        histories: What each request for a run answers, one after the other, the last again and again: the run's state,
            or a state and that of tasks by name, or an `Answer`.
    """

    def __init__(
        self,
        multi_user: bool = False,
        token: str | None = None,
        histories: Sequence[str | tuple[str, Mapping[str, str]] | Answer] = ("SUCCEEDED",),
    ):
        self.multi_user, self.token, self.histories = multi_user, token, list(histories)
        self.experiments: list[kfp_server_api.V2beta1Experiment] = []
        self.runs: list[kfp_server_api.V2beta1Run] = []
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and header `Authorization` of each request."""
        self.url = ""

    def answer(self, method: str, target: str, authorization: str | None, body: bytes) -> Answer:
        """Answers a request as the backend would."""
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.requests.append((method, url.path, authorization))
        try:
            if self.token is not None and authorization != f"Bearer {self.token}":
                raise RefusedError(401, 16, "Request header error: there is no user identity header.")
            found = self._handle(method, url.path, query, body)
        except RefusedError as error:
            status, code, message = error.args
            return status, "application/json", json.dumps({"error": message, "code": code, "message": message})
        if isinstance(found, tuple):
            return found
        return 200, "application/json", json.dumps(kfp_server_api.ApiClient().sanitize_for_serialization(found))

    def _handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Any:
        routes: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/healthz"): lambda: kfp_server_api.V2beta1GetHealthzResponse(multi_user=self.multi_user),
            ("GET", "/experiments"): lambda: self._list_experiments(query),
            ("POST", "/experiments"): lambda: self._create_experiment(parsed(body, "V2beta1Experiment")),
            ("POST", "/runs"): lambda: self._create_run(parsed(body, "V2beta1Run")),
        }
        path = path.removeprefix(_ROOT)
        if handler := routes.get((method, path)):
            return handler()
        if method == "GET" and (match := re.fullmatch("/runs/([^/]+)", path)):
            return self._get_run(match[1])
        raise RefusedError(404, 5, "Not Found")

    def _list_experiments(self, query: Mapping[str, str]) -> kfp_server_api.V2beta1ListExperimentsResponse:
        namespace = self._namespace(query.get("namespace"))
        [predicate] = json.loads(query["filter"])["predicates"]
        if predicate["operation"] not in _EQUALS or predicate["key"] != "display_name":
            raise RefusedError(400, 3, f"Unsupported filter: {predicate}")
        found = [
            experiment
            for experiment in self.experiments
            if (experiment.display_name, experiment.namespace) == (predicate["stringValue"], namespace)
        ]
        return kfp_server_api.V2beta1ListExperimentsResponse(experiments=found or None, total_size=len(found))

    def _create_experiment(self, experiment: kfp_server_api.V2beta1Experiment) -> kfp_server_api.V2beta1Experiment:
        experiment.namespace = self._namespace(experiment.namespace)
        experiment.experiment_id = f"experiment-{len(self.experiments) + 1}"
        self.experiments.append(experiment)
        return experiment

    def _namespace(self, namespace: str | None) -> str | None:
        if self.multi_user and not namespace:
            raise RefusedError(400, 3, "Invalid input error: A namespace is required in multi-user mode")
        if namespace and not self.multi_user:
            raise RefusedError(400, 3, "Invalid input error: In single-user mode, there is no namespace")
        return namespace or None

    def _create_run(self, run: kfp_server_api.V2beta1Run) -> kfp_server_api.V2beta1Run:
        if run.experiment_id not in [experiment.experiment_id for experiment in self.experiments]:
            raise RefusedError(404, 5, f"Experiment {run.experiment_id} not found")
        pipeline, _ = specs(run.pipeline_spec)
        _check_parameters(pipeline, (run.runtime_config and run.runtime_config.parameters) or {})
        run.run_id, run.state = f"run-{len(self.runs) + 1}", "PENDING"
        self.runs.append(run)
        return run

    def _get_run(self, run_id: str) -> kfp_server_api.V2beta1Run | Answer:
        run = next((run for run in self.runs if run.run_id == run_id), None)
        if run is None:
            raise RefusedError(404, 5, f"Run {run_id} not found")
        step = self.histories.pop(0) if len(self.histories) > 1 else self.histories[0]
        if isinstance(step, tuple) and isinstance(step[0], int):
            return step
        run.state, tasks = (step, {}) if isinstance(step, str) else step
        details = [
            kfp_server_api.V2beta1PipelineTaskDetail(run_id=run_id, display_name=name, state=state)
            for name, state in tasks.items()
        ]
        run.run_details = kfp_server_api.V2beta1RunDetails(task_details=details)
        return run


def parsed(body: bytes, model: str) -> Any:
    """A request's body as one of `kfp_server_api`'s models, by `kfp_server_api`'s deserializer.

    Raises:
        RefusedError: It has a field that the model lacks.
    """
    fields = getattr(kfp_server_api, model).attribute_map.values()
    if unknown := sorted(set(json.loads(body)) - set(fields)):
        raise RefusedError(400, 3, f'proto: unknown field "{unknown[0]}"')
    return kfp_server_api.ApiClient().deserialize(SimpleNamespace(data=body.decode()), model)


def specs(document: Mapping[str, Any]) -> tuple[PipelineSpec, PlatformSpec]:
    """A run's `pipeline_spec` as messages. It has either form that the backend takes: alone, or with a platform spec.

    Raises:
        RefusedError: It does not follow the messages' definitions, or names an executor that the pipeline lacks.
    """
    has_platforms = "pipeline_spec" in document
    try:
        pipeline = json_format.ParseDict(document["pipeline_spec"] if has_platforms else document, PipelineSpec())
        platform = json_format.ParseDict(document.get("platform_spec", {}) if has_platforms else {}, PlatformSpec())
        executors = dict(platform.platforms["kubernetes"].deployment_spec.executors) if platform.platforms else {}
        for config in executors.values():
            fields = json_format.MessageToDict(config)
            known = {name: value for name, value in fields.items() if name not in _LATER_FIELDS}
            json_format.ParseDict(known, KubernetesExecutorConfig())
    except json_format.ParseError as error:
        raise RefusedError(400, 3, f"Invalid input error: {error}") from None
    if not pipeline.pipeline_info.name or not pipeline.root.dag.tasks:
        raise RefusedError(400, 3, "Invalid input error: the pipeline has no name or no tasks")
    if unknown := sorted(set(executors) - set(pipeline.deployment_spec["executors"])):
        raise RefusedError(400, 3, f"Invalid input error: unknown executor {unknown[0]}")
    return pipeline, platform


def _check_parameters(pipeline: PipelineSpec, given: Mapping[str, Any]) -> None:
    defined = pipeline.root.input_definitions.parameters
    for name, value in given.items():
        if name not in defined:
            raise RefusedError(400, 3, f"Invalid input error: unknown runtime parameter {name}")
        kind = defined[name].parameter_type
        is_wrong_number = kind != ParameterType.BOOLEAN and isinstance(value, bool)
        is_fraction = kind == ParameterType.NUMBER_INTEGER and value != int(value)
        if is_wrong_number or not isinstance(value, _TYPES[kind]) or is_fraction:
            raise RefusedError(400, 3, f"Invalid input error: parameter {name} is {value!r}")
    for name, definition in defined.items():
        if name not in given and not definition.is_optional and not definition.HasField("default_value"):
            raise RefusedError(400, 3, f"Invalid input error: parameter {name} is required")


@contextmanager
def serving(
    answer: Callable[[str, str, str | None, bytes], Answer], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serves answers on a free port of the loopback interface for as long as the context lasts.

    Args:
        answer: From method, path with query, header `Authorization` and body.
        tls: For https. None: http.

    Yields:
        The server's address.
    """

    class Handler(BaseHTTPRequestHandler):
        def _respond(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content_type, text = answer(self.command, self.path, self.headers.get("Authorization"), body)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _respond  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def running(api: FakeKubeflowApi) -> Iterator[FakeKubeflowApi]:
    """Serves a fake API, its address in `url`."""
    with serving(api.answer) as api.url:
        yield api
