import shutil
import uuid

import pytest

from ulmfit_tfx.components import models_config
from ulmfit_tfx.pipeline.served_model import BASELINES_FILE, served_model
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder


@pytest.fixture
def serving(tmp_path):
    """A folder of served models."""
    return tmp_path / "serving" / "reviews"


@pytest.fixture
def ask(serving, tmp_path):
    """Asks as a run of a digest does; answers with the version's name, or ""."""

    def run(digest, directory=serving):
        served = served_model(str(directory), digest, tmp_path / "root")
        assert not served or served.startswith(f"{directory}/")
        return served.rpartition("/")[2]

    return run


def push(serving, version):
    (serving / version).mkdir(parents=True)
    (serving / version / "saved_model.pb").write_bytes(b"")


def test_newest_is_the_highest_number_that_holds_a_model(serving, ask):
    for version in ("9", "10", "99-aside", "new"):
        push(serving, version)
    (serving / "11").mkdir()  # a push that did not get far
    (serving / "12").write_bytes(b"")
    assert ask("a") == "10"


def test_run_again_is_compared_with_what_was_in_service_before_it_pushed(serving, ask):
    push(serving, "1")
    assert ask("a") == "1"
    push(serving, "2")
    assert ask("a") == "1"
    assert ask("b") == "2"
    assert ask("a") == "1"


def test_first_run_again_is_compared_with_nothing(serving, ask):
    assert ask("a") == ""
    push(serving, "1")
    assert ask("a") == ""
    assert ask("b") == "1"


def test_removed_version_gives_way_to_the_newest(serving, ask):
    push(serving, "1")
    ask("a")
    push(serving, "2")
    shutil.rmtree(serving / "1")
    assert ask("a") == "2"
    push(serving, "3")
    assert ask("a") == "2"


def test_version_that_a_rollback_put_in_service_is_the_one_to_beat(serving, ask):
    push(serving, "1")
    push(serving, "2")
    models_config.serve_only(str(serving), 1)
    assert ask("a") == "1"
    models_config.serve_newest(str(serving))
    assert ask("a") == "1"
    assert ask("b") == "2"


def test_models_may_be_served_from_another_file_system(serving, ask):
    push(serving, "9")
    push(serving, "10")
    remote = f"ram://{uuid.uuid4()}/reviews"
    copy_folder(serving, remote)
    assert ask("a", remote) == "10"


def test_slash_at_the_end_of_the_directory_means_nothing(serving, ask, tmp_path):
    push(serving, "1")
    assert served_model(f"{serving}/", "a", tmp_path / "root") == f"{serving}/1"
    push(serving, "2")
    assert ask("a") == "1"


def test_each_directory_has_its_own_models_in_service(serving, ask, tmp_path):
    push(serving, "1")
    push(tmp_path / "elsewhere", "7")
    assert ask("a") == "1"
    assert ask("a", tmp_path / "elsewhere") == "7"
    assert ask("a") == "1"


@pytest.mark.parametrize("content", ['{"x": {"a": ', "[]", '{"x": {"a": 1}}', '{"x": "a"}', "\ufffd"])
def test_damaged_memory_is_named(ask, tmp_path, content):
    file = tmp_path / "root" / BASELINES_FILE
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(UserError, match=r"baselines\.json: is damaged\. Remove it"):
        ask("a")
    assert file.read_text() == content
