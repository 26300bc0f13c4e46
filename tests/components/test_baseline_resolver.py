import uuid

import pytest
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts

from ulmfit_tfx.components import models_config
from ulmfit_tfx.components.baseline_resolver.component import BaselineResolver
from ulmfit_tfx.components.baseline_resolver.executor import Executor
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder


@pytest.fixture
def resolve(tmp_path):
    """Runs the component; returns the folder of its output."""

    def run(served, **options):
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "output")
        (tmp_path / "output").mkdir()
        Executor().Do({}, {"model": [model]}, dict(BaselineResolver(str(served), **options).exec_properties))
        return tmp_path / "output"

    return run


def test_served_model_is_copied_with_all_its_files(resolve, tmp_path):
    files = {"saved_model.pb": b"graph", "variables/variables.index": b"", "assets.extra/ulmfit_tfx.json": b"{}"}
    for name, content in files.items():
        (tmp_path / "served" / "17" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "served" / "17" / name).write_bytes(content)
    model = resolve(tmp_path / "served" / "17") / "Format-Serving"
    found = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    assert found == files


def test_where_nothing_is_served_the_output_has_no_files(resolve):
    assert list(resolve("").iterdir()) == []


def test_model_that_is_required_has_to_be_there(resolve, tmp_path):
    with pytest.raises(UserError, match="none: neither a SavedModel nor a folder of numbered versions"):
        resolve(tmp_path / "none", required=True)


def test_version_that_was_removed_meanwhile_is_named(resolve, tmp_path):
    with pytest.raises(UserError, match=r"served/17: the model in service was there .* and is not any more"):
        resolve(tmp_path / "served" / "17")


@pytest.fixture
def versions(tmp_path):
    """A folder of three versions, whose models hold their numbers."""
    for version in ("8", "9", "10"):
        (tmp_path / "served" / version).mkdir(parents=True)
        (tmp_path / "served" / version / "saved_model.pb").write_text(version)
    return tmp_path / "served"


def copied(output):
    return (output / "Format-Serving" / "saved_model.pb").read_text()


def test_of_a_folder_of_versions_the_newest_is_taken(resolve, versions):
    assert copied(resolve(versions)) == "10"


def test_of_a_folder_of_versions_the_pinned_one_is_taken(resolve, versions):
    models_config.serve_only(str(versions), 9)
    assert copied(resolve(f"{versions}/")) == "9"


def test_version_that_is_named_is_taken_whichever_is_in_service(resolve, versions):
    models_config.serve_only(str(versions), 9)
    assert copied(resolve(versions / "8")) == "8"


def test_model_in_a_folder_of_any_name_is_taken(resolve, versions):
    (versions / "8").rename(versions / "candidate")
    assert copied(resolve(versions / "candidate")) == "8"


def test_model_on_another_file_system_is_taken(resolve, versions):
    remote = f"ram://{uuid.uuid4()}/served"
    copy_folder(versions, remote)
    assert copied(resolve(remote)) == "10"


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_of_a_folder_without_versions_there_is_nothing_to_compare_with(resolve, tmp_path, folder):
    assert list(resolve(tmp_path / folder).iterdir()) == []


def test_folder_is_a_runtime_parameter_of_a_compiled_pipeline():
    parameter = RuntimeParameter("baseline", ptype=str, default="")
    assert BaselineResolver(parameter).exec_properties["served"] is parameter
