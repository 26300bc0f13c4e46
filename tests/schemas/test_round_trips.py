"""A configuration that was written down, whatever it was and however it was written, can be run again."""

import json
import random
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from pydantic import ValidationError

from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.config_file import load_any_config
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.tasks import TASKS

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
COUNT, TRIES = 200, 60
BOUNDS = {"ge": 0, "gt": 0, "le": 0, "lt": 0}
WORDS = ("a", "Zażółć", "null", "1", "no", "x: y", "#", "'", "2024-01-01")
"""Some of which YAML takes for something else where they are not quoted."""
OF_FIELDS: dict[str, tuple[Any, ...]] = {
    "name": ("drawn", "a-b"),
    "path": ("/data/rows", "gs://bucket/rows*.gz", "package://movies/rows.csv"),
    "eval_path": ("/data/eval",),
    "test_path": ("/data/test",),
    "label_file": ("/data/labels.txt",),
    "label_map": ("/data/names.json",),
    "directory": ("/serving", "s3://bucket/serving"),
    "checkpoint": ("/wiki.pth",),
    "source_tokenizer": ("/old.model",),
    "pretrained.tokenizer": (None, "/new.model"),
    "encoding": ("utf-8", "latin-1"),
    "prefix": ("spm", "a.b"),
    "tf_serving": ("2.19", "2.16"),
    "label_names": ({}, {"0": "bad", "1": "good"}),
    "labels": (None, ("0", "1")),
    "user_defined_symbols": ((), ("!",), ("#", "null")),
    "splits": ({}, {"train": 0.5, "eval": 0.25, "test": 0.25}, {"train": 0.9, "test": 0}),
    "delimiter": (None, ";", "\t"),
    "length_buckets": ((5,), (5, 10)),
    "thresholds": ({}, {"accuracy": 0.5}, {"mae": 1.5}, {"macro_f1": 0.1}, {"perplexity": 90.5}),
    "allowed_drop": ({}, {"auc": 0.01}, {"rmse": 1}),
    "best_by": ("loss", "accuracy", "micro_f1"),
    "bounds": (None, (-1, 1.5)),
    "momentum": (None, (0.95, 0.85)),
    "pipeline_args": (("--runner=DirectRunner",),),
    "kubeflow": (
        {
            "image": "image:1",
            "pipeline_root": "gs://bucket/runs",
            "memory": "4Gi",
            "gpu": {"count": 2},
            "node_selector": {"pool": "gpu"},
            "steps": {"Trainer": {"gpu": None, "node_selector": {}, "cpu": 2}, "Pusher": {}},
            "paths": {"data.path": "/mnt/rows"},
        },
    ),
    "trainer": ({}, {"run_fn": "json.dumps"}),
    "components": ((),),
    "metrics": ((),),
}
"""Values of fields, or of fields of a section, that not any value of their type will do for."""


def value_of(annotation: Any, metadata: tuple[Any, ...], rng: random.Random, name: str = "") -> Any:
    """A value that a field of that type may have, as far as its type and its bounds say it."""
    kind, arguments = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return value_of(arguments[0], arguments[1:], rng, name)
    if kind in (Union, UnionType):
        return value_of(rng.choice(arguments), metadata, rng, name)
    if kind is Literal:
        return rng.choice(arguments)
    if kind is tuple:
        some = arguments[:-1] * rng.randint(1, 3) if arguments[-1] is Ellipsis else arguments
        return [value_of(each, (), rng) for each in some]
    if kind is dict:
        return {rng.choice(WORDS): value_of(arguments[1], (), rng)}
    if annotation is NoneType:
        return None
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return fields_of(annotation, rng, name)
    if annotation is bool:
        return rng.random() < 0.5
    if annotation is str:
        return rng.choice(WORDS)
    assert annotation in (int, float), annotation
    bounds = {name: getattr(rule, name) for rule in metadata for name in BOUNDS if hasattr(rule, name)}
    lowest = bounds.get("ge", bounds.get("gt", 0) + 1 if annotation is int else bounds.get("gt", 0) + 1e-7)
    highest = min(bounds.get("le", 1000), bounds.get("lt", 1000))
    return rng.randint(lowest, highest - 1) if annotation is int else rng.uniform(lowest, highest)


def fields_of(kind: type[Section], rng: random.Random, section: str = "") -> dict[str, Any]:
    """Fields of a section, those that are required and some of the others."""
    drawn = {}
    for name, field in kind.model_fields.items():
        if not (field.is_required() or rng.random() < 0.25) or name == "task":
            continue
        known = OF_FIELDS.get(f"{section}.{name}") or OF_FIELDS.get(name)
        drawn[name] = rng.choice(known) if known else value_of(field.annotation, tuple(field.metadata), rng, name)
    return drawn


