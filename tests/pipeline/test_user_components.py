"""Code of a user's own in the graph: where it stands, what it gets, what is refused, and what reaches cache keys."""

import sys

import pytest
import yaml
from user_code import AUDIT, write_user_code

from ulmfit_tfx.pipeline.config_reading import load_config
from ulmfit_tfx.pipeline.graph import METRICS_VERSION, build_pipeline
from ulmfit_tfx.pipeline.kubeflow.compilation import compile_pipeline
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.surroundings import LocalSurroundings
from ulmfit_tfx.schemas.errors import ConfigError

PREFIX = "graph_of_the_user"
AUDITED = {
    "class": f"{PREFIX}_audit.Audit",
    "after": "CorpusIngest",
    "before": "SentencePieceTrainer",
    "inputs": {"examples": "CorpusIngest.examples"},
    "parameters": {"fewest": 3},
}
METRIC = {"class": f"{PREFIX}_metrics.MeanConfidence", "config": {"name": "confidence"}, "at_least": 0.5, "at_most": 1}
CLUSTER = {"image": "ulmfit-tfx:0.1.0", "pipeline_root": "gs://bucket/root", "paths": {"data.path": "gs://b/rows.tsv"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("graph_of_the_user")
    write_user_code(path, PREFIX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(path)])
        yield path


@pytest.fixture
def read(folder, tiny_project, reviews):
    """Reads a configuration with some sections."""
    return lambda **sections: load_config(tiny_project(folder, reviews[:30], **sections))


def nodes_of(config, folder):
    surroundings = LocalSurroundings(RunFolder(folder / "root"), config.name)
    return {node.id: node for node in build_pipeline(config, surroundings).components}


def test_component_stands_behind_its_stage_and_is_waited_for(read, folder):
    nodes = nodes_of(read(components=[AUDITED]), folder)
    names = list(nodes)
    assert names.index("Audit") > names.index("CorpusIngest")
    assert names.index("Audit") < names.index("SentencePieceTrainer")
    audit = nodes["Audit"]
    assert audit.inputs["examples"] is nodes["CorpusIngest"].outputs["examples"]
    assert nodes["CorpusIngest"] in audit.upstream_nodes
    assert audit in nodes["SentencePieceTrainer"].upstream_nodes
    assert audit.exec_properties["fewest"] == 3


def test_component_may_have_another_name_and_read_what_an_earlier_one_wrote(read, folder):
    second = AUDITED | {"name": "Again", "after": "Audit", "inputs": {"examples": "CorpusIngest.examples"}}
    assert {"Audit", "Again"} <= set(nodes_of(read(components=[AUDITED, second]), folder))


def test_run_fn_takes_the_place_of_the_tasks_with_its_version(read, folder):
    plain = nodes_of(read(), folder)["Trainer"].exec_properties
    own = nodes_of(read(trainer={"run_fn": f"{PREFIX}_training.run_fn"}), folder)["Trainer"].exec_properties
    assert plain["run_fn"] == "ulmfit_tfx.tasks.classification.trainer.run_fn"
    assert own["run_fn"] == f"{PREFIX}_training.run_fn"
    assert own["custom_config"] != plain["custom_config"]


def test_metric_is_among_those_of_the_evaluator_with_its_bounds(read, folder):
    properties = nodes_of(read(evaluation={"metrics": [METRIC]}), folder)["TaskEvaluator"].exec_properties
    assert '"className": "MeanConfidence"' in properties["eval_config"].replace("class_name", "className")
    assert METRICS_VERSION in properties
    assert METRICS_VERSION not in nodes_of(read(), folder)["TaskEvaluator"].exec_properties


def test_edit_of_the_users_code_changes_what_the_cache_is_asked_for(read, folder):
    file = folder / f"{PREFIX}_audit.py"
    sections = {"components": [AUDITED]}

    def version():
        return nodes_of(read(**sections), folder)["Audit"].exec_properties["code_version"]

    before = version()
    file.write_text(f"# said\n{AUDIT}")
    assert version() == before
    file.write_text(AUDIT.replace("rows < fewest", "rows <= fewest"))
    assert version() != before
    file.write_text(AUDIT)


def test_all_of_it_is_compiled_for_kubeflow(read, folder):
    config = read(
        components=[AUDITED],
        trainer={"run_fn": f"{PREFIX}_training.run_fn"},
        evaluation={"metrics": [METRIC]},
        kubeflow=CLUSTER,
        push={"directory": "gs://bucket/models"},
    )
    spec = compile_pipeline(config, folder / "compiled.yaml")
    task = spec.root.dag.tasks["Audit"]
    assert task.inputs.artifacts["examples"].task_output_artifact.producer_task == "CorpusIngest"
    assert "Audit" in spec.root.dag.tasks["SentencePieceTrainer"].dependent_tasks
    compiled = (folder / "compiled.yaml").read_text()
    assert f"{PREFIX}_audit.Audit_Executor" in compiled
    assert f"{PREFIX}_training.run_fn" in compiled
    assert "MeanConfidence" in compiled
    assert yaml.safe_load_all(compiled)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"after": "CorpusIngset"}, "after is 'CorpusIngset', expected a stage of this pipeline: CorpusIngest, "),
        ({"after": "LanguageModelTrainer"}, "after is 'LanguageModelTrainer', expected a stage of this pipeline: "),
        ({"before": "Nothing"}, "before is 'Nothing', expected a stage of this pipeline: "),
        ({"after": "Trainer"}, "before is 'SentencePieceTrainer', and that stage comes before Trainer or an input."),
        ({"name": "Trainer"}, "name is 'Trainer', and the pipeline has a stage of that name: give it another one."),
        (
            {"inputs": {"examples": "CorpusIngest.rows"}},
            "inputs.examples is 'CorpusIngest.rows', and that stage has no such output. Its outputs: "
            "CorpusIngest.examples.",
        ),
        ({"inputs": {"examples": "Ingest.examples"}}, "inputs.examples is 'Ingest.examples', expected a stage of "),
        ({"inputs": {"rows": "CorpusIngest.examples"}}, "inputs names 'rows', and {class} takes examples."),
        ({"parameters": {"least": 3}}, "parameters names 'least', and {class} takes fewest."),
        ({"parameters": {"fewest": "three"}}, ": {class} does not take that: "),
        ({"inputs": {}}, ": {class} does not take that: "),
        ({"inputs": {"examples": "SchemaImporter.schema"}}, ": {class} does not take that: "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_component_names_has_to_be_there(read, change, expected):
    with pytest.raises(ConfigError) as error:
        read(components=[AUDITED | change])
    text = str(error.value)
    assert text.startswith("tiny.yaml: components.0")
    assert expected.replace("{class}", AUDITED["class"]) in text


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"trainer": {"run_fn": "run_fn"}}, "trainer.run_fn is 'run_fn', which is no import path"),
        ({"trainer": {"run_fn": "none_such.run_fn"}}, "which leads nowhere: there is no module none_such"),
        ({"trainer": {"run_fn": f"{PREFIX}_training.run"}}, f"has no run. Did you mean {PREFIX}_training.run_fn?"),
        ({"components": [AUDITED | {"class": f"{PREFIX}_training.run_fn"}]}, "components.0.class is "),
        ({"components": [{"class": AUDITED["class"]}]}, "components.0.after is missing."),
        ({"evaluation": {"metrics": [{"class": AUDITED["class"]}]}}, "evaluation.metrics.0.class is "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_import_paths_are_checked_when_the_configuration_is_read(read, sections, expected):
    with pytest.raises(ConfigError) as error:
        read(**sections)
    assert "tiny.yaml: " in str(error.value)
    assert expected in str(error.value)
