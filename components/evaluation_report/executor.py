"""What EvaluationReport does."""

import json
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.evaluation_report.content import Served, build_content
from ulmfit_tfx.components.evaluation_report.html import to_html
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.beaten import REPORT_FILE as BASELINES_FILE
from ulmfit_tfx.components.reports.beaten import BeatenReport
from ulmfit_tfx.components.reports.held_out import REPORT_FILE, HeldOutReport
from ulmfit_tfx.components.reports.scores_file import SCORES_FILE
from ulmfit_tfx.components.row_places import read_places
from ulmfit_tfx.evaluation.history import History
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig
from ulmfit_tfx.tasks import labelled_task, load_predictor, read_model_info
from ulmfit_tfx.trainer_modules.data.cut_texts import FILE as CUT_TEXTS_FILE
from ulmfit_tfx.trainer_modules.data.cut_texts import CutTexts
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.splitting import EVAL

HTML_FILE = "report.html"
ERRORS_FILE = "errors.tsv"
_HISTORY_FILE = "history.json"


class Executor(BaseExecutor):
    """Predicts on the eval split, and writes the report."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Reports."""
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES])
        rows = list(read_rows(examples, EVAL))
        config = json.loads(exec_properties[specs.CONFIG])
        predictor = load_predictor(_saved_model(input_dict[specs.MODEL]))
        content = build_content(
            config["name"],
            predictor.info,
            rows,
            read_places(examples, EVAL),
            predictor.answer_rows(rows),
            EvaluationConfig.model_validate(config["evaluation"]),
            exec_properties[specs.SEED],
            _length_buckets(examples),
            _served(input_dict.get(specs.BASELINE_MODEL), predictor.info, rows),
            _history(input_dict[specs.MODEL_RUN]),
            _held_out(input_dict.get(specs.HELD_OUT)),
            _warnings(examples, input_dict[specs.MODEL_RUN]),
            _beaten(input_dict.get(specs.EVALUATION)),
        )
        folder = artifact_utils.get_single_uri(output_dict[specs.REPORT])
        files = {HTML_FILE: to_html(content), ERRORS_FILE: content.errors_tsv, SCORES_FILE: content.scores.to_json()}
        for name, text in files.items():
            with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
                file.write(text)


def _length_buckets(examples: types.Artifact) -> list[str]:
    """Of the rows, in the order of `read_rows`."""
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], EVAL)}/*"))
    feature = {feature_names.LENGTH_BUCKET: tf.io.FixedLenFeature([], tf.string)}
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    parsed = records.map(lambda record: tf.io.parse_single_example(record, feature))
    return [found[feature_names.LENGTH_BUCKET].decode() for found in parsed.as_numpy_iterator()]


def _served(baseline: list[types.Artifact] | None, info: ModelInfo, rows: Sequence[Row]) -> Served | str:
    """The model in service, or why there is none to compare with."""
    model = _saved_model(baseline) if baseline else None
    if model is None or not tf.io.gfile.exists(f"{model}/saved_model.pb"):
        return "there is none"
    if difference := labelled_task(info.task).why_not_comparable(read_model_info(model), info):
        return difference
    served = load_predictor(model)
    return Served(served.info, served.answer_rows(rows))


def _history(model_run: list[types.Artifact]) -> History | None:
    text = _read(f"{artifact_utils.get_single_uri(model_run)}/{_HISTORY_FILE}")
    return None if text is None else History.from_json(text)


def _held_out(report: list[types.Artifact] | None) -> HeldOutReport | None:
    if not report:
        return None
    text = _read(f"{artifact_utils.get_single_uri(report)}/{REPORT_FILE}")
    return None if text is None else HeldOutReport.from_json(text)


def _beaten(evaluated: list[types.Artifact] | None) -> BeatenReport | None:
    text = _read(f"{artifact_utils.get_single_uri(evaluated)}/{BASELINES_FILE}") if evaluated else None
    return None if text is None else BeatenReport.from_json(text)


def _warnings(examples: types.Artifact, model_run: list[types.Artifact]) -> tuple[str, ...]:
    """What takes worth from the scores."""
    text = examples.get_string_custom_property(specs.ACCOUNTING)
    said = Accounting.from_json(text).warnings() if text else ()
    cut = _read(f"{artifact_utils.get_single_uri(model_run)}/{CUT_TEXTS_FILE}")
    return (*said, *(() if cut is None else CutTexts.from_json(cut).sentences()))


def _read(path: str) -> str | None:
    """A file's text, None where there is no such file."""
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def _saved_model(model: list[types.Artifact]) -> str:
    return path_utils.serving_model_path(artifact_utils.get_single_uri(model))
