"""What InfraCheck found, as a file."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Literal

REPORT_FILE = "report.json"

CheckName = Literal["warm-up", "operations", "graph", "signatures", "loading", "requests", "latency"]


@dataclasses.dataclass(frozen=True)
class Latency:
    """How long a signature takes for one text, in a TensorFlow 1 session and without a network.

    Attributes:
        p50_ms: Median, in milliseconds.
        p99_ms: 99th percentile, in milliseconds.
        runs: That were measured.
    """

    p50_ms: float
    p99_ms: float
    runs: int


@dataclasses.dataclass(frozen=True)
class Memory:
    """The most memory that the process had until then, in megabytes of resident set.

    Attributes:
        imported_mb: Once TensorFlow was imported.
        loaded_mb: Once the model was loaded in a TensorFlow 1 session.
        answered_mb: Once that had answered all requests.
    """

    imported_mb: float
    loaded_mb: float
    answered_mb: float


@dataclasses.dataclass(frozen=True)
class InfraReport:
    """Whether a model can be served.

    Attributes:
        tf_serving: The version of TensorFlow Serving that it was checked against.
        written_by: The version of TensorFlow that wrote the model; "" where it cannot be read.
        is_newer: Whether that is newer than TensorFlow Serving. Such a model is fine where no check failed, but
            TensorFlow does not promise it.
        failures: By name of the check, in the order of the checks, the sentences that say what is wrong; none where all
            is well.
        requests: Warm-up requests that were run.
        latency: By name of the signature.
        memory: None where the model did not load or the process ended early.
    """

    tf_serving: str
    written_by: str
    is_newer: bool
    failures: Mapping[CheckName, tuple[str, ...]]
    requests: int
    latency: Mapping[str, Latency]
    memory: Memory | None

    @property
    def reason(self) -> str | None:
        """The first failure with the name of its check, or None."""
        first = next(((check, sentences[0]) for check, sentences in self.failures.items() if sentences), None)
        return f"{first[0]}: {first[1]}" if first else None

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "InfraReport":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        return cls(
            **values
            | {
                "failures": {check: tuple(sentences) for check, sentences in values["failures"].items()},
                "latency": {name: Latency(**value) for name, value in values["latency"].items()},
                "memory": Memory(**values["memory"]) if values["memory"] else None,
            }
        )
