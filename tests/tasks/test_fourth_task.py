"""A fourth task: this module and a line in the table. Nothing else knows of it, and all that asks tasks does.

Ratings are stars from `lowest` to `highest`, learned as one number and answered as a whole one.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from pydantic import Field
from task_examples import CONFIG, write_inputs
from typer.testing import CliRunner

from ulmfit_tfx.components.infra_check.checking import read_served_graph
from ulmfit_tfx.components.infra_check.signature_checks import declared_failures
from ulmfit_tfx.evaluation.task_card import HEAD, TRAINING, TaskCard
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.graph import build_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.config.labelled_pipeline import DocumentPipelineConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import NumberedTextsConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.tasks import REGRESSION, TASKS, load_model, read_model_info, signature_contracts
from ulmfit_tfx.tasks.regression.baselines import Regression
from ulmfit_tfx.tasks.regression.model import build_regressor
from ulmfit_tfx.tasks.regression.report_view import RegressionView
from ulmfit_tfx.tasks.regression.rows import target_rows
from ulmfit_tfx.tasks.task import LabelledTask
from ulmfit_tfx.trainer_modules.models.averaged_model import mean
from ulmfit_tfx.trainer_modules.optimization.document_training import (
    DocumentObjective,
    export_documents,
    train_documents,
)
from ulmfit_tfx.trainer_modules.optimization.task_training import read_inputs
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.loaded_model import Columns, Outputs, Predictor, numbers
from ulmfit_tfx.trainer_modules.serving.model_info import Details, ModelInfo
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, answer_specs, contracts
from ulmfit_tfx.trainer_modules.serving.signatures import document_signatures, text_outputs
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

STARS = {"bad": 1.0, "plain": 3.0, "good": 5.0}


class RatingConfig(Section):
    """What ratings are."""

    lowest: int = Field(1, description="the fewest stars")
    highest: int = Field(5, description="the most")


class RatingPipelineConfig(DocumentPipelineConfig):
    """A pipeline that trains a rater."""

    task: Literal["rating"] = "rating"
    data: NumberedTextsConfig = Field(description="labelled rows")
    rating: RatingConfig = RatingConfig()

    @property
    def measures(self) -> tuple[str, ...]:
        """Those of regressors."""
        return ("mae", "rmse", "pearson", "spearman", "one_minus_wmae")


class RatingDetails(Details):
    """What only raters have to say."""

    lowest: int
    highest: int


class RatingInfo(ModelInfo):
    """Of a rater."""

    task: Literal["rating"]
    details: RatingDetails


@dataclasses.dataclass(frozen=True)
class Rating:
    """A rater's answer to one text."""

    text: str
    stars: int
    number: float


class Rater(Predictor[RatingInfo, Rating]):
    """A loaded rater."""

    noun = "rater"
    output = names.SCORES

    @staticmethod
    def columns(answers: Sequence[Rating], info: RatingInfo) -> Columns:
        """The stars."""
        return {"stars": numbers(answer.stars for answer in answers)}

    @staticmethod
    def read(texts: Sequence[str], outputs: Outputs, info: RatingInfo) -> list[Rating]:
        """See `Predictor.read`."""
        found = outputs[names.SCORES].reshape(-1).tolist()
        stars = np.clip(np.round(found), info.details.lowest, info.details.highest).astype(int).tolist()
        return [Rating(*answer) for answer in zip(texts, stars, found, strict=True)]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Rating:
        """See `Predictor.from_json`."""
        return Rating(**values)


def run_fn(fn_args: Any) -> None:
    """Trains and exports a rater."""
    inputs = read_inputs(fn_args, __name__)
    config = RatingConfig.model_validate(fn_args.custom_config["rating"])
    middle, scale = (config.lowest + config.highest) / 2, (config.highest - config.lowest) / 2
    train, evaluation = inputs.batches(functools.partial(target_rows, mean=[middle], scale=[scale]))
    objective = DocumentObjective(
        noun="rater",
        build=functools.partial(build_regressor, config=inputs.head, targets=1, seed=inputs.seed),
        loss=keras.losses.MeanSquaredError,
        metric=lambda: keras.metrics.MeanAbsoluteError(name="mae"),
        metric_name="mae",
        combine=mean,
    )
    documents = train_documents(inputs, objective, train, evaluation)

    outputs = text_outputs(documents.model, inputs.tokenizer, inputs.training.max_seq_len)

    def rate(texts):
        return {names.SCORES: tf.cast(outputs(texts), tf.float32) * scale + middle}

    signatures = document_signatures(rate, inputs.tokenizer, {})
    details = RatingDetails(lowest=config.lowest, highest=config.highest)
    export_documents(inputs, documents, "rating", signatures, [], details)


