"""Imports TensorFlow, TFX and what goes with them, and says what became of it; a script, for a process of its own.

Each step is a line of JSON before it and one after it, so that what kills or hangs the process is known:

    {"step": "keras", "state": "begun"}
    {"step": "keras", "state": "done", "seconds": 1.2, "facts": {"version": "3.9.0", "backend": "tensorflow"}}

States after `begun`: `done` with facts, `failed` with `error` (its class) and `message`. A step of which something that
it needs has failed is `left_out`, with `needs`.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def _tensorflow() -> dict[str, Any]:
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    cuda = {name: build.get(f"{name}_version") for name in ("cuda", "cudnn")} if build.get("is_cuda_build") else {}
    return {"version": tf.__version__, **cuda}


def _gpus() -> dict[str, Any]:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, devices)
    return {"names": [detail.get("device_name", "GPU") for detail in details]}


def _keras() -> dict[str, Any]:
    import keras

    return {"version": keras.__version__, "backend": keras.config.backend()}


def _tf_keras() -> dict[str, Any]:
    import keras
    import tensorflow

    if tensorflow.keras.Model is keras.Model:
        return {"version": keras.__version__}
    import tf_keras

    return {"version": tf_keras.__version__}


def _tensorflow_text() -> dict[str, Any]:
    import tensorflow_text

    tensorflow_text.WhitespaceTokenizer().tokenize(["two words"])
    return {"version": tensorflow_text.__version__}


def _ml_metadata() -> dict[str, Any]:
    import ml_metadata
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.SetInParent()  # without a file name it is in memory
    metadata_store.MetadataStore(config).get_artifacts()
    return {"version": ml_metadata.__version__}


def _apache_beam() -> dict[str, Any]:
    import apache_beam

    try:
        importlib.import_module("apache_beam.io.gcp.gcsio")
    except ImportError:
        return {"version": apache_beam.__version__, "gcp": False}
    return {"version": apache_beam.__version__, "gcp": True}


def _tensorflow_model_analysis() -> dict[str, Any]:
    import tensorflow_model_analysis as tfma

    return {"version": tfma.__version__, "complete": hasattr(tfma, "default_eval_shared_model")}


def _tfx() -> dict[str, Any]:
    import tfx.v1

    return {"version": tfx.v1.__version__}


STEPS: dict[str, tuple[Callable[[], dict[str, Any]], tuple[str, ...]]] = {
    "tensorflow": (_tensorflow, ()),
    "gpus": (_gpus, ("tensorflow",)),
    "keras": (_keras, ("tensorflow",)),
    "tensorflow.keras": (_tf_keras, ("tensorflow", "keras")),
    "tensorflow_text": (_tensorflow_text, ("tensorflow", "keras")),
    "ml_metadata": (_ml_metadata, ()),
    "apache_beam": (_apache_beam, ()),
    "tensorflow_model_analysis": (_tensorflow_model_analysis, ("tensorflow", "keras", "apache_beam")),
    "tfx": (_tfx, ("tensorflow", "keras", "ml_metadata", "apache_beam")),
}
"""By name, what a step does and which steps it needs. TFMA and TFX come last: they make tensorflow.keras Keras 2."""


def main() -> None:
    """Takes the steps in order."""
    sys.path.pop(0)  # the folder of this script
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as lines:
        os.dup2(2, 1)  # what libraries print is no report
        sound: set[str] = set()
        for name, (step, needs) in STEPS.items():
            missing = [need for need in needs if need not in sound]
            if missing:
                _say(lines, name, "left_out", needs=missing)
                continue
            _say(lines, name, "begun")
            started = time.perf_counter()
            try:
                facts = step()
            except (Exception, SystemExit) as error:
                _say(lines, name, "failed", error=type(error).__name__, message=str(error))
            else:
                sound.add(name)
                _say(lines, name, "done", seconds=time.perf_counter() - started, facts=facts)
    os._exit(0)  # threads of the libraries are not waited for


def _say(lines: Any, step: str, state: str, **more: Any) -> None:
    lines.write(json.dumps({"step": step, "state": state, **more}) + "\n")
    lines.flush()


if __name__ == "__main__":
    main()
