"""The part of a compiled pipeline that is about Kubernetes: nodes, volumes, secrets, images. TFX does not write it.

It is a second YAML document, `platforms.kubernetes.deploymentSpec.executors`, in the JSON form of kfp-kubernetes'
KubernetesExecutorConfig. That of kfp-kubernetes 1.0, which TFX 1.16 comes with, has no tolerations, pull policy and
pull secrets yet; later backends read them, so they are written by their names.
"""

from collections.abc import Iterable
from typing import Any

from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig, SecretConfig, StepConfig, TolerationConfig


def platform_spec(kubeflow: KubeflowConfig, steps: Iterable[str]) -> dict[str, Any]:
    """The document.

    Args:
        kubeflow: The section of the configuration.
        steps: Names of the steps that have a container.

    Returns:
        In JSON form. Empty where the configuration asks for nothing of this.
    """
    executors = {f"{step}_executor": _executor(kubeflow, kubeflow.step(step)) for step in steps}
    executors = {name: executor for name, executor in executors.items() if executor}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else {}


def _executor(kubeflow: KubeflowConfig, step: StepConfig) -> dict[str, Any]:
    fields = {
        "nodeSelector": {"labels": dict(step.node_selector)} if step.node_selector else None,
        "tolerations": [_toleration(toleration) for toleration in step.tolerations],
        "pvcMount": [{"constant": volume.claim, "mountPath": volume.mount_path} for volume in step.volumes],
        "secretAsEnv": [_secret_as_env(secret) for secret in step.secrets if secret.env],
        "secretAsVolume": [
            {"secretName": secret.name, "mountPath": secret.mount_path} for secret in step.secrets if secret.mount_path
        ],
        "imagePullPolicy": kubeflow.image_pull_policy,
        "imagePullSecret": [{"secretName": name} for name in kubeflow.image_pull_secrets],
    }
    return {name: value for name, value in fields.items() if value}


def _toleration(toleration: TolerationConfig) -> dict[str, Any]:
    values = toleration.model_dump(exclude_none=True)
    if (seconds := values.pop("toleration_seconds", None)) is not None:
        values["tolerationSeconds"] = seconds
    return values


def _secret_as_env(secret: SecretConfig) -> dict[str, Any]:
    keys = [{"secretKey": key, "envVar": variable} for variable, key in secret.env.items()]
    return {"secretName": secret.name, "keyToEnv": keys}
