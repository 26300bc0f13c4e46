"""models.config: what tells TensorFlow Serving where a model's versions are and which of them it serves.

The message is https://github.com/tensorflow/serving/blob/master/tensorflow_serving/config/model_server_config.proto.
The server reads the file again every `POLL_SECONDS`, so that a changed version policy needs no restart.
"""

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from ulmfit_tfx.schemas.errors import UserError

FOLDER = "tf_serving"
"""Below the folder of a served model; TensorFlow Serving passes over names there that are no numbers."""
FILE = "models.config"
POLL_SECONDS = 30
MOUNT = "/mnt/models"
"""Where a server finds the folder of a served model. KServe mounts it there."""


def model_name(folder: str) -> str:
    """What requests call the model: the last part of its folder.

    >>> model_name("gs://bucket/serving/reviews/")
    'reviews'
    """
    return folder.rstrip("/").rpartition("/")[2]


def base_path(folder: str) -> str:
    """The folder as a server sees it. It reads gs:// itself; all else is mounted, or brought, to where it runs.

    >>> base_path("gs://bucket/serving/reviews"), base_path("/srv/serving/reviews")
    ('gs://bucket/serving/reviews', '/mnt/models')
    """
    return folder if folder.startswith("gs://") else MOUNT


def pins(folder: str) -> list[int]:
    """Versions that the file holds in service.

    Args:
        folder: Of a served model, local or remote.

    Returns:
        Their numbers; none where the newest is in service, or where there is no file.

    Raises:
        UserError: The file is damaged.
    """
    return list(_entry(_read(folder), folder).model_version_policy.specific.versions)


def serve_newest(folder: str) -> None:
    """Puts the newest version in service, from now on. Labels go with the pins, for what they name is not loaded.

    Raises:
        UserError: The file is damaged.
    """
    config = _read(folder)
    entry = _entry(config, folder)
    if entry.model_version_policy.HasField("specific"):
        entry.ClearField("version_labels")
        entry.model_version_policy.Clear()
    if entry.model_version_policy.WhichOneof("policy_choice") is None:
        entry.model_version_policy.latest.num_versions = 1
    _write(folder, config)


def serve_only(folder: str, version: int) -> None:
    """Holds one version in service, whatever comes after it.

    Raises:
        UserError: The file is damaged.
    """
    config = _read(folder)
    entry = _entry(config, folder)
    entry.ClearField("version_labels")
    entry.model_version_policy.Clear()
    entry.model_version_policy.specific.versions.append(version)
    _write(folder, config)


def path(folder: str) -> str:
    """The file of a served model."""
    return f"{folder}/{FOLDER}/{FILE}"


def replace_file(name: str, content: str) -> None:
    """Writes a file that a server may read at any moment: it finds the old content or the new."""
    unfinished = f"{name}.unfinished"
    tf.io.gfile.makedirs(name.rpartition("/")[0])
    with tf.io.gfile.GFile(unfinished, "w") as file:
        file.write(content)
    tf.io.gfile.rename(unfinished, name, overwrite=True)


def _entry(config: ModelServerConfig, folder: str) -> ModelConfig:
    """The model's own entry, added where there is none: a file may have been edited to serve others beside it."""
    name, base = model_name(folder), base_path(folder)
    models = config.model_config_list.config
    for entry in models:
        if entry.name == name or entry.base_path == base:
            return entry
    return models.add(name=name, base_path=base, model_platform="tensorflow")


def _read(folder: str) -> ModelServerConfig:
    file_name = path(folder)
    if not tf.io.gfile.exists(file_name):
        return ModelServerConfig()
    with tf.io.gfile.GFile(file_name) as file:
        content = file.read()
    try:
        return text_format.Parse(content, ModelServerConfig())
    except text_format.ParseError as error:
        reason = str(error).rstrip(".")
        raise UserError(
            f"{file_name}:{reason}. Expected a ModelServerConfig in text form. Was it edited? Without the file, the "
            "newest version is in service, and the next push writes it anew."
        ) from None


def _write(folder: str, config: ModelServerConfig) -> None:
    header = "# A push keeps what is added here, but for its model's version policy. `ulmfit-tfx rollback` sets that.\n"
    replace_file(path(folder), header + text_format.MessageToString(config))
