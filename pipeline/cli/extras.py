"""Parts of the package that are installed on demand."""

import importlib.util

from ulmfit_tfx.schemas.errors import ConfigError


def require_kfp() -> None:
    """Demands the extra `kfp`.

    Raises:
        ConfigError: It is not installed.
    """
    if importlib.util.find_spec("kfp") is None:
        raise ConfigError("Kubeflow Pipelines' package is not installed: pip install 'ulmfit-tfx[kfp]'.")
