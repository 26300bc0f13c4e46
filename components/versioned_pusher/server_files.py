"""The files with which TensorFlow Serving and KServe serve a pushed model.

Messages in text form: https://github.com/tensorflow/serving, BatchingParameters of
`servables/tensorflow/session_bundle_config.proto` and `config/monitoring_config.proto`. No Python package of the
server's version has them. InferenceService: https://kserve.github.io/website, `serving.kserve.io/v1beta1`.
"""

import re
from typing import Any

import yaml

from ulmfit_tfx.components.models_config import FILE, FOLDER, MOUNT, POLL_SECONDS, base_path, model_name, replace_file
from ulmfit_tfx.schemas.config.serving import BatchingConfig, ServingConfig
from ulmfit_tfx.schemas.remote_paths import is_remote

RELEASES = {
    "2.12": "2.12.2",
    "2.13": "2.13.1",
    "2.14": "2.14.1",
    "2.15": "2.15.1",
    "2.16": "2.16.1",
    "2.17": "2.17.1",
    "2.18": "2.18.0",
    "2.19": "2.19.1",
    "2.20": "2.20.0",
}
"""The release of each version of TensorFlow Serving whose image is taken: tags of
https://hub.docker.com/r/tensorflow/serving/tags have all three numbers."""

BATCHING, MONITORING, COMPOSE, KSERVE = "batching.config", "monitoring.config", "docker-compose.yaml", "kserve.yaml"
METRICS_PATH = "/monitoring/prometheus/metrics"
_GRPC_PORT, _REST_PORT, _KSERVE_PORT = 8500, 8501, 8080
_LONGEST_NAME = 63
"""Of a Kubernetes object and of what its addresses are made from."""


def write_server_files(folder: str, serving: ServingConfig) -> None:
    """Writes the files into `tf_serving` below the folder of a served model, in place of those that are there.

    Args:
        folder: Of the served model, local or remote.
        serving: The version of TensorFlow Serving and how it puts requests together.
    """
    contents = {
        BATCHING: _REWRITTEN + batching_parameters(serving.batching),
        MONITORING: f'{_REWRITTEN}prometheus_config {{ enable: true path: "{METRICS_PATH}" }}\n',
        COMPOSE: _yaml(_COMPOSE_HEADER, compose(folder, serving)),
        KSERVE: _yaml(_kserve_header(folder), inference_service(folder, serving)),
    }
    for name, content in contents.items():
        replace_file(f"{folder}/{FOLDER}/{name}", content)


def batching_parameters(batching: BatchingConfig) -> str:
    """How requests are put together: a message BatchingParameters, whose fields are those of the configuration.

    Large requests are not split: the answers of a tagger and of the encoder are as wide as the longest text of a batch,
    and such parts the server cannot put together again. Inputs are not padded: the server fills them with their first
    value, which to the model is a piece or a word. Sizes of batches are free, for the graph takes any.
    """
    return "".join(f"{name} {{ value: {value} }}\n" for name, value in batching.model_dump().items())


def compose(folder: str, serving: ServingConfig) -> dict[str, Any]:
    """A Compose file that serves the folder above it, https://github.com/compose-spec/compose-spec."""
    service: dict[str, Any] = {
        "image": f"tensorflow/serving:{RELEASES[serving.tf_serving]}",
        "command": _flags(folder),
        "ports": [f"{port}:{port}" for port in (_GRPC_PORT, _REST_PORT)],
        "restart": "unless-stopped",
    }
    if base_path(folder) == MOUNT:
        service["volumes"] = [f"..:{MOUNT}:ro"]
    return {"name": object_name(folder), "services": {"tf-serving": service}}


def inference_service(folder: str, serving: ServingConfig) -> dict[str, Any]:
    """A KServe InferenceService.

    KServe appends `args` to those of its own runtime for TensorFlow, which has REST on port 8080. A server reads gs://
    itself; a claim is mounted, and what lies elsewhere is downloaded by KServe when a server starts.
    """
    model: dict[str, Any] = {
        "modelFormat": {"name": "tensorflow"},
        "protocolVersion": "v1",
        "runtimeVersion": RELEASES[serving.tf_serving],
    }
    if base_path(folder) == MOUNT:
        model["storageUri"] = folder if is_remote(folder) else f"pvc://CLAIM/{model_name(folder)}"
    annotations = {
        "serving.kserve.io/enable-prometheus-scraping": "true",
        "prometheus.kserve.io/path": METRICS_PATH,
        "prometheus.kserve.io/port": str(_KSERVE_PORT),
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": object_name(folder), "annotations": annotations},
        "spec": {"predictor": {"model": model | {"args": _flags(folder)}}},
    }


def object_name(folder: str) -> str:
    """The model's name as Kubernetes and Compose take one.

    >>> object_name("/srv/serving/Film_Reviews")
    'film-reviews'
    """
    name = re.sub(r"[^a-z0-9]+", "-", model_name(folder).lower()).strip("-")
    if not name[:1].isalpha():
        name = f"model-{name}"
    return name[:_LONGEST_NAME].rstrip("-")


def _flags(folder: str) -> list[str]:
    files = f"{base_path(folder)}/{FOLDER}"
    return [
        f"--model_config_file={files}/{FILE}",
        f"--model_config_file_poll_wait_seconds={POLL_SECONDS}",
        "--allow_version_labels_for_unavailable_models=true",  # a label and its version may come in one edit
        "--enable_batching=true",
        f"--batching_parameters_file={files}/{BATCHING}",
        f"--monitoring_config_file={files}/{MONITORING}",
    ]


_REWRITTEN = "# Written again by each push: keep a copy of your own elsewhere.\n"
_COMPOSE_HEADER = f"{_REWRITTEN}# docker compose -f docker-compose.yaml up\n"


def _kserve_header(folder: str) -> str:
    to_fill_in = {
        True: "CLAIM is the persistent volume claim that the models are pushed to, what follows it the folder in it.",
        False: "The server needs credentials for the folder: serviceAccountName of spec.predictor.",
    }
    return f"{_REWRITTEN}# To be filled in: {to_fill_in['://' not in folder]}\n# kubectl apply -f kserve.yaml\n"


def _yaml(header: str, content: dict[str, Any]) -> str:
    return header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
