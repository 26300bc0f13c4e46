"""The StrictExampleValidator component."""

from tfx.components import ExampleValidator
from tfx.dsl.components.base import executor_spec

from ulmfit_tfx.components.strict_example_validator.executor import Executor


class StrictExampleValidator(ExampleValidator):
    """TFX ExampleValidator that fails where statistics and schema disagree. TFX's own only writes it down."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
