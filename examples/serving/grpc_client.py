"""Asks TensorFlow Serving's gRPC API for what a model says of texts. Needs tensorflow-serving-api.

    python examples/serving/grpc_client.py --model reviews "A quiet film that stays with you."

That package holds the API's messages and requires tensorflow, whose import takes some seconds. No model is loaded here.
"""

import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
from answers import batches, parse_arguments, shown, without_standard_error

with without_standard_error():
    from tensorflow import make_ndarray, make_tensor_proto
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

ANY_SIZE = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
"""gRPC refuses messages of more than 4 MB by itself."""


def predict(
    stub: prediction_service_pb2_grpc.PredictionServiceStub, model: str, texts: list[str], timeout: float
) -> list[dict[str, Any]]:
    """Outputs of the model's signature `serving_default`, by name, of each text.

    Raises:
        grpc.RpcError: TensorFlow Serving cannot be reached, refuses the request or does not answer in time.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = "serving_default"
    request.inputs["string_inputs"].CopyFrom(make_tensor_proto(texts))
    response = stub.Predict(request, timeout)
    arrays = {name: make_ndarray(tensor) for name, tensor in response.outputs.items()}
    return [{name: plain(array[row]) for name, array in arrays.items()} for row in range(len(texts))]


def plain(value: Any) -> Any:
    """Lists, numbers and texts of an array or of one of its items."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return [plain(item) for item in value] if getattr(value, "ndim", 0) else value.item()


def main() -> None:
    """Asks and prints."""
    arguments = parse_arguments(__doc__.splitlines()[0], "localhost:8500")
    server, model = arguments.server, arguments.model
    with grpc.insecure_channel(server, ANY_SIZE) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            for texts in batches(arguments.texts):
                for text, outputs in zip(texts, predict(stub, model, texts, arguments.timeout), strict=True):
                    print(shown(text, outputs))
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                sys.exit(
                    f"{server}: cannot be reached: {error.details()}. Is it the server's --port, the one for gRPC?"
                )
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                sys.exit(f"{server}: no answer within {arguments.timeout:g} seconds. --timeout sets another time.")
            sys.exit(f"{server}: the model '{model}' gives no answer: {error.details()}")


if __name__ == "__main__":
    main()
