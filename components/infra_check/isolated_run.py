"""Loads a model both ways and runs requests, in a process that has TensorFlow, tensorflow-text and nothing of ours.

    python -I isolated_run.py MODEL REQUESTS OUTPUT

MODEL is the SavedModel's folder, REQUESTS a JSON list of what `isolated_process.Request` is made of. Into the folder
OUTPUT go `step`, words that say what is being done, for whoever finds the process dead, and at the end `findings`, a
JSON object of what `isolated_process.Findings` is made of. Arrays are as `encoded` writes them: a pickle would run what
a model has written into it.

InfraCheck runs this file, which imports nothing of ours.
"""

import base64
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_NOT_ON_A_SERVER = ("ulmfit_tfx", "tfx", "tensorflow_transform")


class _Refusal:
    """Finds no module that a server does not have."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] in _NOT_ON_A_SERVER:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


if __name__ == "__main__":
    sys.meta_path.insert(0, _Refusal())

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401
from tensorflow.core.framework import tensor_pb2  # noqa: E402

_MAX_RUNS = 300
_MAX_SECONDS = 1.0
"""How often a signature is run to time it, and how long at most, but each request once."""

_IN_SESSION = "in a TensorFlow 1 session"
_IN_TF2 = "in TensorFlow 2"

Arrays = dict[str, np.ndarray]
Request = tuple[str, str, Arrays]
"""What it is called in sentences, the signature, the inputs."""
Run = Callable[[str, Arrays], Arrays]
"""From the name of a signature and inputs to outputs."""


class Notes:
    """What is found. Attributes as those of `isolated_process.Findings`."""

    def __init__(self, output: Path):
        """Notes nothing yet; `output` is the folder."""
        self.failures: list[tuple[str, str]] = []
        self.answers: dict[str, dict[int, Arrays]] = {}
        self.latency: dict[str, dict[str, float]] = {}
        self.memory: dict[str, float] = {}
        self._output = output

    def step(self, words: str) -> None:
        """Says what comes now."""
        (self._output / "step").write_text(words, encoding="utf-8")

    def write(self) -> None:
        """Writes all down."""
        found = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        found["answers"] = {
            way: {index: encoded(arrays) for index, arrays in answers.items()} for way, answers in self.answers.items()
        }
        (self._output / "findings").write_text(json.dumps(found), encoding="utf-8")


def encoded(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Arrays as texts by the same names: TensorProtos in base64."""
    tensors = {name: tf.make_tensor_proto(array).SerializeToString() for name, array in arrays.items()}
    return {name: base64.b64encode(tensor).decode("ascii") for name, tensor in tensors.items()}


def decoded(texts: Mapping[str, str]) -> Arrays:
    """What `encoded` encoded."""
    tensors = {name: tensor_pb2.TensorProto.FromString(base64.b64decode(text)) for name, text in texts.items()}
    return {name: tf.make_ndarray(tensor) for name, tensor in tensors.items()}


def main(model: str, requests_file: str, output: str) -> None:
    """Does what a server does first, so that memory and times are those of a server."""
    sent = json.loads(Path(requests_file).read_text(encoding="utf-8"))
    requests: list[Request] = [(label, signature, decoded(inputs)) for label, signature, inputs in sent]
    notes = Notes(Path(output))
    imported = peak_memory()
    if run := load(_IN_SESSION, load_in_session, model, notes):
        loaded = peak_memory()
        answer(requests, _IN_SESSION, run, notes)
        notes.memory = {"imported_mb": imported, "loaded_mb": loaded, "answered_mb": peak_memory()}
        time_signatures([requests[index] for index in notes.answers[_IN_SESSION]], run, notes)
    if run := load(_IN_TF2, load_in_tf2, model, notes):
        answer(requests, _IN_TF2, run, notes)
    notes.write()


def load(way: str, loader: Callable[[str], Run], model: str, notes: Notes) -> Run | None:
    """Loads the model one way; None where it fails."""
    notes.step(f"loading the model {way}")
    try:
        return loader(model)
    except Exception as error:
        notes.failures.append(("loading", f"the model does not load {way}: {_brief(error)}"))
        return None


def load_in_session(model: str) -> Run:
    """As servers written in C++ load and run models."""
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        signatures = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], model).signature_def
    functions = {
        name: session.make_callable(
            {key: tensor.name for key, tensor in signature.outputs.items()},
            [signature.inputs[key].name for key in sorted(signature.inputs)],
        )
        for name, signature in signatures.items()
        if not name.startswith("__")
    }
    return lambda name, inputs: functions[name](*(inputs[key] for key in sorted(inputs)))


def load_in_tf2(model: str) -> Run:
    """As `tf.saved_model.load` does."""
    loaded = tf.saved_model.load(model)

    def run(name: str, inputs: Arrays) -> Arrays:
        outputs = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        return {key: value.numpy() for key, value in outputs.items()}

    return run


def answer(requests: list[Request], way: str, run: Run, notes: Notes) -> None:
    """Runs the requests and notes the answers by the place of the request."""
    notes.answers[way] = {}
    for index, (label, signature, inputs) in enumerate(requests):
        notes.step(f"running {label} {way}")
        try:
            notes.answers[way][index] = run(signature, inputs)
        except Exception as error:
            notes.failures.append(("requests", f"{label} fails {way}: {_brief(error)}"))


def time_signatures(requests: list[Request], run: Run, notes: Notes) -> None:
    """Times each signature on its requests of one text, in turn, see `report.Latency`."""
    of_one_text: dict[str, list[Arrays]] = {}
    for _, signature, inputs in requests:
        if all(len(array) == 1 for array in inputs.values()):
            of_one_text.setdefault(signature, []).append(inputs)
    for signature, inputs_in_turn in of_one_text.items():
        notes.step(f"timing the signature '{signature}'")
        times: list[float] = []
        for inputs in itertools.islice(itertools.cycle(inputs_in_turn), _MAX_RUNS):
            begin = time.perf_counter()
            run(signature, inputs)
            times.append(time.perf_counter() - begin)
            if sum(times) > _MAX_SECONDS and len(times) >= len(inputs_in_turn):
                break
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        notes.latency[signature] = {"p50_ms": round(p50, 3), "p99_ms": round(p99, 3), "runs": len(times)}


def peak_memory() -> float:
    """The most that this process had, in megabytes. `getrusage` counts what the process that started it had, too."""
    [kilobytes] = re.findall(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return round(int(kilobytes) / 1024, 1)


def _brief(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


if __name__ == "__main__":
    main(*sys.argv[1:])
