"""docs/ingestion.md: each format's row in gives the example out that stands below it."""

import json
import re
from pathlib import Path

import pytest
import tensorflow as tf
import yaml
from sources import labelled_texts

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, read_shard
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.record import Row

PAGE = (Path(__file__).parents[2] / "docs" / "ingestion.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```yaml (corpus|data)( tagging)?\n(.*?)```\n\n```text\n(.*?)```\n\n```json\n(.*?)```", re.DOTALL)
EXAMPLES = EXAMPLE.findall(PAGE)


def values_of(feature):
    return [value.decode() for value in feature.bytes_list.value] or list(feature.float_list.value)


@pytest.mark.parametrize("example", EXAMPLES, ids=[yaml.safe_load(example[2])["format"] for example in EXAMPLES])
def test_row_in_gives_the_example_out(example, tmp_path):
    section, tagging, fields, content, expected = example
    path = tmp_path / "rows"
    path.write_text(content, encoding="utf-8")
    kind = text_source if section == "corpus" else tagged_words if tagging else labelled_texts
    ingestion = Ingestion(kind(path=str(path), **yaml.safe_load(fields)), TaggingConfig() if tagging else None)
    found = read_shard(Shard(0, str(path), None), ingestion, None, 0, ReadCounts())
    rows = [row for row in found if isinstance(row, Row)]
    features = [
        tf.train.Example.FromString(example).features.feature
        for example in serialized_examples(rows, ["any"] * len(rows))
    ]
    without_bucket = [
        {name: values_of(feature) for name, feature in one.items() if name != "length_bucket"} for one in features
    ]
    assert without_bucket == [json.loads(line) for line in expected.splitlines()]


def test_page_shows_all_formats_of_texts():
    shown = {yaml.safe_load(example[2])["format"] for example in EXAMPLES}
    assert shown >= {"text", "mediawiki", "conll", "conllu"} | (
        {"csv", "tsv", "jsonl"} - {"tsv"}
    )  # tsv stands with csv
