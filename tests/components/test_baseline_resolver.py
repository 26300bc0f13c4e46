import pytest
from tfx.types import standard_artifacts

from ulmfit_tfx.components.baseline_resolver.component import BaselineResolver
from ulmfit_tfx.components.baseline_resolver.executor import Executor
from ulmfit_tfx.schemas.errors import UserError


@pytest.fixture
def resolve(tmp_path):
    """Runs the component; returns the folder of its output."""

    def run(served):
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "output")
        (tmp_path / "output").mkdir()
        Executor().Do({}, {"model": [model]}, dict(BaselineResolver(str(served)).exec_properties))
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


def test_version_that_was_removed_meanwhile_is_named(resolve, tmp_path):
    with pytest.raises(UserError, match=r"served/17: the model in service was there .* and is not any more"):
        resolve(tmp_path / "served" / "17")
