"""The model of a run's folder."""

from pathlib import Path

from ulmfit_tfx.pipeline.console import errors
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model


def find_pushed_model(path: str) -> str:
    """The SavedModel at a path, see `find_model`; of a run's folder the newest that it pushed, which is then shown.

    Args:
        path: A SavedModel, a folder of versions, or a run's folder.

    Raises:
        ConfigError: There is none, or the run pushed models of several names.
    """
    try:
        return find_model(path)
    except ConfigError:
        if is_remote(path) or not _is_run(path):
            raise
    serving = RunFolder(Path(path)).serving
    names = sorted(folder for folder in serving.iterdir() if folder.is_dir()) if serving.is_dir() else []
    if not names:
        raise ConfigError(
            f"{path}: is the folder of a run that has pushed no model here. It was not blessed, or push.directory is "
            "elsewhere: the run says at its end where its model is."
        )
    if len(names) > 1:
        raise ConfigError(f"{path}: holds the models of several runs. Name one: {', '.join(map(str, names))}.")
    model = str(find_model(names[0]))
    errors.print(f"Model: {model}", style="dim", markup=False)
    return model


def _is_run(path: str) -> bool:
    folder = RunFolder(Path(path))
    return folder.serving.is_dir() or folder.metadata.is_file()
