import re

import pytest
from task_model_writer import write_classifier, write_regressor, write_tagger
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app


@pytest.mark.parametrize(
    ("write", "facts"),
    [
        (write_classifier, {"task": "classification", "labels": "bad, good, plain", "temperature": "1.25"}),
        (write_regressor, {"task": "regression", "targets": "characters, rows, longest"}),
        (write_tagger, {"task": "tagging", "labels": "O, B-PER, B-NUM", "scheme": "bio", "decoder": "crf"}),
    ],
)
def test_facts_of_the_task_are_shown_but_for_what_is_not_set(tmp_path, write, facts):
    result = CliRunner().invoke(app, ["show", str(write(tmp_path))])
    assert result.exit_code == 0, result.stdout
    for name, value in facts.items():
        assert re.search(rf"^ +{name} +{value} *$", result.stdout, re.MULTILINE), name
    assert "None" not in result.stdout
