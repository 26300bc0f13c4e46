"""A loopback server that speaks TensorFlow Serving's gRPC and REST APIs, for tests on machines without its binary.

It serves SavedModels as TensorFlow Serving does: each version restored into a session of TensorFlow 1, called by the
names of tensors that its signatures give. What it answers, and with which errors, follows the API's protos and
https://www.tensorflow.org/tfx/serving/api_rest. It does not batch, reload or warm up.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from double_grpc import grpc_server
from double_rest import rest_server
from double_servables import Servables


class Addresses(NamedTuple):
    """Where a server is reached.

    Attributes:
        grpc: `host:port`.
        rest: `http://host:port`.
    """

    grpc: str
    rest: str


@contextlib.contextmanager
def serve(
    folder: Path | str,
    model_name: str,
    versions: Sequence[int] | None = None,
    labels: Mapping[str, int] | None = None,
) -> Iterator[Addresses]:
    """Serves a model until the block ends.

    Args:
        folder: Of numbered versions.
        model_name: By which requests ask for it.
        versions: Those that are served; None: the highest, as TensorFlow Serving does by itself.
        labels: Names of versions.
    """
    with contextlib.ExitStack() as stack:
        servables = Servables(Path(folder), model_name, versions, labels or {})
        stack.callback(servables.close)
        grpc_port = stack.enter_context(grpc_server(servables))
        rest_port = stack.enter_context(rest_server(servables))
        yield Addresses(f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}")
