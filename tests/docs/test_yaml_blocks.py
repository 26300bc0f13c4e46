"""YAML in the pages: a configuration, or a part of one, is one that the loader takes."""

import re

import pytest
import yaml
from pages import blocks, code_spans, place, write_files

from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.config.pipeline import pipelines_by_task
from ulmfit_tfx.schemas.section import sections_of

NOT_OURS = {"command": "a container of a Kubernetes pod"}
"""First key of blocks that are no part of a configuration of ours, and what they are."""
MINIMAL = {
    "name": "minimal",
    "data": {"path": "rows.tsv", "format": "tsv", "text_column": "text", "label_column": "label"},
}
BLOCKS = blocks("yaml")
PIPELINES = [*pipelines_by_task().values()]
SECTIONS = sorted({name for pipeline in PIPELINES for name in pipeline.model_fields})
FIELD = re.compile(rf"((?:{'|'.join(SECTIONS)})(?:\.[a-z_]+)+)(?:: .*|=.*)?")
FILES = (".csv", ".json", ".md", ".py", ".tsv", ".yaml")
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
    assert not set(NOT_OURS) & set(SECTIONS)


@pytest.mark.parametrize("span", FIELDS, ids=[f"{span.place} {span.text}" for span in FIELDS])
def test_field_that_is_named_with_its_section_exists(span):
    """In a section of some task and format."""
    kinds, path = PIPELINES, FIELD.fullmatch(span.text).group(1)
    for name in path.split("."):
        assert kinds, f"{span.place}: {path} has a part too many"
        fields = {field: kind.model_fields[field] for kind in kinds for field in kind.model_fields}
        assert name in fields, f"{span.place}: {path}: there is no {name} beside {list(fields)}"
        having = [kind.model_fields[name] for kind in kinds if name in kind.model_fields]
        kinds = [section for field in having for section in sections_of(field.annotation)]
