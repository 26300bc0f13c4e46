"""The gRPC services."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from double_errors import ServingError
from double_servables import Servables
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

THREADS = 4
_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@contextlib.contextmanager
def grpc_server(servables: Servables) -> Iterator[int]:
    """Serves on a free port of the loopback until the block ends; gives the port."""
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=_ANY_SIZE)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(servables), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(servables), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, servables: Servables):
        self.Predict = _method(servables.predict)
        self.Classify = _method(servables.classify)
        self.Regress = _method(servables.regress)
        self.GetModelMetadata = _method(servables.metadata)


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, servables: Servables):
        self.GetModelStatus = _method(servables.status)


def _method(answer: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    def method(request, context):
        try:
            return answer(request)
        except ServingError as error:
            context.abort(error.code, error.message)

    return method
