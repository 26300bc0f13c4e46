"""The section `data_schema`: what rows are held against before the long stages."""

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.section import Section, Share


class SchemaConfig(Section):
    """The TFDV schema that labelled rows are held against, where an anomaly stops the run, and drift."""

    path: str | None = Field(
        None, description="a schema .pbtxt, relative to the configuration file. null: the curated one of the task"
    )
    drift_threshold: Share | None = Field(
        0.1,
        description="how far a label, tag, number, length bucket or slice may be distributed otherwise than in the "
        "training of the model in service, see docs/ingestion.md. A `drift_comparator` in the schema goes before it. "
        "null: it is not measured",
    )
    fail_on_drift: bool = Field(False, description="drift stops the run. false: it is reported")

    @model_validator(mode="after")
    def _drift_that_stops_is_measured(self):
        if self.fail_on_drift and self.drift_threshold is None:
            raise ValueError("fail_on_drift is set, and drift_threshold is null: drift is not measured")
        return self
