"""Which stages a configuration has, and what waits for what."""

import json

import pytest
import yaml

from ulmfit_tfx.pipeline.graph import LEARNING_RATE_FINDER, build_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.served_model import BASELINES_FILE
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.schemas.config.config_file import load_config

TEXTS_TO_TOKENS = ["CorpusIngestUnlabelled", "SchemaImporterUnlabelled", "SentencePieceTrainer"]
LANGUAGE_MODEL = ["TextTransformUnlabelled", "LanguageModelTrainer", "PerplexityGate"]


def without_nulls(section):
    """A section, and those in it, without the fields that are null."""
    if not isinstance(section, dict):
        return section
    return {name: without_nulls(value) for name, value in section.items() if value is not None}


@pytest.fixture
def stages(tmp_path, reviews, tiny_project):
    """Stages by name, of the small project with these sections more; `until` as for `build_pipeline`."""

    def build(until=None, **sections):
        (tmp_path / "corpus.txt").write_text("a text\n")
        corpus = {"corpus": {"path": "corpus.txt", "format": "text"}}
        if "data" in sections:  # the small project's thresholds are the classifier's
            sections["evaluation"] = None
        if sections.get("task") == "language_model":
            sections["training"] = None
        path = tiny_project(tmp_path, reviews[:5], **corpus, **sections)
        path.write_text(yaml.safe_dump(without_nulls(yaml.safe_load(path.read_text()))))
        config = load_config(path)
        pipeline = build_pipeline(config, LocalSurroundings(RunFolder(tmp_path / "root"), config.name), until)
        return {node.id: node for node in pipeline.components}

    return build


def test_task_language_model_pushes_what_passes_the_gate(stages):
    nodes = stages(task="language_model", data=None)
    assert sorted(nodes) == sorted([*TEXTS_TO_TOKENS, *LANGUAGE_MODEL, "ModelPackager", "InfraCheck", "Pusher"])
    assert nodes["Pusher"].inputs["model"].producer_component_id == "ModelPackager"
    assert nodes["ModelPackager"].inputs["trained_model"].producer_component_id == "LanguageModelTrainer"
    assert nodes["Pusher"].inputs["model_blessing"].producer_component_id == "PerplexityGate"


def test_classifier_starts_from_the_language_model_once_the_gate_is_open(stages):
    nodes = stages(language_model={})
    trainer = nodes["Trainer"]
    assert trainer.inputs["base_model"].producer_component_id == "LanguageModelTrainer"
    assert nodes["PerplexityGate"] in trainer.upstream_nodes
    assert "TrainerFromScratch" not in nodes
    assert LEARNING_RATE_FINDER not in nodes


def test_comparison_starts_from_nothing_and_leaves_out_what_is_for_transfer(stages):
    nodes = stages(language_model={}, training={"gradual_unfreezing": True}, evaluation={"compare_from_scratch": True})
    assert "base_model" not in nodes["TrainerFromScratch"].inputs
    assert nodes["HeldOutScorer"].inputs["model_from_scratch"].producer_component_id == "TrainerFromScratch"
    unfreezes = {
        name: '"gradual_unfreezing": true' in str(nodes[name].exec_properties["custom_config"])
        for name in ("Trainer", "TrainerFromScratch")
    }
    assert unfreezes == {"Trainer": True, "TrainerFromScratch": False}


def test_learning_rate_is_found_before_it_is_trained_with(stages):
    nodes = stages(language_model={"find_learning_rate": True})
    hyperparameters = nodes["LanguageModelTrainer"].inputs["hyperparameters"]
    assert hyperparameters.producer_component_id == LEARNING_RATE_FINDER


def test_imported_language_model_is_what_pretraining_goes_on_from(stages, tmp_path):
    (tmp_path / "wiki.pth").write_bytes(b"")
    nodes = stages(
        task="language_model", data=None, tokenizer=None, encoder=None, pretrained={"checkpoint": "wiki.pth"}
    )
    assert "SentencePieceTrainer" not in nodes
    assert nodes["LanguageModelTrainer"].inputs["base_model"].producer_component_id == "EncoderImporter"


def test_pipeline_until_a_stage_has_it_and_what_it_needs_alone(stages):
    nodes = stages(until=LEARNING_RATE_FINDER, task="language_model", data=None)
    assert sorted(nodes) == sorted([*TEXTS_TO_TOKENS, "TextTransformUnlabelled", LEARNING_RATE_FINDER])
    # Bad rows stop the run before the tokenizer is trained, so the stages that find them are needed too.
    assert "StrictExampleValidator" in stages(until=LEARNING_RATE_FINDER, language_model={})


