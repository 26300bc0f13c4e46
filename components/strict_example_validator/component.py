"""The StrictExampleValidator component."""

import json
from collections.abc import Mapping, Sequence

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts
from tfx.utils import json_utils

from ulmfit_tfx.components.pushed_statistics import read_statistics
from ulmfit_tfx.components.strict_example_validator.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class StrictExampleValidator(base_component.BaseComponent):
    """Holds rows against a schema, and their train split against the rows that the model in service was trained on.

    TFX's ExampleValidator writes anomalies down. Here they stop the run. Drift is reported, and stops it on request.

    Output `anomalies`, a standard `ExampleAnomalies` artifact. Where drift is measured, it has the last file, and the
    custom property `drift` that says the same in sentences:

        Split-train/SchemaDiff.pb    TFDV's anomalies
        Split-eval/...
        drift.json                   `reports.drift.DriftReport`
    """

    SPEC_CLASS = specs.StrictExampleValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        exclude_splits: Sequence[str] = (),
        made_by: Mapping[str, Mapping[str, str]] | None = None,
        drift_threshold: float | None = None,
        fail_on_drift: bool = False,
        served: str | RuntimeParameter = "",
    ):
        """Describes the validation.

        Args:
            statistics: As StatisticsGen writes them, of numbers with `pushed_statistics.QUANTILES` quantiles.
            schema: As SchemaImporter writes it.
            exclude_splits: Splits that are not validated.
            made_by: See `pushed_statistics.made_by`.
            drift_threshold: See `drift.find_drift`. None: drift is not measured.
            fail_on_drift: Whether drift stops the run.
            served: As BaselineResolver takes it. A path that is known now is read now, so that the cache goes by the
                statistics and not by the version that they lie in.
        """
        is_known = isinstance(served, str)
        threshold = {} if drift_threshold is None else {specs.DRIFT_THRESHOLD: drift_threshold}
        super().__init__(
            spec=specs.StrictExampleValidatorSpec(
                **{
                    specs.STATISTICS: statistics,
                    specs.SCHEMA: schema,
                    specs.EXCLUDE_SPLITS: json_utils.dumps([*exclude_splits]),
                    specs.MADE_BY: json.dumps(made_by or {}, sort_keys=True, ensure_ascii=False),
                    **threshold,
                    specs.FAIL_ON_DRIFT: int(fail_on_drift),
                    specs.SERVED: "" if is_known else served,
                    specs.BASELINE_STATISTICS: read_statistics(served) if is_known else "",
                    specs.CODE_VERSION: code_version(Executor),
                    specs.ANOMALIES: channel_utils.as_channel([standard_artifacts.ExampleAnomalies()]),
                }
            )
        )
