"""Which versions of a model are served, and which of them is in service."""

import tensorflow as tf

from ulmfit_tfx.components import models_config
from ulmfit_tfx.schemas.errors import UserError

SAVED_MODEL = "saved_model.pb"
_MOST = 2**63
"""TensorFlow Serving reads a folder's name as an int64."""


def version_numbers(folder: str) -> list[int]:
    """Numbers below a folder that TensorFlow Serving takes for versions, also where no model lies there.

    Args:
        folder: Of a served model, local or remote. It need not be there.

    Raises:
        UserError: TensorFlow has no file system for it.
    """
    return [int(name) for name in _children(folder) if is_version_number(name)]


def versions(folder: str) -> list[str]:
    """Names of the versions that hold a model, the oldest first.

    Args:
        folder: Of a served model, local or remote. It need not be there.

    Raises:
        UserError: TensorFlow has no file system for it.
    """
    numbered = [name for name in _children(folder) if is_version_number(name)]
    return sorted((name for name in numbered if holds_model(f"{folder}/{name}")), key=int)


def pinned_versions(folder: str) -> list[str]:
    """Those of `versions` that a rollback, or whoever edited models.config, holds in service; none: the newest is.

    Raises:
        UserError: models.config is damaged.
    """
    pins = models_config.pins(folder)
    return [version for version in versions(folder) if int(version) in pins]


def version_in_service(folder: str) -> str:
    """The version that answers a request which names none: the newest that is pinned, else the newest.

    Args:
        folder: Of a served model, local or remote.

    Returns:
        Its name, "" where there is no version.

    Raises:
        UserError: models.config is damaged, or TensorFlow has no file system for the folder.
    """
    candidates = pinned_versions(folder) or versions(folder)
    return candidates[-1] if candidates else ""


def served_version(served: str) -> str:
    """The model, or of a folder of versions the one in service.

    Args:
        served: As `BaselineResolver` takes it.

    Returns:
        Its folder, "" where there is none.

    Raises:
        UserError: The version is not there any more.
    """
    served = served.rstrip("/")
    if not served or holds_model(served):
        return served
    if is_version_number(served.rpartition("/")[2]):
        raise UserError(
            f"{served}: the model in service was there when the run began and is not any more. Run again: the "
            "version that is then in service is compared with."
        )
    version = version_in_service(served)
    return f"{served}/{version}" if version else ""


def is_version_number(name: str) -> bool:
    """Whether a folder of this name is a version.

    >>> [is_version_number(name) for name in ("17", "0017", "tf_serving", "-1", "1.5", "9223372036854775808")]
    [True, True, False, False, False, False]
    """
    return name.isascii() and name.isdecimal() and int(name) < _MOST


def holds_model(folder: str) -> bool:
    """Whether a folder is a SavedModel."""
    return tf.io.gfile.exists(f"{folder}/{SAVED_MODEL}")


def _children(folder: str) -> list[str]:
    try:
        if not tf.io.gfile.exists(folder):  # listdir says that no folder is there also where there is no file system
            return []
        return [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]  # object stores mark folders by a slash
    except tf.errors.NotFoundError:  # a file
        return []
    except tf.errors.UnimplementedError:
        raise UserError(
            f"{folder}: TensorFlow has no file system for '{folder.partition('://')[0]}://'. gs:// is built in, others "
            "such as s3:// come with the package tensorflow-io."
        ) from None
