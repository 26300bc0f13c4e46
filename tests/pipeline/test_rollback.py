import os
import re
import uuid
from datetime import datetime

import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig
from typer.testing import CliRunner

from ulmfit_tfx.components import models_config
from ulmfit_tfx.components.served_versions import version_in_service
from ulmfit_tfx.pipeline.cli import rollback
from ulmfit_tfx.pipeline.cli.app import app

PUSHED = datetime(2026, 3, 14, 15, 9, 26)


@pytest.fixture
def serving(tmp_path):
    """A folder of three versions."""
    for version in ("8", "9", "10"):
        put(tmp_path / "reviews" / version)
    return tmp_path / "reviews"


def put(version, card=None):
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"")
    os.utime(version / "saved_model.pb", (PUSHED.timestamp(), PUSHED.timestamp()))
    if card is not None:
        (version / "assets.extra").mkdir()
        (version / "assets.extra" / "README.md").write_text(card)


def card(**front_matter):
    return f"---\n{yaml.safe_dump(front_matter)}---\n\n# A model\n\n---\nend: {{\n"


def run(*arguments):
    """The command by itself: what it prints, and its exit code."""
    result = CliRunner().invoke(app, ["rollback", *map(str, arguments)])
    return result.exit_code, result.stdout + (result.stderr if result.stderr_bytes is not None else "")


def in_service(folder):
    return version_in_service(str(folder))


def rows(output):
    """Version and standing, from the top, of the table."""
    lines = [re.split(r" {2,}", line.strip()) for line in output.splitlines()]
    return [(cells[0], *cells[2:]) for cells in lines if cells[0].isdigit()]


def test_version_before_the_one_in_service_goes_into_service(serving):
    code, output = run(serving)
    assert code == 0
    assert in_service(serving) == "9"
    assert rows(output) == [("10",), ("9", "in service (pinned)"), ("8",)]
    assert "Version 9 is in service, before it was 10." in output
    assert f"ulmfit-tfx rollback {serving} --release" in output


def test_server_reads_the_pin_from_its_file(serving):
    run(serving)
    text = (serving / "tf_serving" / "models.config").read_text()
    [entry] = text_format.Parse(text, ModelServerConfig()).model_config_list.config
    assert list(entry.model_version_policy.specific.versions) == [9]
    assert entry.name == "reviews"


def test_second_rollback_goes_one_further(serving):
    run(serving)
    run(serving)
    assert in_service(serving) == "8"


def test_version_that_is_named_goes_into_service_older_or_newer(serving):
    assert run(serving, "--to", "8")[0] == 0
    assert in_service(serving) == "8"
    assert run(serving, "--to", "10")[0] == 0
    assert in_service(serving) == "10"


def test_release_puts_the_newest_version_in_service(serving):
    run(serving, "--to", "8")
    code, output = run(serving, "--release")
    assert code == 0
    assert in_service(serving) == "10"
    assert rows(output) == [("10", "in service"), ("9",), ("8",)]
    assert "Version 10, the newest, is in service, before it was 8." in output
    put(serving / "11")
    assert in_service(serving) == "11"


def test_release_without_a_rollback_says_so(serving):
    code, output = run(serving, "--release")
    assert code == 0
    assert "No version was held in service: the newest, 10, is in service as before." in output


def test_list_shows_the_versions_and_changes_nothing(serving):
    code, output = run(serving, "--list")
    assert code == 0
    assert rows(output) == [("10", "in service"), ("9",), ("8",)]
    assert output.count("2026-03-14 15:09 ") == 3
    assert not (serving / "tf_serving").exists()


def test_score_is_the_first_of_the_cards_results(serving):
    metrics = [{"type": "accuracy", "name": "accuracy", "value": 0.80123456}, {"name": "AUC", "value": 0.9}]
    put(serving / "11", card(**{"model-index": [{"results": [{"dataset": {"split": "test"}, "metrics": metrics}]}]}))
    put(serving / "12", card(tags=["ulmfit-tfx"]))
    put(serving / "13", "No front matter.\n")
    output = run(serving, "--list")[1]
    assert rows(output)[:3] == [("13", "in service"), ("12",), ("11", "accuracy 0.8012 (test)")]


def test_several_pinned_versions_are_marked(serving):
    models_config.serve_only(str(serving), 9)
    file = serving / "tf_serving" / "models.config"
    file.write_text(file.read_text().replace("versions: 9", "versions: 9 versions: 8"))
    assert rows(run(serving, "--list")[1]) == [("10",), ("9", "in service (pinned)"), ("8", "pinned")]


def test_folder_on_another_file_system():
    folder = f"ram://{uuid.uuid4()}/reviews"
    for version in ("8", "9"):
        tf.io.gfile.makedirs(f"{folder}/{version}")
        with tf.io.gfile.GFile(f"{folder}/{version}/saved_model.pb", "w") as file:
            file.write("")
    assert run(f"{folder}/")[0] == 0
    assert version_in_service(folder) == "8"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "11"], "has no version 11, but 8, 9, 10."),
        (["--to", "latest"], "has no version latest, but 8, 9, 10."),
        (["--to", "8", "--release"], "--to, --release and --list exclude each other"),
        (["--release", "--list"], "--to, --release and --list exclude each other"),
    ],
)
def test_wrong_options_change_nothing(serving, arguments, message):
    code, output = run(serving, *arguments)
    assert code == 2
    assert message in output
    assert not (serving / "tf_serving").exists()


def test_without_an_older_version_the_versions_are_listed(serving):
    run(serving, "--to", "8")
    code, output = run(serving)
    assert code == 2
    assert "version 8 is in service and no older one is there (8, 9, 10). push.keep_versions" in output
    assert in_service(serving) == "8"


def test_folder_without_versions_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        code, output = run(folder)
        assert code == 2
        assert f"{folder}: holds no version, expected a folder of numbered ones" in output


def test_version_in_place_of_its_folder_is_recognized(serving):
    code, output = run(serving / "9")
    assert code == 2
    assert "reviews/9: is a model, expected the folder of its versions" in output


def test_damaged_file_is_named(serving):
    (serving / "tf_serving").mkdir()
    (serving / "tf_serving" / "models.config").write_text("model_config_list {")
    code, output = run(serving)
    assert code == 1
    assert "models.config:1:" in output


def test_help_tells_when_a_server_follows():
    """The text is written out, for help imports nothing heavy."""
    assert f"which it reads every {models_config.POLL_SECONDS} seconds" in rollback.command.__doc__
