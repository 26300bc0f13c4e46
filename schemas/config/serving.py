"""The sections of a configuration that say how models are pushed and served."""

from pydantic import Field, PositiveInt, field_validator

from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.schemas.serving_ops import versions


class PushConfig(Section):
    """Where blessed models go."""

    directory: str | None = Field(
        None, description="relative to the configuration file. null: ROOT/serving/NAME. Each push is a version below it"
    )
    keep_versions: PositiveInt = Field(
        3, description="older versions are removed after a push, but never the one in service"
    )


class BatchingConfig(Section):
    """How TensorFlow Serving puts requests together."""

    max_batch_size: int = Field(
        64, ge=16, description="texts that the model answers at once; warm-up requests have up to 16"
    )
    batch_timeout_micros: int = Field(2000, ge=0, description="how long a request waits for others, in microseconds")
    num_batch_threads: PositiveInt = Field(2, description="batches answered at the same time, such as one a core")
    max_enqueued_batches: PositiveInt = Field(100, description="requests beyond these are refused")


class ServingConfig(Section):
    """TensorFlow Serving, which the pushed model is checked against and configured for."""

    tf_serving: str = Field(
        "2.19", description="version that serves the model; a model with an operation that it lacks is not pushed"
    )
    warmup_texts: tuple[str, ...] | None = Field(
        None,
        description="texts of the requests that a server runs before it serves, which go out with the model. null: "
        "sample_texts, or sentences that say nothing",
    )
    max_latency_ms: float | None = Field(
        None,
        gt=0,
        description="highest 99th percentile of a text's latency in the check before a push. null: recorded only",
    )
    batching: BatchingConfig = BatchingConfig()

    @field_validator("tf_serving")
    @classmethod
    def _known_version(cls, version: str) -> str:
        if version not in versions():
            raise ValueError(f"is none of the versions whose operations are known: {', '.join(versions())}")
        return version
