"""What a command tells before TFX is imported."""

import pytest
from typer.testing import CliRunner

from ulmfit_tfx.components.corpus_ingest.early_checks import check_rows_are_there
from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.pipeline import running
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.kubeflow.early_checks import for_cluster
from ulmfit_tfx.pipeline.run_lock import locked_for_cleaning, locked_for_run
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError


def pipeline(folder, rows="text,label\nfine,a\n", **sections):
    (folder / "d.csv").write_text(rows)
    data = {"path": str(folder / "d.csv"), "format": "csv"} | sections.pop("data", {})
    return PipelineConfig.model_validate({"name": "a", "data": data} | sections)


@pytest.mark.parametrize("rows", ["text,label\n", "text,label", "text,label\n\n \n"])
def test_header_without_rows_is_found_out_before_anything_runs(tmp_path, rows):
    with pytest.raises(DataError, match=r"d\.csv: there are no rows below the header\."):
        running.checked_folder(pipeline(tmp_path, rows), tmp_path / "root")


def test_rows_in_one_of_several_files_are_enough_and_each_split_needs_its_own(tmp_path):
    (tmp_path / "more.csv").write_text("text,label\n")
    both = pipeline(tmp_path, data={"path": str(tmp_path / "*.csv")})
    check_rows_are_there(check_source(both.data), both.data)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "t.csv").write_text("text,label\n")
    apart = pipeline(tmp_path, data={"test_path": str(tmp_path / "test")})
    with pytest.raises(DataError, match="test: there are no rows below the header"):
        check_rows_are_there(check_source(apart.data), apart.data)


def test_folder_that_cannot_be_written_is_a_wrong_option(tmp_path):
    (tmp_path / "c.yaml").write_text("name: a\ndata: {path: d.csv, format: csv}\n")
    (tmp_path / "d.csv").write_text("text,label\nfine,a\n")
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["run", str(tmp_path / "c.yaml"), "--root", str(tmp_path / "file" / "root")])
    assert result.exit_code == 2
    assert "cannotbewritten:Notadirectory.Setanotherfolderas--root." in "".join(result.output.split())


@pytest.mark.parametrize(("evaluation", "said"), [({}, ""), ({"beat": "none"}, "Set evaluation.beat to baseline")])
def test_run_without_anything_to_bless_against_says_so_at_its_start(tmp_path, evaluation, said):
    found = running.nothing_to_bless_against(pipeline(tmp_path, evaluation=evaluation))
    assert said in found
    assert bool(said) == bool(found)
    assert not running.nothing_to_bless_against(pipeline(tmp_path, evaluation={"thresholds": {"accuracy": 0.5}}))


def test_command_of_another_name_is_answered_with_ours():
    result = CliRunner().invoke(app, ["train", "c.yaml"])
    assert "Did you mean 'run'?" in result.output


def test_paths_that_a_cluster_does_not_see_need_no_tfx(tmp_path):
    kubeflow = {"image": "image:1", "pipeline_root": "gs://bucket/runs"}
    with pytest.raises(ConfigError, match=r"data\.path is .*d\.csv, which no step in the cluster sees"):
        for_cluster(pipeline(tmp_path, kubeflow=kubeflow))
    seen = kubeflow | {"paths": {"data.path": "gs://bucket/d.csv"}}
    assert for_cluster(pipeline(tmp_path, kubeflow=seen)).data.path == "gs://bucket/d.csv"


def test_second_run_in_a_folder_is_told_of_the_first_one_and_a_later_one_is_not(tmp_path):
    told = []

    def run():
        return locked_for_run(tmp_path, waits=pytest.fail, shares=lambda: told.append("shared"))

    with run():
        assert told == []
        with run():
            assert told == ["shared"]
    with run():
        assert told == ["shared"]
    with locked_for_cleaning(tmp_path):
        assert told == ["shared"]
