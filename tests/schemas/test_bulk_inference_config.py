from pathlib import Path

import pytest
import yaml

from ulmfit_tfx.schemas.config.config_file import load_bulk_inference_config
from ulmfit_tfx.schemas.config.sources.dumped import source_from_json
from ulmfit_tfx.schemas.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "examples" / "bulk_inference.yaml"


def load(folder, **changes):
    data = {"path": "texts.csv", "format": "csv"} | changes.pop("data", {})
    path = folder / "bulk.yaml"
    path.write_text(yaml.safe_dump({"name": "bulk", "model": "models/5", "data": data} | changes))
    return load_bulk_inference_config(path)


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path):
    config = load(tmp_path, output="out")
    assert (config.model, config.output) == (str(tmp_path / "models/5"), str(tmp_path / "out"))
    assert config.data.path == str(tmp_path / "texts.csv")
    assert load(tmp_path).output is None
    assert load(tmp_path, data={"path": "package://p/t.csv"}).data.path == "package://p/t.csv"


def test_all_rows_are_in_one_split_for_the_ingestion_too(tmp_path):
    splits = source_from_json(load(tmp_path).data.model_dump_json()).splits
    assert (splits.train, splits.eval, splits.test) == (1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"splits": {"train": 0.8, "eval": 0.1, "test": 0.1}}}, "data.splits: is set, and all texts are pred"),
        ({"data": {"text_colum": "t"}}, "data.text_colum is not a known field. Did you mean 'text_column'?"),
        ({"data": {"label_column": "t"}}, "data.label_column is not a known field"),
        ({"training": {}}, "training is not a known field. Allowed: name, model, data, output, seed, beam, kubeflow."),
        ({"model": None}, "model is None, expected a string."),
        ({"name": "../up"}, "name is '../up', expected to match"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, message):
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, **changes)
    assert f"bulk.yaml: {message}" in str(raised.value)


def test_example_labels_with_the_model_that_the_demo_pushes():
    config = load_bulk_inference_config(EXAMPLE)
    demo = yaml.safe_load((EXAMPLE.parent / "pretrain_then_classify.yaml").read_text())["name"]
    assert Path(config.model).resolve() == EXAMPLE.parents[1] / "runs" / demo / "serving" / demo
