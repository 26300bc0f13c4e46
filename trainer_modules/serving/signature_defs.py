"""Reads what a SavedModel says of its signatures."""

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2


def signature_defs(folder: str) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Signatures of a SavedModel by name, without those that TensorFlow adds. Nothing of the model is loaded.

    Args:
        folder: Of the SavedModel, local or remote.

    Raises:
        tf.errors.NotFoundError: It has no `saved_model.pb`.
    """
    with tf.io.gfile.GFile(f"{folder}/{tf.saved_model.SAVED_MODEL_FILENAME_PB}", "rb") as file:
        graphs = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs
    (served,) = [graph for graph in graphs if set(graph.meta_info_def.tags) == {tf.saved_model.SERVING}]
    return {name: signature for name, signature in served.signature_def.items() if not name.startswith("__")}