def test_task_model_is_compared_with_the_served_one_and_pushed_with_its_card(stages):
    nodes = stages()
    for name in ("TaskEvaluator", "EvaluationReport"):
        assert nodes[name].inputs["baseline_model"].producer_component_id == "BaselineResolver"
    assert nodes["ModelPackager"].inputs["trained_model"].producer_component_id == "Trainer"
    assert nodes["ModelPackager"].inputs["evaluation_report"].producer_component_id == "EvaluationReport"
    assert nodes["Pusher"].inputs["model"].producer_component_id == "ModelPackager"
    assert nodes["Pusher"].inputs["model_blessing"].producer_component_id == "TaskEvaluator"
    assert nodes["Pusher"].inputs["infra_blessing"].producer_component_id == "InfraCheck"


def test_without_comparison_the_served_model_is_not_evaluated(stages):
    nodes = stages(evaluation={"compare_with_served": False})
    assert "BaselineResolver" not in nodes
    assert "baseline_model" not in nodes["TaskEvaluator"].inputs


def test_statistics_of_the_rows_go_out_with_the_model(stages):
    nodes = stages(language_model={})
    assert nodes["ModelPackager"].inputs["statistics"].producer_component_id == "StatisticsGen"
    assert "statistics" not in stages(task="language_model", data=None)["ModelPackager"].inputs


def test_looking_for_a_learning_rate_does_not_choose_what_a_later_run_is_compared_with(stages, tmp_path):
    stages(until=LEARNING_RATE_FINDER, language_model={})
    assert not (tmp_path / "root" / BASELINES_FILE).exists()
    stages(language_model={})
    assert (tmp_path / "root" / BASELINES_FILE).exists()


def test_rows_without_a_test_split_are_scored_on_none(stages):
    nodes = stages(data={"splits": {"train": 0.9, "eval": 0.1, "test": 0}})
    assert "HeldOutScorer" not in nodes
    assert "held_out" not in nodes["EvaluationReport"].inputs


@pytest.mark.parametrize(
    ("task", "data", "knows"),
    [
        ("classification", {"label_separator": ";"}, {"label_separator": ";"}),
        ("regression", {"label_column": None, "target_columns": ["stars", "length"]}, {"targets": ["stars", "length"]}),
        ("tagging", {"format": "conll", "text_column": None, "label_column": None}, {}),
    ],
)
def test_each_task_has_a_trainer_of_its_own_that_knows_what_is_to_be_learnt(stages, task, data, knows):
    trainer = stages(task=task, data=data).get("Trainer")
    assert trainer.exec_properties["run_fn"] == f"ulmfit_tfx.tasks.{task}.trainer.run_fn"
    custom_config = json.loads(trainer.exec_properties["custom_config"])
    assert {name: custom_config[name] for name in knows} == knows
    assert task in custom_config


def test_listed_tags_are_demanded_in_the_letters_that_they_are_read_in(stages):
    columns = {"format": "conll", "text_column": None, "label_column": None, "labels": ["O", "U-x", "B-x", "L-x"]}
    importer = stages(task="tagging", data=columns, tagging={"scheme": "bioes"})["SchemaImporter"]
    (schema,) = (value for value in importer.exec_properties.values() if "string_domain" in str(value))
    assert [f'"{tag}-x"' in schema for tag in "BSEUL"] == [True, True, True, False, False]


def test_teachers_rows_are_trained_on_and_labelled_ones_alone_are_measured_by(stages, tmp_path):
    (tmp_path / "taught.jsonl").write_text('{"text": "a text", "probabilities": {"good": 1}}\n')
    nodes = stages(distillation={"data": {"path": "taught.jsonl", "format": "jsonl"}})

    def source(stage, key="examples"):
        return nodes[stage].inputs[key].producer_component_id

    assert source("CorpusIngestTransfer", "gold") == "CorpusIngest"
    assert source("TransferMerge", "transfer") == "CorpusIngestTransfer"
    assert source("TextTransform") == "TransferMerge"
    assert source("TextTransform", "schema") == "SchemaImporterTransfer"
    measuring = ("StatisticsGen", "TaskEvaluator", "HeldOutScorer", "EvaluationReport", "ModelPackager")
    assert {source(stage) for stage in measuring} == {"CorpusIngest"}
    assert source("HeldOutScorer", "transfer") == source("ModelPackager", "transfer") == "TransferMerge"
    told = json.loads(nodes["Trainer"].exec_properties["custom_config"])["distillation"]
    assert told == {"temperature": 1.0, "gold_share": 0.5, "gold_rows": 0.1}