class RatingTask(LabelledTask[RatingInfo, Rating, RatingPipelineConfig]):
    """See `Task`."""

    name = "rating"
    noun = "rater"
    hub_tag = "text-classification"
    config = RatingPipelineConfig
    info = RatingInfo
    run_fn = f"{__name__}.run_fn"
    preprocessing_fn = REGRESSION.preprocessing_fn
    schema_file = REGRESSION.schema_file
    predictor = Rater

    def training_config(self, config: RatingPipelineConfig) -> dict[str, Any]:
        """The section."""
        return {self.name: config.rating.model_dump(mode="json")}

    def contracts(self, info: RatingInfo) -> dict[str, SignatureContract]:
        """A number a text."""
        return contracts(answer_specs({names.SCORES: "float32 B 1"}), {})

    def show_answers(self, console, answers, info, with_header=True):
        """Prints a line a text."""
        for answer in answers:
            self.show_answer(console, answer, info)

    def show_answer(self, console, answer, info):
        """Prints as many stars as there are."""
        console.print(f"{'*' * answer.stars:{info.details.highest}}  {answer.text}", markup=False)

    def card(self, info: RatingInfo) -> TaskCard:
        """See `Task`."""
        return TaskCard(
            lead="A text rater: it gives a text its stars.",
            limits=(),
            code='print(answers["scores"][0, 0].numpy())',
            command="predict",
            hyperparameters={"training": TRAINING, "head": HEAD},
        )

    def eval_config(self, config: RatingPipelineConfig):
        """Ratings are measured as numbers are."""
        return REGRESSION.eval_config(config)

    def contest(self, info: RatingInfo):
        """See `LabelledTask`."""
        return Regression(("stars",))

    def report_view(self, info: RatingInfo, rows: Sequence[Row], predictions: Sequence[Rating]):
        """See `LabelledTask`."""
        return RegressionView(rows, predictions, ("stars",))

    def question(self, info: RatingInfo) -> dict[str, str]:
        """See `LabelledTask`."""
        return {"range of stars": f"{info.details.lowest} to {info.details.highest}"}


TASK = RatingTask()


@pytest.fixture(scope="module", autouse=True)
def _in_the_table():
    """The one line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, TASK.name, TASK)
        yield


def configured(**sections) -> dict[str, Any]:
    data = {"path": "rows.tsv", "format": "tsv", "target_columns": ["stars"]}
    return CONFIG | {"task": "rating", "data": data} | sections


@pytest.fixture(scope="module")
def trained(tmp_path_factory, spm_model, reviews):
    """Folder of a rater that a pipeline's `run_fn` has trained, and the rows that it has not seen."""
    rows = [Row(text, targets=(STARS[mood],)) for text, mood in reviews]
    config = PipelineConfig.model_validate(configured(training=CONFIG["training"] | {"epochs": 8}))
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    folder = tmp_path_factory.mktemp("rater") / "x"
    run_fn(write_inputs(folder, tokenizer, config, rows[:160], rows[160:240]))
    return folder / "model", rows[240:]


def test_configuration_is_of_its_class_and_can_be_run_again_from_what_was_written_down():
    config = PipelineConfig.model_validate(configured(rating={"highest": 10}))
    assert type(config) is RatingPipelineConfig
    assert PipelineConfig.model_validate(config.model_dump()) == config
    with pytest.raises(ValueError, match="rating"):
        PipelineConfig.model_validate(configured(task="regression", rating={"highest": 10}))


def test_graph_trains_it_as_its_object_says(tmp_path):
    (tmp_path / "rows.tsv").write_text("text\tstars\na text\t3\n")
    (tmp_path / "rating.yaml").write_text(yaml.safe_dump(configured(rating={"lowest": 0})))
    config = load_config(tmp_path / "rating.yaml")
    pipeline = build_pipeline(config, LocalSurroundings(RunFolder(tmp_path / "root"), config.name))
    nodes = {node.id: node for node in pipeline.components}
    assert nodes["Trainer"].exec_properties["run_fn"] == TASK.run_fn
    custom_config = json.loads(nodes["Trainer"].exec_properties["custom_config"])
    assert custom_config["rating"] == {"lowest": 0, "highest": 5}
    assert {"TextTransform", "TaskEvaluator", "EvaluationReport", "ModelPackager", "Pusher"} <= nodes.keys()


def test_exported_model_says_what_it_is_and_keeps_its_contract(trained):
    model, _ = trained
    info = read_model_info(model)
    assert type(info) is RatingInfo
    assert info.details == RatingDetails(lowest=1, highest=5)
    graph = read_served_graph(str(model))
    signatures = {name: value for name, value in graph.signature_def.items() if not name.startswith("__")}
    promised = signature_contracts(info)
    assert {"serving_default", "serving_examples", "string_encoder"} <= promised.keys()
    assert list(declared_failures(promised, signatures)) == []


def test_texts_that_were_not_trained_on_get_their_stars(trained):
    model, rows = trained
    loaded = load_model(model)
    assert type(loaded) is Rater
    stars = [answer.stars for answer in loaded.answer_rows(rows)]
    errors = np.abs(np.subtract(stars, [row.targets[0] for row in rows]))
    assert errors.mean() < 0.8, "always three stars would be wrong by about 1.3"
    assert loaded.predict(["a text"]).columns.tolist() == ["stars"]


def test_command_shows_stars_and_json_reads_back(trained):
    model, rows = trained
    shown = CliRunner().invoke(app, ["predict", str(model), rows[0].text])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("*")
    written = CliRunner().invoke(app, ["predict", "--json", str(model), rows[0].text])
    assert Rater.from_json(json.loads(written.stdout)) == load_model(model).answer([rows[0].text])[0]
