"""Reads configurations, for the commands and for Python users, and sees to it that their pipelines can be built.

The latter only where a configuration adds components, for it imports TFX: which stages there are, and what they put
out, is what the graph says.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ulmfit_tfx.components.corpus_ingest.recognition import format_of
from ulmfit_tfx.pipeline.run_log import silence_tensorflow
from ulmfit_tfx.schemas.config import config_file
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.pipeline import TRANSFER, PipelineConfig, pipelines_by_task
from ulmfit_tfx.schemas.config.sources.by_format import FORMAT, formats_of
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.schemas.section import Section, sections_of

AUTO = "auto"
"""The format follows from the files."""


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
        DataError: A source's format is left out, and its files are in none that is known.
    """
    silence_tensorflow()  # which code of the user's may import
    config = config_file.load_config(path, overrides, with_formats)
    _check_components(config, Path(path).name)
    return config


def load_any_config(path: str | Path, overrides: Sequence[str] = ()) -> PipelineConfig | BulkInferenceConfig:
    """Reads the configuration of a pipeline, or that of a bulk inference, which has a `model`.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
    """
    silence_tensorflow()
    config = config_file.load_any_config(path, overrides, with_formats)
    if isinstance(config, PipelineConfig):
        _check_components(config, Path(path).name)
    return config


def load_bulk_inference_config(path: str | Path, overrides: Sequence[str] = ()) -> BulkInferenceConfig:
    """Reads, overrides and validates the configuration of a bulk inference.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
        DataError: Its format is left out, and its files are in none that is known.
    """
    return config_file.load_bulk_inference_config(path, overrides, with_formats)


def with_formats(values: dict[str, Any], file: Path) -> None:
    """Sets the format of each source that has none, or `auto`, by what its files are.

    Args:
        values: Of the configuration file.
        file: Where it lies.

    Raises:
        ConfigError: A format is set that the task does not read, and the files are in one that it reads.
        DataError: The files are not there, or in no format that the task reads.
    """
    kind = _kind_of(values)
    for section in ("data", "corpus", TRANSFER):
        source, kinds = _source(values, kind, section)
        if not kinds or not isinstance(source, dict) or not isinstance(source.get("path"), str):
            continue
        formats = formats_of(kinds)
        given = source.get(FORMAT, AUTO)
        path = config_file.absolute(source["path"], file.resolve().parent)
        encoding = str(source.get("encoding", "utf-8"))
        if given in (AUTO, None):
            source[FORMAT] = format_of(path, formats, encoding)
        elif given == "text" and given not in formats:
            with contextlib.suppress(DataError, LookupError):
                found = format_of(path, formats, encoding)
                raise ConfigError(
                    f"{file.name}: {section}.format is {given}, and {source['path']} is in the format {found}. Set "
                    f"{section}.format to {found}, or leave it out."
                )


def _source(values: Mapping[str, Any], kind: type[Section] | None, section: str) -> tuple[Any, list[type[Section]]]:
    """A section's values by its dotted name, and the kinds of sections that it may be; none where it is unknown."""
    found: Any = values
    kinds = [] if kind is None else [kind]
    for name in section.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
        kinds = [
            below for of in kinds if name in of.model_fields for below in sections_of(of.model_fields[name].annotation)
        ]
    return found, kinds


def _kind_of(values: Mapping[str, Any]) -> type[Section] | None:
    """The class of a configuration, None where it names no task that there is."""
    if "model" in values:
        return BulkInferenceConfig
    kinds = pipelines_by_task()
    return kinds.get(str(values.get("task", next(iter(kinds)))))


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
