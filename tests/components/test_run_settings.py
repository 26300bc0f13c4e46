"""What a run of a compiled pipeline may say anew."""

import json

import pytest
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.components.run_settings import as_run, overridden, with_settings_of_run
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.schemas.errors import ConfigError

SECTION = TrainingConfig(epochs=3, learning_rate=0.01).model_dump(mode="json")


def test_fields_that_a_run_sets_stand_in_the_place_of_configured_ones():
    assert overridden("training", SECTION, '{"epochs": 7}') == SECTION | {"epochs": 7}


@pytest.mark.parametrize("nothing", ["", "{}"])
def test_without_overrides_the_section_is_as_configured(nothing):
    assert overridden("training", SECTION, nothing) == SECTION


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ("{epochs: 7}", "which is not JSON"),
        ("[7]", "expected a JSON object"),
        ('{"epoch": 7}', "sets 'epoch', which is no field of that section. Did you mean 'epochs'?"),
        ('{"epochs": 0}', "training.epochs is 0: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_with_overrides_is_said(overrides, complaint):
    with pytest.raises(ConfigError) as error:
        overridden("training", SECTION, overrides)
    assert complaint in str(error.value)


def properties(**parameters):
    custom_config = {"training": SECTION, "seed": 1}
    return {standard.CUSTOM_CONFIG_KEY: json.dumps(custom_config), specs.CHECKPOINTS: "gs://b/checkpoints"} | parameters


def test_custom_config_gets_the_settings_of_the_run():
    given = properties(**{specs.SECTION: "training", specs.OVERRIDES: '{"epochs": 7}'})
    custom_config = json.loads(with_settings_of_run(given, "/tmp/run")[standard.CUSTOM_CONFIG_KEY])
    assert custom_config == {
        "training": SECTION | {"epochs": 7},
        "seed": 1,
        "checkpoints": "gs://b/checkpoints",
    }


def test_checkpoints_that_no_folder_is_named_for_are_temporary():
    given = properties(**{specs.CHECKPOINTS: ""})
    custom_config = json.loads(with_settings_of_run(given, "/tmp/run")[standard.CUSTOM_CONFIG_KEY])
    assert custom_config["checkpoints"] == "/tmp/run/checkpoints"


def test_model_card_tells_of_the_run_and_not_of_the_configuration():
    config = {"name": "tiny", "training": SECTION, "data": {"path": "a.tsv", "format": "tsv"}}
    said = {"training": '{"epochs": 7}', "data_path": "gs://b/b.tsv", specs.CODE_VERSION: "1"}
    assert as_run(config, said) == config | {
        "training": SECTION | {"epochs": 7},
        "data": {"path": "gs://b/b.tsv", "format": "tsv"},
    }
    assert as_run(config, {specs.CODE_VERSION: "1"}) == config


def test_model_card_tells_of_the_teachers_rows_of_the_run():
    config = {"name": "tiny", "distillation": {"gold_rows": 0.1, "data": {"path": "a.jsonl", "format": "jsonl"}}}
    found = as_run(config, {"distillation_path": "gs://b/b.jsonl"})
    assert found["distillation"] == {"gold_rows": 0.1, "data": {"path": "gs://b/b.jsonl", "format": "jsonl"}}
