"""Calls every signature of a SavedModel in a process that has only TensorFlow and tensorflow-text.

    python -I -S isolated_inference.py PACKAGES MODEL MODE OUTPUT.npz

MODE is `tf2` (tf.saved_model.load) or `tf1` (a Session, as BulkInferrer and C++ servers restore models). Not a test
itself: test_saved_model.py runs it.
"""

import importlib.util
import sys

packages, model, mode, output = sys.argv[1:]
sys.path.insert(0, packages)

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401

for absent in ("ulmfit_tfx", "tfx", "sentencepiece", "tensorflow_transform"):
    assert importlib.util.find_spec(absent) is None, f"{absent} can be imported"

TEXTS = ["A great film!", "", "Tedious, naïve <br />and a dull story " * 30]
FEEDS = {
    "string_inputs": np.array([text.encode() for text in TEXTS], object),
    "words": np.array(
        [[b"A", b"tender", b"film", b"!"], [b"", b"", b"", b""], [b"na\xc3\xafve", b"", b"plot", b""]], object
    ),
    "numericalized": np.array([[2, 9, 8, 3], [2, 3, 1, 1]], np.int32),
    "examples": np.array(
        [
            tf.train.Example(
                features=tf.train.Features(
                    feature={"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))}
                )
            ).SerializeToString()
            for text in TEXTS
        ],
        object,
    ),
}
FEEDS["inputs"] = FEEDS["examples"]


def run_tf2():
    loaded = tf.saved_model.load(model)
    for name, function in loaded.signatures.items():
        inputs = {key: tf.constant(FEEDS[key]) for key in function.structured_input_signature[1]}
        yield name, {key: value.numpy() for key, value in function(**inputs).items()}


def run_tf1():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], model)
        for name, signature in meta_graph.signature_def.items():
            if name.startswith("__"):
                continue
            feed = {tensor.name: FEEDS[key] for key, tensor in signature.inputs.items()}
            yield name, session.run({key: tensor.name for key, tensor in signature.outputs.items()}, feed)


arrays = {}
for name, outputs in run_tf2() if mode == "tf2" else run_tf1():
    for key, value in outputs.items():
        arrays[f"{name}/{key}"] = value.astype("S") if value.dtype == object else value
np.savez(output, **arrays)
