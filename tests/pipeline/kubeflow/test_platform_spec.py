"""The platform document, held against the protos of kfp-kubernetes."""

import pytest
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2

from ulmfit_tfx.pipeline.kubeflow.platform_spec import platform_spec
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig

LATER = ("tolerations", "imagePullPolicy", "imagePullSecret")
"""Fields that the installed kfp-kubernetes does not know yet."""


def executors(**fields):
    kubeflow = KubeflowConfig(image="i", pipeline_root="gs://b", **fields)
    return platform_spec(kubeflow, ["Trainer", "Pusher"])["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def parsed(executor):
    known = {name: value for name, value in executor.items() if name not in LATER}
    return json_format.ParseDict(known, kubernetes_executor_config_pb2.KubernetesExecutorConfig())


def test_without_anything_of_kubernetes_there_is_no_document():
    assert platform_spec(KubeflowConfig(image="i", pipeline_root="gs://b", cpu=2), ["Trainer"]) == {}


def test_volumes_secrets_and_node_selectors_are_fields_of_kfp_kubernetes():
    found = executors(
        volumes=[{"claim": "data", "mount_path": "/mnt/data"}],
        secrets=[{"name": "keys", "env": {"TOKEN": "token"}}, {"name": "files", "mount_path": "/etc/files"}],
        node_selector={"pool": "gpu"},
    )
    assert sorted(found) == ["Pusher_executor", "Trainer_executor"]
    config = parsed(found["Trainer_executor"])
    assert (config.pvc_mount[0].constant, config.pvc_mount[0].mount_path) == ("data", "/mnt/data")
    assert config.secret_as_env[0].secret_name == "keys"
    assert (config.secret_as_env[0].key_to_env[0].secret_key, config.secret_as_env[0].key_to_env[0].env_var) == (
        "token",
        "TOKEN",
    )
    assert (config.secret_as_volume[0].secret_name, config.secret_as_volume[0].mount_path) == ("files", "/etc/files")
    assert dict(config.node_selector.labels) == {"pool": "gpu"}


def test_tolerations_and_pulling_have_the_names_of_later_kfp_kubernetes():
    found = executors(
        tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": 60}],
        image_pull_policy="Always",
        image_pull_secrets=["registry"],
    )
    assert found["Trainer_executor"] == {
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
        "imagePullPolicy": "Always",
        "imagePullSecret": [{"secretName": "registry"}],
    }


@pytest.mark.parametrize("step", ["Trainer", "Pusher"])
def test_step_with_fields_of_its_own_has_these(step):
    found = executors(node_selector={"pool": "cpu"}, steps={"Trainer": {"node_selector": {"pool": "gpu"}}})
    assert parsed(found[f"{step}_executor"]).node_selector.labels["pool"] == {"Trainer": "gpu", "Pusher": "cpu"}[step]
