"""YAML in the pages: a configuration, or a part of one, is one that the loader takes."""

import re

import pytest
import yaml
from pages import blocks, code_spans, place, write_files

from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.section import section_of

NOT_OURS = {"command": "a container of a Kubernetes pod"}
"""First key of blocks that are no part of a configuration of ours, and what they are."""
MINIMAL = {
    "name": "minimal",
    "data": {"path": "rows.tsv", "format": "tsv", "text_column": "text", "label_column": "label"},
}
BLOCKS = blocks("yaml")
FIELD = re.compile(rf"((?:{'|'.join(PipelineConfig.model_fields)})(?:\.[a-z_]+)+)(?:: .*|=.*)?")
FILES = (".csv", ".json", ".md", ".tsv", ".yaml")
FIELDS = [span for span in code_spans() if (found := FIELD.fullmatch(span.text)) and not found.group(1).endswith(FILES)]


def configuration(block) -> dict:
    """The whole configuration that a block is, or is a part of.

    ```yaml corpus``` has the fields of the section `corpus`, ```yaml data tagging``` those of `data` where the task is
    tagging; others have whole sections.
    """
    values = yaml.safe_load(block.parsed)
    if block.region.lexemes["remarks"]:
        section, *task = block.region.lexemes["remarks"]
        values = {section: {"path": "rows", **values}, **({"task": task[0]} if task else {})}
    return values if {"name", "data"} <= set(values) else MINIMAL | values


@pytest.mark.parametrize("block", BLOCKS, ids=[place(block) for block in BLOCKS])
def test_block_is_a_configuration_or_a_part_of_one(block, tmp_path):
    values = yaml.safe_load(block.parsed)
    if next(iter(values)) in NOT_OURS:
        return
    write_files(block.path, tmp_path)
    file = tmp_path / "examples" / "page.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(configuration(block)), encoding="utf-8")
    load_config(file)


def test_blocks_that_are_not_ours_are_there():
    first = {next(iter(yaml.safe_load(block.parsed))) for block in BLOCKS}
    assert set(NOT_OURS) <= first
    assert not set(NOT_OURS) & set(PipelineConfig.model_fields)


@pytest.mark.parametrize("span", FIELDS, ids=[f"{span.place} {span.text}" for span in FIELDS])
def test_field_that_is_named_with_its_section_exists(span):
    model, path = PipelineConfig, FIELD.fullmatch(span.text).group(1)
    for name in path.split("."):
        assert model is not None, f"{span.place}: {path} has a part too many"
        assert name in model.model_fields, f"{span.place}: {path}: there is no {name} beside {list(model.model_fields)}"
        model = section_of(model.model_fields[name], in_items=True)
