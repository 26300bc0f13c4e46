import doctest
import uuid

import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ulmfit_tfx.components import models_config, served_versions
from ulmfit_tfx.components.served_versions import pinned_versions, version_in_service, version_numbers, versions
from ulmfit_tfx.schemas.errors import UserError


@pytest.fixture(params=["local", "ram"])
def folder(request, tmp_path):
    """A folder of served models, on a disk and on a file system that knows no local paths."""
    return str(tmp_path / "reviews") if request.param == "local" else f"ram://{uuid.uuid4()}/reviews"


def put(folder, *names, file="saved_model.pb"):
    for name in names:
        tf.io.gfile.makedirs(f"{folder}/{name}")
        with tf.io.gfile.GFile(f"{folder}/{name}/{file}", "w") as written:
            written.write("")


def write_config(folder, text):
    tf.io.gfile.makedirs(f"{folder}/tf_serving")
    with tf.io.gfile.GFile(f"{folder}/tf_serving/models.config", "w") as file:
        file.write(text)


def read_config(folder):
    with tf.io.gfile.GFile(f"{folder}/tf_serving/models.config") as file:
        return text_format.Parse(file.read(), ModelServerConfig()).model_config_list.config


def pinning(*numbers, name="reviews"):
    specific = " ".join(f"versions: {number}" for number in numbers)
    return (
        f"model_config_list {{ config {{ name: '{name}' base_path: '/mnt/models' model_platform: 'tensorflow' "
        f"model_version_policy {{ specific {{ {specific} }} }} }} }}"
    )


def test_versions_are_the_numbered_folders_that_hold_a_model_the_oldest_first(folder):
    put(folder, "9", "10", "99-aside", "tf_serving", "new")
    put(folder, "11", file="half.copied")
    put(folder, "12/Format-Serving")
    assert versions(folder) == ["9", "10"]
    assert sorted(version_numbers(folder)) == [9, 10, 11, 12]


def test_folder_that_is_not_there_has_no_versions(folder):
    assert versions(folder) == []
    assert version_in_service(folder) == ""


def test_newest_version_is_in_service(folder):
    put(folder, "9", "10")
    assert version_in_service(folder) == "10"


def test_pinned_version_is_in_service_though_there_are_newer_ones(folder):
    put(folder, "9", "10", "11")
    write_config(folder, pinning(10))
    assert version_in_service(folder) == "10"
    assert pinned_versions(folder) == ["10"]


def test_of_several_pinned_versions_the_newest_answers(folder):
    put(folder, "9", "10", "11")
    write_config(folder, pinning(10, 9))
    assert version_in_service(folder) == "10"


def test_pin_of_a_version_that_is_not_there_counts_for_nothing(folder):
    put(folder, "9", "10")
    write_config(folder, pinning(7))
    assert version_in_service(folder) == "10"
    assert pinned_versions(folder) == []


def test_pin_of_another_model_in_the_same_file_counts_for_nothing(folder):
    put(folder, "9", "10")
    write_config(folder, pinning(9, name="valence").replace("/mnt/models", "/models/valence"))
    assert version_in_service(folder) == "10"


def test_folder_named_with_zeros_is_the_version_of_its_number(folder):
    put(folder, "0009", "10")
    models_config.serve_only(folder, 9)
    assert version_in_service(folder) == "0009"


def test_pins_are_an_empty_list_where_the_newest_is_in_service(folder):
    assert models_config.pins(folder) == []
    models_config.serve_only(folder, 9)
    assert models_config.pins(folder) == [9]
    models_config.serve_newest(folder)
    assert models_config.pins(folder) == []


@pytest.mark.parametrize("text", ["model_config_list {", "no_such_field: 1", "\x00"])
def test_damaged_file_is_named_with_the_line(folder, text):
    put(folder, "9")
    write_config(folder, text)
    with pytest.raises(UserError, match=r"reviews/tf_serving/models\.config:1:\d+ : .*Expected a ModelServerConfig"):
        version_in_service(folder)


def test_file_system_that_tensorflow_lacks_is_named():
    with pytest.raises(UserError, match=r"^nowhere://bucket/reviews: TensorFlow has no file system for 'nowhere://'"):
        versions("nowhere://bucket/reviews")


def test_pin_and_its_release_are_what_a_server_reads(folder):
    models_config.serve_only(folder, 17)
    [entry] = read_config(folder)
    assert (entry.name, entry.base_path, entry.model_platform) == ("reviews", "/mnt/models", "tensorflow")
    assert list(entry.model_version_policy.specific.versions) == [17]
    models_config.serve_newest(folder)
    [entry] = read_config(folder)
    assert entry.model_version_policy.WhichOneof("policy_choice") == "latest"
    assert entry.model_version_policy.latest.num_versions == 1


def test_what_was_added_to_the_file_stays(folder):
    other = "config { name: 'valence' base_path: '/models/valence' model_version_policy { specific { versions: 3 } } }"
    logging = "logging_config { sampling_config { sampling_rate: 0.5 } }"
    added = f"config {{ name: 'films' base_path: '/mnt/models' {logging} }}"
    write_config(folder, f"model_config_list {{ {other} {added} }}")
    models_config.serve_only(folder, 17)
    models_config.serve_newest(folder)
    valence, films = read_config(folder)
    assert list(valence.model_version_policy.specific.versions) == [3]
    assert films.name == "films"
    assert films.logging_config.sampling_config.sampling_rate == 0.5
    assert films.model_version_policy.latest.num_versions == 1


@pytest.mark.parametrize("policy", ["all {}", "latest { num_versions: 2 }"])
def test_release_leaves_a_policy_that_pins_nothing(folder, policy):
    write_config(folder, pinning().replace("specific {  }", policy))
    before = read_config(folder)[0].model_version_policy
    models_config.serve_newest(folder)
    assert read_config(folder)[0].model_version_policy == before


@pytest.mark.parametrize("change", [models_config.serve_newest, lambda folder: models_config.serve_only(folder, 9)])
def test_labels_go_with_the_pins(folder, change):
    """A server refuses a file whose label names a version that it does not load."""
    label = "version_labels { key: 'canary' value: 10 }"
    write_config(folder, pinning(9, 10).replace("model_platform", f"{label} model_platform"))
    assert dict(read_config(folder)[0].version_labels) == {"canary": 10}
    change(folder)
    assert not read_config(folder)[0].version_labels


def test_server_finds_one_of_the_two_contents_of_a_file_and_nothing_beside_it(folder):
    models_config.serve_only(folder, 17)
    models_config.serve_only(folder, 18)
    assert tf.io.gfile.listdir(f"{folder}/tf_serving") == ["models.config"]


def test_google_cloud_storage_is_read_by_the_server_itself():
    assert models_config.base_path("gs://bucket/reviews") == "gs://bucket/reviews"


@given(st.integers(0, 2**63 - 1), st.integers(0, 3))
def test_every_number_of_int64_is_a_version(number, zeros):
    assert served_versions.is_version_number("0" * zeros + str(number))


@given(st.text(max_size=4).filter(lambda name: not set(name) <= set("0123456789") or not name))
def test_nothing_else_is_a_version(name):
    assert not served_versions.is_version_number(name)


@pytest.mark.parametrize("module", [models_config, served_versions])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
