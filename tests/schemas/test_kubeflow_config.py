"""The section `kubeflow`: what it allows, and what each step gets of it."""

import pytest
from pydantic import ValidationError

from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig, memory_bytes


def section(**fields):
    return KubeflowConfig(**{"image": "registry/image:1", "pipeline_root": "gs://bucket/runs"} | fields)


@pytest.mark.parametrize("root", ["gs://b", "s3://b/x/", "minio://b/x"])
def test_buckets_are_pipeline_roots(root):
    assert section(pipeline_root=root).pipeline_root == root.rstrip("/")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"pipeline_root": "runs"}, "expected gs://, s3://, minio://"),
        ({"pipeline_root": "gs:///runs"}, "names no bucket"),
        ({"pipeline_root": "/mnt/runs"}, "pipeline_root is /mnt/runs, and no entry of volumes"),
        ({"checkpoints": "/mnt/runs"}, "checkpoints is /mnt/runs, and no entry of volumes"),
        ({"memory": "4GiB"}, "expected a quantity"),
        ({"memory": "0Gi"}, "expected a quantity"),
        ({"cpu": 0}, "greater than 0"),
        ({"gpu": {"count": 0}}, "greater than 0"),
        ({"tolerations": [{"operator": "Exists", "value": "a"}]}, "operator is Exists"),
        ({"tolerations": [{"value": "a"}]}, "key is missing"),
        ({"tolerations": [{"key": "a", "toleration_seconds": 5}]}, "effect is not NoExecute"),
        ({"secrets": [{"name": "s"}]}, "expected one of env and mount_path"),
        ({"secrets": [{"name": "s", "env": {"A": "a"}, "mount_path": "/s"}]}, "expected one of env and mount_path"),
        ({"volumes": [{"claim": "Data", "mount_path": "/mnt"}]}, "should match pattern"),
        ({"volumes": [{"claim": c, "mount_path": "/mnt"} for c in "ab"]}, "mounts two things at /mnt"),
        ({"image_pull_policy": "Sometimes"}, "Always"),
    ],
)
def test_what_cannot_be_is_refused(fields, complaint):
    with pytest.raises(ValidationError, match=complaint):
        section(**fields)


def test_paths_below_a_mounted_volume_are_seen_and_their_neighbours_are_not():
    kubeflow = section(pipeline_root="/mnt/data/runs", volumes=[{"claim": "data", "mount_path": "/mnt/data/"}])
    assert kubeflow.sees("/mnt/data/reviews.csv")
    assert not kubeflow.sees("/mnt/database/reviews.csv")


def test_step_has_its_own_fields_in_the_place_of_those_of_all_steps():
    kubeflow = section(
        cpu=2, memory="4Gi", node_selector={"pool": "cpu"}, steps={"Trainer": {"memory": "16Gi", "node_selector": {}}}
    )
    trainer, other = kubeflow.step("Trainer"), kubeflow.step("Pusher")
    assert (trainer.cpu, trainer.memory, trainer.node_selector) == (2, "16Gi", {})
    assert (other.cpu, other.memory, other.node_selector) == (2, "4Gi", {"pool": "cpu"})


@pytest.mark.parametrize(("quantity", "size"), [("512Mi", 536_870_912), ("1.5G", 1_500_000_000), ("1024", 1024)])
def test_quantities_are_those_of_kubernetes(quantity, size):
    assert memory_bytes(quantity) == size
