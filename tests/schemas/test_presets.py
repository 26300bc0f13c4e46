import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.schemas.config.presets import PRESETS, preset, preset_of_file
from ulmfit_tfx.schemas.errors import ConfigError


def lstm_parameters(inputs, units):
    return 4 * units * (inputs + units + 1)


def qrnn_parameters(inputs, units, window):
    return 3 * units * (window * inputs + 1)


def parameters_of(found):
    encoder = found.encoder
    sizes = encoder.hidden_sizes
    total = found.vocab_size * encoder.embedding_size
    for layer, (inputs, units) in enumerate(zip((encoder.embedding_size, *sizes), sizes, strict=False)):
        is_lstm = encoder.architecture == "awd_lstm"
        total += lstm_parameters(inputs, units) if is_lstm else qrnn_parameters(inputs, units, encoder.window(layer))
    return total


def test_presets_are_the_published_encoders():
    assert sorted(PRESETS) == [
        "multifit-en-sp35k-cased",
        "multifit-en-sp35k-uncased",
        "multifit-pl-sp35k-cased",
        "multifit-pl-sp35k-cased-poleval",
        "multifit-pl-sp50k-cased",
        "multifit-pl-sp50k-cased-poleval",
        "ulmfit-en-sp35k-cased",
        "ulmfit-en-sp35k-uncased",
        "ulmfit-pl-sp35k-cased",
        "ulmfit-pl-sp35k-cased-poleval",
        "ulmfit-pl-sp50k-cased",
        "ulmfit-pl-sp50k-cased-poleval",
    ]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("multifit-en-sp35k-uncased", 34_054_592),
        ("ulmfit-en-sp35k-cased", 34_262_464),
        ("multifit-pl-sp50k-cased", 34_054_592 + 15_000 * 400),
        ("ulmfit-pl-sp50k-cased-poleval", 34_262_464 + 15_000 * 400),
    ],
)
def test_sizes_give_the_published_number_of_parameters(name, parameters):
    assert parameters_of(preset(name)) == parameters


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_name_says_what_the_preset_is(name):
    found = preset(name)
    family, language, size, case, *corpus = name.split("-")
    assert found.name == name
    assert found.encoder.architecture == {"ulmfit": "awd_lstm", "multifit": "qrnn"}[family]
    assert found.language == language
    assert found.vocab_size == int(size[2:-1]) * 1000
    assert found.lower_case == (case == "uncased")
    assert found.corpus == ("poleval-2018" if corpus else "wikitext")


def test_qrnn_presets_follow_fastais_convention():
    encoder = preset("multifit-en-sp35k-cased").encoder
    assert (encoder.qrnn_pooling, encoder.forget_convention) == ("fo", "fastai")
    assert [encoder.window(layer) for layer in range(4)] == [2, 1, 1, 1]


def test_presets_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("ulmfit-en-sp35k-cased").vocab_size = 1
    with pytest.raises(TypeError):
        PRESETS["mine"] = preset("ulmfit-en-sp35k-cased")


def test_slip_in_a_name_is_answered_with_the_nearest_and_with_all():
    with pytest.raises(ConfigError) as error:
        preset("multifit-pl-50k-cased")
    message = str(error.value)
    assert "'multifit-pl-50k-cased' is not a preset. Did you mean multifit-pl-sp50k-cased" in message
    assert all(name in message for name in PRESETS)


def test_name_like_no_other_gets_no_suggestion():
    with pytest.raises(ConfigError, match=r"'bert' is not a preset\. Presets: "):
        preset("bert")


@pytest.mark.parametrize(
    "file",
    [
        "multifit-pl-sp50k-cased",
        "multifit-pl-sp50k-cased/",
        "multifit-pl-sp50k-cased.tar.gz",
        "downloads/multifit-pl-sp50k-cased.tgz",
        "multifit-pl-sp50k-cased (1).tar.gz",
        "multifit-pl-sp50k-cased(12).tgz",
        "multifit-pl-sp50k-cased.pth",
        "MultiFiT-pl-sp50k-cased.zip",
    ],
)
def test_downloaded_file_is_known_by_its_name(file):
    assert preset_of_file(file) is PRESETS["multifit-pl-sp50k-cased"]
    assert preset_of_file(Path(file)) is PRESETS["multifit-pl-sp50k-cased"]


def test_name_that_another_begins_with_is_not_taken_for_it():
    assert preset_of_file("ulmfit-en-sp35k-uncased (1).tgz") is PRESETS["ulmfit-en-sp35k-uncased"]
    assert preset_of_file("ulmfit-pl-sp35k-cased-poleval.tar.gz") is PRESETS["ulmfit-pl-sp35k-cased-poleval"]


@pytest.mark.parametrize(
    "file",
    [
        "my-multifit-pl-sp50k-cased.tar.gz",
        "multifit-pl-sp50k-cased-finetuned.pth",
        "multifit-pl-sp50k-cased.model",
        "multifit-pl-sp50k-cased/weights.pth",
        "multifit-pl-sp50k.tar.gz",
        ".tar.gz",
        "",
    ],
)
def test_file_of_another_name_is_no_preset(file):
    assert preset_of_file(file) is None


def test_module_loads_without_tensorflow():
    script = "import sys, ulmfit_tfx.schemas.config.presets; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
