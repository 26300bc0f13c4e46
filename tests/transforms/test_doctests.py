import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "schemas.beam_arguments",
        "schemas.section",
        "schemas.config.sources.tagged_words",
        "schemas.config.sources.texts",
        "transforms.records.conll",
        "transforms.records.line_ranges",
        "transforms.records.lines",
        "transforms.corpus_cleanup.duplicates",
        "transforms.markup.html_markup",
        "transforms.corpus_cleanup.languages",
        "transforms.markup.markup_tags",
        "transforms.corpus_cleanup.sentences",
        "transforms.markup.wiki_brackets",
        "transforms.markup.wiki_markup",
        "transforms.markup.wiki_templates",
        "transforms.splitting",
        "transforms.tag_schemes",
        "transforms.length_buckets",
        "trainer_modules.data.task_batches",
        "trainer_modules.serving.length_batches",
    ],
)
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"ulmfit_tfx.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
