"""Reads configurations, for the commands and for Python users, and sees to it that their pipelines can be built.

The latter only where a configuration adds components, for it imports TFX: which stages there are, and what they put
out, is what the graph says.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from ulmfit_tfx.pipeline.run_log import silence_tensorflow
from ulmfit_tfx.schemas.config import config_file
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ConfigError


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> PipelineConfig:
    """Reads, overrides and validates a configuration, code of your own that it names included.

        config = ut.load_config("examples/reviews.yaml", ["training.epochs=2"])

    Args:
        path: YAML file. Relative paths in it are taken from its folder, and modules that it names are looked for there
            and where Python finds modules.
        overrides: `key=value` each, the key dotted (`training.epochs=1`), the value YAML.

    Returns:
        The validated configuration, its local paths absolute.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
    """
    silence_tensorflow()  # which code of the user's may import
    config = config_file.load_config(path, overrides)
    _check_components(config, Path(path).name)
    return config


def load_any_config(path: str | Path, overrides: Sequence[str] = ()) -> PipelineConfig | BulkInferenceConfig:
    """Reads the configuration of a pipeline, or that of a bulk inference, which has a `model`.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
    """
    silence_tensorflow()
    config = config_file.load_any_config(path, overrides)
    if isinstance(config, PipelineConfig):
        _check_components(config, Path(path).name)
    return config


def _check_components(config: PipelineConfig, file: str) -> None:
    """Demands that the stages, outputs and arguments that added components name are there."""
    if not config.components:
        return
    from ulmfit_tfx.pipeline.graph import build_pipeline

    try:
        build_pipeline(config, _Nowhere())
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


@dataclasses.dataclass(frozen=True)
class _Nowhere:
    """Surroundings of a pipeline that is not run: nothing is looked up."""

    pipeline_name: str = "checked"
    pipeline_root: str = "nowhere"
    metadata: None = None
    checkpoints: str = ""
    push_directory: str = ""

    def path(self, section: str, path: str) -> str:
        """The path."""
        return path

    def fingerprint(self, section: str, of_files: Callable[[], str]) -> str:
        """None."""
        return ""

    def baseline(self, digest: Callable[[], str]) -> str:
        """None."""
        return ""

    def overrides(self, section: str) -> None:
        """None."""
        return
