"""Imports TensorFlow, TFX and what goes with them, and says what became of it; a script, for a process of its own.

Each check is a line of JSON before it and one after it, so that what kills or hangs the process is known:

    {"check": "tfx", "state": "begun"}
    {"check": "tfx", "state": "done", "seconds": 1.2, "facts": {"found": "1.16.0, imported"}}

States after `begun`: `done` with facts, `failed` with `error` (its class) and `message`. A check that needs one that
has failed is `left_out`, with `needs`. Facts are `found` in words, and of what is not as it should be the `verdict`,
the `problem`, and the requirement that is to be installed (`lacks`); of TensorFlow also what `gpu.gpu_finding` takes.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Facts = dict[str, Any]


def _tensorflow() -> Facts:
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    cuda = {name: build.get(f"{name}_version") for name in ("cuda", "cudnn")} if build.get("is_cuda_build") else {}
    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    gpus = [detail.get("device_name", "GPU") for detail in details]
    return {"found": f"{tf.__version__}, imported", "version": tf.__version__, "gpus": gpus, **cuda}


def _keras() -> Facts:
    """What tensorflow.keras is makes no difference here: this package imports keras.

    Importing TFX sets TF_USE_LEGACY_KERAS for later processes.
    """
    import keras
    import tensorflow

    if tensorflow.keras.Model is keras.Model:
        return {"found": f"{keras.__version__}, as tensorflow.keras"}
    return {"found": f"{keras.__version__}; tensorflow.keras is Keras 2 (TF_USE_LEGACY_KERAS), not used here"}


def _tensorflow_text() -> Facts:
    import tensorflow_text

    tensorflow_text.WhitespaceTokenizer().tokenize(["two words"])
    return {"found": f"{tensorflow_text.__version__}, split a text"}


def _ml_metadata() -> Facts:
    import ml_metadata
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.SetInParent()  # without a file name it is in memory
    metadata_store.MetadataStore(config).get_artifacts()
    return {"found": f"{ml_metadata.__version__}, opened a SQLite store"}


def _apache_beam() -> Facts:
    import apache_beam

    version = apache_beam.__version__
    try:
        importlib.import_module("apache_beam.io.gcp.gcsio")
    except ImportError:
        problem = "Optional: gs:// paths and Dataflow need Beam's extra gcp."
        lacks = f"apache-beam[gcp]=={version}"
        return {"found": f"{version}, without gcp", "verdict": "note", "problem": problem, "lacks": lacks}
    return {"found": f"{version}, imported, with gcp"}


def _tensorflow_model_analysis() -> Facts:
    import tensorflow_model_analysis as tfma

    version = tfma.__version__
    if hasattr(tfma, "default_eval_shared_model"):
        return {"found": f"{version}, imported"}
    problem = "tensorflow-model-analysis hides that a package it imports is missing, and is without its functions."
    lacks = f"tensorflow-model-analysis=={version}"
    return {"found": f"{version}, incomplete", "verdict": "broken", "problem": problem, "lacks": lacks}


def _tfx() -> Facts:
    import tfx.v1

    return {"found": f"{tfx.v1.__version__}, imported"}


CHECKS: dict[str, tuple[Callable[[], Facts], tuple[str, ...]]] = {
    "tensorflow": (_tensorflow, ()),
    "keras": (_keras, ("tensorflow",)),
    "tensorflow-text": (_tensorflow_text, ("tensorflow", "keras")),
    "ml-metadata": (_ml_metadata, ()),
    "apache-beam": (_apache_beam, ()),
    "tensorflow-model-analysis": (_tensorflow_model_analysis, ("tensorflow", "keras", "apache-beam")),
    "tfx": (_tfx, ("tensorflow", "keras", "ml-metadata", "apache-beam")),
}
"""By the name of a distribution, its check and those that it needs. The last two make tensorflow.keras Keras 2."""


def main() -> None:
    """Makes the checks in order."""
    sys.path.pop(0)  # the folder of this script
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as lines:
        os.dup2(2, 1)  # what libraries print is no report
        sound: set[str] = set()
        for name, (check, needs) in CHECKS.items():
            missing = [need for need in needs if need not in sound]
            if missing:
                _say(lines, name, "left_out", needs=missing)
                continue
            _say(lines, name, "begun")
            started = time.perf_counter()
            try:
                facts = check()
            except (Exception, SystemExit) as error:
                _say(lines, name, "failed", error=type(error).__name__, message=str(error))
            else:
                sound.add(name)
                _say(lines, name, "done", seconds=time.perf_counter() - started, facts=facts)
    os._exit(0)  # threads of the libraries are not waited for


def _say(lines: Any, check: str, state: str, **more: Any) -> None:
    lines.write(json.dumps({"check": check, "state": state, **more}) + "\n")
    lines.flush()


if __name__ == "__main__":
    main()