def drawn_configuration(number: int) -> PipelineConfig:
    """A valid configuration."""
    rng = random.Random(number)
    for _ in range(TRIES):
        task = rng.choice(sorted(TASKS))
        try:
            return PipelineConfig.model_validate({"task": task} | fields_of(TASKS[task].config, rng))
        except ValidationError:
            continue
    raise AssertionError(f"none of {TRIES} configurations is valid")


def assert_can_be_run_again(config, folder):
    """Dumped and read again it is the same, as Python's values, as JSON, and in a file of its own."""
    kind = PipelineConfig if isinstance(config, PipelineConfig) else type(config)
    assert kind.model_validate(config.model_dump()) == config
    assert kind.model_validate_json(config.model_dump_json()) == config
    assert kind.model_validate(json.loads(json.dumps(config.model_dump(mode="json")))) == config
    file = folder / "written_down.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True), encoding="utf-8")
    again = load_any_config(file)
    assert again == config
    assert type(again) is type(config)
    assert again.model_dump() == config.model_dump()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_that_was_written_down_is_the_same(example, tmp_path):
    assert_can_be_run_again(load_any_config(example), tmp_path)


@pytest.mark.parametrize("number", range(COUNT))
def test_drawn_configuration_that_was_written_down_is_the_same(number, tmp_path):
    assert_can_be_run_again(drawn_configuration(number), tmp_path)


def test_configurations_are_drawn_of_all_tasks_and_formats():
    configs = [drawn_configuration(number) for number in range(COUNT)]
    assert {config.task for config in configs} == set(TASKS)
    formats = {source.format for config in configs for source in (config.data, config.corpus) if source is not None}
    assert formats >= {"csv", "jsonl", "text", "mediawiki", "conll", "conllu", "spans_tsv", "label_studio"}
    assert any(config.pretrained is not None for config in configs)
    assert any(config.language_model is not None and config.data is not None for config in configs)


ROWS = {"path": "/rows.tsv", "format": "tsv"}


def test_code_of_a_users_own_that_was_written_down_is_the_same(tmp_path):
    config = PipelineConfig.model_validate(
        {
            "name": "own",
            "data": ROWS,
            "components": [{"class": "tfx.components.StatisticsGen", "name": "Own", "after": "CorpusIngest"}],
            "evaluation": {"metrics": [{"class": "tensorflow_model_analysis.metrics.ExampleCount", "at_least": 1}]},
        }
    )
    assert config.components[0].class_ == "tfx.components.StatisticsGen"
    assert_can_be_run_again(config, tmp_path)


def test_step_of_kubeflow_keeps_what_it_has_in_place_of_all_steps():
    kubeflow = {"image": "i", "pipeline_root": "gs://b", "cpu": 2, "memory": "1Gi", "gpu": {}}
    config = PipelineConfig(name="x", data=ROWS, kubeflow=kubeflow | {"steps": {"Trainer": {"gpu": None}}})
    again = PipelineConfig.model_validate(config.model_dump())
    for name in ("Trainer", "Pusher"):
        assert again.kubeflow.step(name) == config.kubeflow.step(name)
    assert (again.kubeflow.step("Trainer").gpu, again.kubeflow.step("Trainer").memory) == (None, "1Gi")


@pytest.mark.parametrize("task", TASKS)
def test_class_follows_from_the_task_however_a_configuration_is_made(task):
    rows = {"tagging": {"path": "/rows", "format": "conll"}, "regression": ROWS | {"target_columns": ["stars"]}}
    values = {"name": "x", "task": task, "data": rows.get(task, ROWS)}
    if task == "language_model":
        values = {"name": "x", "task": task, "corpus": {"path": "/texts", "format": "text"}}
    made = [PipelineConfig(**values), PipelineConfig.model_validate(values), TASKS[task].config(**values)]
    assert {type(config) for config in made} == {TASKS[task].config}
    assert made[0] == made[1] == made[2]
    assert PipelineConfig.model_validate(made[0]) is made[0]


def test_section_in_place_of_another_kind_of_section_is_refused_what_that_one_lacks():
    from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
    from ulmfit_tfx.schemas.config.encoder import EncoderConfig

    tagged = {"name": "x", "task": "tagging", "data": {"path": "/rows", "format": "conll"}}
    assert PipelineConfig(**tagged, cleaning=CleaningConfig(lower_case=True)).cleaning.lower_case
    with pytest.raises(ValidationError, match="is set, and a tagger has no use for it"):
        PipelineConfig(**tagged, cleaning=CleaningConfig(strip_html=True))
    with pytest.raises(ValidationError, match="and pretrained are both set, and the checkpoint says the sizes"):
        PipelineConfig(name="x", data=ROWS, pretrained={"checkpoint": "c"}, encoder=EncoderConfig(embedding_size=400))


def test_bulk_inference_is_of_one_split_however_it_is_made():
    config = BulkInferenceConfig(name="x", model="/m", data={"path": "/t.txt", "format": "text"})
    assert BulkInferenceConfig.model_validate(config.model_dump()) == config
