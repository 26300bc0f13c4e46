"""The curated TFDV schema of a task, with the features that follow from its configuration."""

import json
from pathlib import Path

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config import Task
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig

_FOLDER = Path(__file__).parent / "tfdv"


def curated_schema(task: Task, source: SourceConfig) -> str:
    """The schema of what CorpusIngest writes, as pbtxt.

    The features that all sources of a task have stand in `tfdv/`. Those of `target_columns`, `weight_column` and
    `slice_columns` are added: TFDV takes a feature that a schema lacks for an anomaly.
    """
    if not isinstance(source, LabelledSourceConfig):
        return (_FOLDER / f"{task}.pbtxt").read_text(encoding="utf-8")
    several = task == "classification" and source.is_multi_label
    schema = (_FOLDER / f"{task}{'_multi_label' * several}.pbtxt").read_text(encoding="utf-8")
    if source.target_columns:
        schema += _feature(feature_names.TARGETS, "FLOAT", len(source.target_columns))
    if source.weight_column is not None:
        schema += _feature(feature_names.WEIGHT, "FLOAT", 1)
    for column in dict.fromkeys(source.slice_columns):
        schema += _feature(feature_names.SLICE_PREFIX + column, "BYTES", 1)
    return schema


def _feature(name: str, kind: str, size: int) -> str:
    return (
        "feature {\n"
        f"  name: {json.dumps(name, ensure_ascii=False)}\n"
        f"  type: {kind}\n"
        "  presence { min_fraction: 1.0 min_count: 1 }\n"
        f"  shape {{ dim {{ size: {size} }} }}\n"
        "}\n"
    )
