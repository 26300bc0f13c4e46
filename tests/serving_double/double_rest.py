"""The REST API."""

import contextlib
import inspect
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import grpc
from double_errors import ServingError, invalid
from double_json import read_body, read_example, read_inputs, write_body, write_number, write_outputs
from double_servables import Servables
from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

_MODEL = r"(?i)/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
_POST = re.compile(_MODEL + ":(classify|regress|predict)")
_GET = re.compile(_MODEL + "(/metadata)?")

_HTTP_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
}
"""Of all others 500."""

_OPTIONS = inspect.signature(MessageToDict).parameters
_WITH_DEFAULTS = {
    next(
        name for name in ("always_print_fields_with_no_presence", "including_default_value_fields") if name in _OPTIONS
    ): True
}
"""The option has another name in protobuf 5 and later."""


@contextlib.contextmanager
def rest_server(servables: Servables) -> Iterator[int]:
    """Serves on a free port of the loopback until the block ends; gives the port."""
    handler = type("Handler", (_Handler,), {"api": _RestApi(servables)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _RestApi:
    """From requests to answers, all JSON."""

    def __init__(self, servables: Servables):
        self._servables = servables

    def get(self, path: str) -> Any:
        """Status or metadata.

        Raises:
            ServingError: The path is none, or its model is not found.
        """
        match = _GET.fullmatch(path)
        if match is None:
            raise invalid(f"Malformed request: GET {path}")
        if match.group(4):
            request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
            _fill_spec(request, match)
            return _metadata(self._servables.metadata(request))
        request = get_model_status_pb2.GetModelStatusRequest()
        _fill_spec(request, match)
        return MessageToDict(self._servables.status(request), **_WITH_DEFAULTS)

    def post(self, path: str, body: bytes) -> Any:
        """Predictions.

        Raises:
            ServingError: Anything is wrong with the path or the request.
        """
        match = _POST.fullmatch(path)
        if match is None:
            raise invalid(f"Malformed request: POST {path}")
        return getattr(self, f"_{match.group(4).lower()}")(match, read_body(body))

    def _predict(self, match: re.Match, body: dict[str, Any]) -> Any:
        request = predict_pb2.PredictRequest()
        _fill_spec(request, match, body)
        for name, tensor in read_inputs(body, self._servables.inputs(request.model_spec)).items():
            request.inputs[name].CopyFrom(tensor)
        return write_outputs(self._servables.predict(request).outputs, "instances" in body)

    def _classify(self, match: re.Match, body: dict[str, Any]) -> Any:
        request = classification_pb2.ClassificationRequest()
        _fill_spec(request, match, body)
        _fill_examples(request, body)
        rows = self._servables.classify(request).result.classifications
        return {"results": [[[found.label, write_number(found.score)] for found in row.classes] for row in rows]}

    def _regress(self, match: re.Match, body: dict[str, Any]) -> Any:
        request = regression_pb2.RegressionRequest()
        _fill_spec(request, match, body)
        _fill_examples(request, body)
        rows = self._servables.regress(request).result.regressions
        return {"results": [write_number(row.value) for row in rows]}


def _fill_spec(request: Any, match: re.Match, body: dict[str, Any] | None = None) -> None:
    name, version, label, _ = match.groups()
    request.model_spec.name = unquote(name)
    if version:
        request.model_spec.version.value = int(version)
    if label:
        request.model_spec.version_label = unquote(label)
    signature_name = (body or {}).get("signature_name", "")
    if not isinstance(signature_name, str):
        raise invalid("'signature_name' key must be a string value.")
    request.model_spec.signature_name = signature_name


def _fill_examples(request: Any, body: dict[str, Any]) -> None:
    examples = body.get("examples")
    if not isinstance(examples, list) or not examples:
        raise invalid("key 'examples' is expected and was not found, or its value is no list or an empty one")
    context = read_example(body.get("context", {}))
    for value in examples:
        example = request.input.example_list.examples.add()
        example.CopyFrom(context)
        example.MergeFrom(read_example(value))


def _metadata(response: get_model_metadata_pb2.GetModelMetadataResponse) -> Any:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    as_json = {"preserving_proto_field_name": True, **_WITH_DEFAULTS}
    return {
        "model_spec": MessageToDict(response.model_spec, **as_json),
        "metadata": {"signature_def": MessageToDict(signatures, **as_json)},
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: _RestApi

    def do_GET(self):  # noqa: N802  http.server calls it
        self._answer(lambda: self.api.get(self.path))

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(lambda: self.api.post(self.path, body))

    def _answer(self, answer):
        try:
            status, value = 200, answer()
        except ServingError as error:
            status, value = _HTTP_CODES.get(error.code, 500), {"error": error.message}
        content = write_body(value)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        """Says nothing."""
