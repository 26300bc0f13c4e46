"""Whether a version of TensorFlow Serving knows all that a model's graph is made of."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tensorflow.core.framework import graph_pb2

from ulmfit_tfx.schemas.serving_ops import ServingVersion, unsupported_ops


def used_ops(graph: graph_pb2.GraphDef) -> Mapping[str, set[str]]:
    """Names of the attributes that are set, by name of the op, of all nodes of a graph and of its functions.

    A model is written without the attributes that have their defaults. A node that calls a function by the function's
    name is no op.
    """
    functions = {function.signature.name for function in graph.library.function}
    used: defaultdict[str, set[str]] = defaultdict(set)
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        for node in nodes:
            if node.op not in functions:
                used[node.op] |= set(node.attr)
    return used


def operation_failures(graph: graph_pb2.GraphDef, serving: ServingVersion) -> Iterator[str]:
    """Yields a sentence for the ops that are not there, and for each op that is but lacks attributes."""
    missing = unsupported_ops(used_ops(graph), serving.version)
    if ops := [op for op, attributes in missing.items() if not attributes]:
        yield f"TensorFlow Serving {serving.version} cannot run the operations {', '.join(ops)}"
    for op, attributes in missing.items():
        if attributes:
            yield (
                f"TensorFlow Serving {serving.version} does not know {', '.join(attributes)} of the operation {op} "
                "and would ignore what the model says there"
            )


def version_failures(graph: graph_pb2.GraphDef, serving: ServingVersion) -> Iterator[str]:
    """Yields a sentence where the graph demands a later reader of graphs than the server is."""
    versions = graph.versions
    if versions.min_consumer > serving.graph_version or serving.graph_version in versions.bad_consumers:
        yield (
            f"the model's graph, of version {versions.producer}, is for readers of version {versions.min_consumer} and "
            f"later, TensorFlow Serving {serving.version} is of version {serving.graph_version}"
        )
