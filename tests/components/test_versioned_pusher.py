import doctest
import functools
import json
import logging
import os
import uuid
from pathlib import Path

import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from server_messages import BatchingParameters, MonitoringConfig
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components import models_config
from ulmfit_tfx.components.served_versions import version_in_service, versions
from ulmfit_tfx.components.versioned_pusher import server_files
from ulmfit_tfx.components.versioned_pusher import versions as pushing
from ulmfit_tfx.components.versioned_pusher.component import VersionedPusher
from ulmfit_tfx.components.versioned_pusher.executor import Executor
from ulmfit_tfx.schemas import serving_ops
from ulmfit_tfx.schemas.config.serving import BatchingConfig, ServingConfig
from ulmfit_tfx.schemas.errors import UserError

NOW = 1_735_689_600
SERVER_FILES = {"models.config", "batching.config", "monitoring.config", "docker-compose.yaml", "kserve.yaml"}


@pytest.fixture(params=["disk", "ram"])
def folder(request, tmp_path):
    """Where models are pushed to: a disk, and a file system without a step that moves a folder."""
    return str(tmp_path / "serving" / "reviews") if request.param == "disk" else f"ram://{uuid.uuid4()}/reviews"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that stands still unless it is set."""
    times = {"now": NOW}
    monkeypatch.setattr(pushing.time, "time", lambda: times["now"] + 0.75)
    return lambda seconds: times.update(now=seconds)


def files_of(content):
    return {
        "saved_model.pb": content,
        "variables/variables.index": b"",
        "variables/variables.data-00000-of-00001": b"\x00" * 3_000_000 + content,
        "fingerprint.pb": b"print",  # no assets/: beside assets.extra/ ram:// lists files that are not there
        "assets.extra/README.md": b"card",
    }


def write(name, content):
    with tf.io.gfile.GFile(name, "wb") as file:
        file.write(content)


def read(folder):
    found = {}
    for parent, _, names in tf.io.gfile.walk(folder):
        for name in names:
            path = f"{parent.rstrip('/')}/{name}"
            with tf.io.gfile.GFile(path, "rb") as file:
                found[path[len(folder) :].strip("/")] = file.read()
    return found


@pytest.fixture
def push(folder, push_to):
    """Pushes a model of some content to the folder; returns the output artifact."""
    return functools.partial(push_to, folder)


@pytest.fixture
def push_to(tmp_path):
    """The same to a folder that is named."""
    blessed = {"model": True, "infra": True}

    def run(folder, content, keep=3, serving=None, **blessings):
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "packaged" / content.hex())
        for name, data in files_of(content).items():
            file = tmp_path / "packaged" / content.hex() / "Format-Serving" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        model_blessing, infra_blessing = standard_artifacts.ModelBlessing(), standard_artifacts.InfraBlessing()
        given = blessed | blessings
        model_blessing.set_int_custom_property("blessed", int(given["model"]))
        infra_blessing.set_int_custom_property("blessed", int(given["infra"]))
        inputs = {"model": [model], "model_blessing": [model_blessing], "infra_blessing": [infra_blessing]}
        component = VersionedPusher(
            **{key: channel_utils.as_channel(artifacts) for key, artifacts in inputs.items()},
            directory=folder,
            keep_versions=keep,
            serving=serving or ServingConfig(),
        )
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(tmp_path / "pushed_model")
        Executor().Do(inputs, {"pushed_model": [pushed]}, dict(component.exec_properties))
        return pushed

    return run


def version_of(pushed):
    return pushed.get_string_custom_property("pushed_version")


def test_version_holds_the_files_of_the_model_and_is_named_by_the_time(push, folder):
    pushed = push(b"a")
    assert versions(folder) == [str(NOW)]
    assert read(f"{folder}/{NOW}") == files_of(b"a")
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == f"{folder}/{NOW}"
    assert version_of(pushed) == str(NOW)


@pytest.mark.parametrize("blessings", [{"model": False}, {"infra": False}, {"model": False, "infra": False}])
def test_model_without_both_blessings_is_not_pushed_and_nothing_is_written(push, folder, blessings):
    pushed = push(b"a", **blessings)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not pushed.has_custom_property("pushed_destination")
    assert not tf.io.gfile.exists(folder)


def test_two_pushes_in_the_same_second_are_two_versions(push, folder):
    assert [version_of(push(content)) for content in (b"a", b"b")] == [str(NOW), str(NOW + 1)]
    assert read(f"{folder}/{NOW + 1}") == files_of(b"b")


def test_version_after_a_clock_was_set_back_has_a_higher_number(push, folder, clock):
    push(b"a")
    clock(NOW - 3600)
    assert version_of(push(b"b")) == str(NOW + 1) == version_in_service(folder)


def test_number_is_higher_than_that_of_a_folder_without_a_model(push, folder):
    tf.io.gfile.makedirs(f"{folder}/{NOW + 5}")
    assert version_of(push(b"a")) == str(NOW + 6)


def test_model_in_service_is_not_pushed_again(push, folder, clock, caplog):
    push(b"a")
    clock(NOW + 60)
    before = read(folder)
    with caplog.at_level(logging.INFO):
        pushed = push(b"a")
    assert read(folder) == before
    assert pushed.get_string_custom_property("pushed_destination") == f"{folder}/{NOW}"
    assert pushed.get_int_custom_property("pushed") == 1
    assert f"nothing is pushed, version {NOW} in service is the same model" in caplog.text


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_model_that_differs_in_a_byte_of_the_same_size_is_pushed(push, folder, name):
    push(b"a")
    content = files_of(b"a")[name]
    write(f"{folder}/{NOW}/{name}", content[:-1] + b"\xff")
    assert version_of(push(b"a")) == str(NOW + 1)


def test_model_with_a_file_more_is_pushed(push, folder):
    push(b"a")
    write(f"{folder}/{NOW}/assets.extra/more", b"")
    assert version_of(push(b"a")) == str(NOW + 1)


def test_model_of_an_older_version_is_pushed_again(push, folder):
    push(b"a")
    push(b"b")
    assert version_of(push(b"a")) == str(NOW + 2)


def test_newest_versions_are_kept_and_what_is_no_version_stays(push, folder):
    for name in ("5", "notes", "77-aside"):  # 5 has no model
        tf.io.gfile.makedirs(f"{folder}/{name}")
        write(f"{folder}/{name}/file", b"")
    for content in (b"a", b"b", b"c", b"d"):
        push(content, keep=2)
    assert versions(folder) == [str(NOW + 2), str(NOW + 3)]
    names = {name.rstrip("/") for name in tf.io.gfile.listdir(folder)}
    assert names == {"5", "notes", "77-aside", "tf_serving", str(NOW + 2), str(NOW + 3)}


def test_version_that_was_in_service_outlives_one_push(push, folder):
    push(b"a", keep=1)
    push(b"b", keep=1)
    assert versions(folder) == [str(NOW), str(NOW + 1)]  # a server still goes over to the second
    push(b"c", keep=1)
    assert versions(folder) == [str(NOW + 1), str(NOW + 2)]


def test_push_ends_a_rollback_and_keeps_what_was_rolled_back_to(push, folder, caplog):
    for content in (b"a", b"b", b"c"):
        push(content)
    models_config.serve_only(folder, NOW)
    push(b"d", keep=1)
    assert version_in_service(folder) == str(NOW + 3)
    assert versions(folder) == [str(NOW), str(NOW + 3)]
    assert f"version {NOW} is no longer pinned, the new version {NOW + 3} is in service" in caplog.text


def test_model_that_was_rolled_back_is_not_pushed_again(push, folder, caplog):
    for content in (b"a", b"b", b"c"):
        push(content)
    models_config.serve_only(folder, NOW)
    for content, version in ((b"c", NOW + 2), (b"b", NOW + 1)):
        pushed = push(content)
        assert version_of(pushed) == str(version)
        assert f"The model is version {version}, which was taken out of service by a rollback to {NOW}" in caplog.text
    assert version_in_service(folder) == str(NOW)
    assert len(versions(folder)) == 3


def test_model_that_was_rolled_back_to_stays_in_service(push, folder):
    push(b"a")
    push(b"b")
    models_config.serve_only(folder, NOW)
    assert version_of(push(b"a")) == str(NOW) == version_in_service(folder)


class Killed(BaseException):
    """As KeyboardInterrupt is."""


@pytest.mark.parametrize("file", range(5))
@pytest.mark.parametrize("step", ["copy", "rename"])
def test_killed_push_leaves_no_version_and_the_next_one_succeeds(push, folder, monkeypatch, step, file):
    push(b"a")
    original, calls = getattr(tf.io.gfile, step), []

    def failing(source, target, **options):
        if ".config" not in target and ".yaml" not in target:
            if len(calls) == (file if step == "copy" or "://" in folder else 0):
                raise Killed
            calls.append(target)
            assert tf.io.gfile.exists(f"{folder}/{NOW + 1}/saved_model.pb") is False
        return original(source, target, **options)

    with monkeypatch.context() as patched:
        patched.setattr(tf.io.gfile, step, failing)
        with pytest.raises(Killed):
            push(b"b")
    assert {name.rstrip("/") for name in tf.io.gfile.listdir(folder)} == {"tf_serving", str(NOW)}
    assert set(tf.io.gfile.listdir(f"{folder}/tf_serving")) == SERVER_FILES
    push(b"b")
    assert read(f"{folder}/{NOW + 1}") == files_of(b"b")


def test_remains_of_a_push_that_had_no_time_to_clean_up_do_not_get_into_a_version(push, folder):
    tf.io.gfile.makedirs(f"{folder}/tf_serving/incoming/variables")
    write(f"{folder}/tf_serving/incoming/variables/old", b"old")
    push(b"a")
    assert read(f"{folder}/{NOW}") == files_of(b"a")
    assert set(tf.io.gfile.listdir(f"{folder}/tf_serving")) == SERVER_FILES


def test_on_a_disk_a_version_appears_with_all_its_files(push, tmp_path, monkeypatch):
    """What a server sees at every copied file: never a numbered folder."""
    folder, seen = str(tmp_path / "serving" / "reviews"), []
    original = tf.io.gfile.copy
    monkeypatch.setattr(
        tf.io.gfile, "copy", lambda *args, **options: (seen.append(os.listdir(folder)), original(*args, **options))
    )
    model = tmp_path / "model"
    for name, data in files_of(b"a").items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(data)
    pushing.publish(str(model), folder, "1")
    assert seen == [["tf_serving"]] * 5
    assert read(f"{folder}/1") == files_of(b"a")


@pytest.mark.usefixtures("gcs")
def test_object_store_holds_the_new_version_and_what_was_in_service_before(push_to):
    folder = f"gs://bucket/{uuid.uuid4()}/reviews"
    for version in ("1", "2"):
        write(f"{folder}/{version}/assets.extra/README.md", b"card")
        write(f"{folder}/{version}/saved_model.pb", b"")
    push_to(folder, b"a", keep=1)
    assert versions(folder) == ["2", str(NOW)]
    assert {name.rstrip("/") for name in tf.io.gfile.listdir(folder)} == {"tf_serving", "2", str(NOW)}
    assert {name.rstrip("/") for name in tf.io.gfile.listdir(f"{folder}/tf_serving")} == SERVER_FILES
    assert read(f"{folder}/{NOW}") == files_of(b"a")
    models_config.serve_only(folder, 2)
    assert version_in_service(folder) == "2"


def test_damaged_models_config_stops_the_push_before_anything_is_written(push, folder):
    models_config.replace_file(f"{folder}/tf_serving/models.config", "model_config_list {")
    with pytest.raises(UserError, match=r"models\.config:1:"):
        push(b"a")
    assert versions(folder) == []
    assert tf.io.gfile.listdir(f"{folder}/tf_serving") == ["models.config"]


def test_directory_is_a_runtime_parameter_of_a_compiled_pipeline():
    parameter = RuntimeParameter("push_directory", ptype=str, default="/serving/reviews")
    component = VersionedPusher(
        *(
            channel_utils.as_channel([artifact()])
            for artifact in (
                standard_artifacts.Model,
                standard_artifacts.ModelBlessing,
                standard_artifacts.InfraBlessing,
            )
        ),
        directory=parameter,
        keep_versions=3,
        serving=ServingConfig(),
    )
    assert component.exec_properties["directory"] is parameter


# What a server is given.


def parsed(folder, name, message):
    with tf.io.gfile.GFile(f"{folder}/tf_serving/{name}") as file:
        return text_format.Parse(file.read(), message)


def yaml_of(folder, name):
    with tf.io.gfile.GFile(f"{folder}/tf_serving/{name}") as file:
        return yaml.safe_load(file.read())


BATCHING = BatchingConfig(max_batch_size=48, batch_timeout_micros=0, num_batch_threads=3, max_enqueued_batches=7)


def test_messages_are_what_the_configuration_says(push, folder):
    push(b"a", serving=ServingConfig(batching=BATCHING))
    assert set(tf.io.gfile.listdir(f"{folder}/tf_serving")) == SERVER_FILES
    [entry] = parsed(folder, "models.config", ModelServerConfig()).model_config_list.config
    assert (entry.name, entry.base_path, entry.model_platform) == ("reviews", "/mnt/models", "tensorflow")
    assert entry.model_version_policy.latest.num_versions == 1
    batching = parsed(folder, "batching.config", BatchingParameters())
    wanted = {"max_batch_size": 48, "batch_timeout_micros": 0, "num_batch_threads": 3, "max_enqueued_batches": 7}
    assert {field.name: value.value for field, value in batching.ListFields()} == wanted
    monitoring = parsed(folder, "monitoring.config", MonitoringConfig()).prometheus_config
    assert (monitoring.enable, monitoring.path) == (True, "/monitoring/prometheus/metrics")


def test_changed_configuration_is_written_also_where_the_model_is_not_pushed(push, folder):
    push(b"a")
    push(b"a", serving=ServingConfig(tf_serving="2.14", batching=BATCHING))
    assert parsed(folder, "batching.config", BatchingParameters()).max_batch_size.value == 48
    service = yaml_of(folder, "docker-compose.yaml")["services"]["tf-serving"]
    assert service["image"] == "tensorflow/serving:2.14.1"


FLAGS = {
    "model_config_file": "models.config",
    "batching_parameters_file": "batching.config",
    "monitoring_config_file": "monitoring.config",
}


def check_flags(flags, mount):
    """Each flag once, and the files that they name lie in the folder that is mounted."""
    given = dict(flag.removeprefix("--").split("=") for flag in flags)
    assert len(given) == len(flags)
    files = {flag: value for flag, value in given.items() if flag.endswith("_file")}
    assert files == {flag: f"{mount}/tf_serving/{name}" for flag, name in FLAGS.items()}
    labels, poll = "allow_version_labels_for_unavailable_models", "model_config_file_poll_wait_seconds"
    assert set(given) == {*FLAGS, "enable_batching", labels, poll}
    assert int(given[poll]) > 0  # 0: the file is read once


def test_compose_mounts_the_folder_above_where_the_flags_look():
    compose = server_files.compose("/srv/serving/Film_Reviews", ServingConfig(tf_serving="2.19"))
    assert compose["name"] == "film-reviews"
    [service] = compose["services"].values()
    assert service["image"] == "tensorflow/serving:2.19.1"
    assert service["volumes"] == ["..:/mnt/models:ro"]
    assert service["ports"] == ["8500:8500", "8501:8501"]
    check_flags(service["command"], "/mnt/models")


def test_page_on_serving_starts_a_server_by_hand_as_compose_does():
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    [service] = server_files.compose("/srv/serving/reviews", ServingConfig())["services"].values()
    by_hand = page.partition("docker run ")[2].partition("```")[0].split()
    assert service["image"] in by_hand
    assert set(service["command"]) == {argument for argument in by_hand if "=" in argument}


def test_inference_service_takes_the_folder_from_a_claim():
    service = server_files.inference_service("/srv/serving/Film_Reviews", ServingConfig(tf_serving="2.19"))
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert service["metadata"]["name"] == "film-reviews"
    model = service["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "tensorflow"}
    assert model["runtimeVersion"] == "2.19.1"
    assert model["storageUri"] == "pvc://CLAIM/Film_Reviews"
    check_flags(model["args"], "/mnt/models")


def test_servers_read_google_cloud_storage_themselves():
    folder = "gs://bucket/serving/reviews"
    [service] = server_files.compose(folder, ServingConfig())["services"].values()
    assert "volumes" not in service
    check_flags(service["command"], folder)
    model = server_files.inference_service(folder, ServingConfig())["spec"]["predictor"]["model"]
    assert "storageUri" not in model
    check_flags(model["args"], folder)


def test_kserve_downloads_what_the_server_cannot_read():
    folder = "s3://bucket/serving/reviews"
    model = server_files.inference_service(folder, ServingConfig())["spec"]["predictor"]["model"]
    assert model["storageUri"] == folder
    check_flags(model["args"], "/mnt/models")


@pytest.mark.parametrize("name", ["kserve.yaml", "docker-compose.yaml"])
def test_yaml_says_what_is_written_into_it(push, folder, name):
    push(b"a")
    content = yaml_of(folder, name)
    own = server_files.compose if name == "docker-compose.yaml" else server_files.inference_service
    assert content == own(folder, ServingConfig()) == json.loads(json.dumps(content))


@pytest.mark.parametrize(
    ("last", "name"), [("2024_films", "model-2024-films"), ("ż", "model"), ("A" * 80, "a" * 63), ("a-_-b", "a-b")]
)
def test_names_of_objects_are_dns_labels(last, name):
    assert server_files.object_name(f"/srv/{last}") == name


def test_each_version_of_tensorflow_serving_has_an_image():
    assert sorted(server_files.RELEASES) == sorted(serving_ops.versions())
    assert all(release.startswith(f"{version}.") for version, release in server_files.RELEASES.items())


def test_examples_in_docstrings():
    assert doctest.testmod(server_files).failed == 0
