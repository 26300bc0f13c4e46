"""ULMFiT and MultiFiT text models as TFX pipelines.

    import ulmfit_tfx as ut

    config = ut.load_config("examples/reviews.yaml", ["training.epochs=2"])
    run = ut.run(config, root="runs/reviews")
    frame = ut.load_model(run.model_dir).predict(["A quiet film that stays with you."])

This import is quick: a name is looked up when it is first used (PEP 562), and TensorFlow is loaded by what needs it.
docs/python.md goes through the names.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ulmfit_tfx import layers as layers
    from ulmfit_tfx.library import import_encoder as import_encoder
    from ulmfit_tfx.library import load_encoder as load_encoder
    from ulmfit_tfx.library import load_model as load_model
    from ulmfit_tfx.pipeline.config_reading import load_config as load_config
    from ulmfit_tfx.pipeline.run_result import Run as Run
    from ulmfit_tfx.pipeline.running import run as run
    from ulmfit_tfx.schemas.config.pipeline import PipelineConfig as PipelineConfig
    from ulmfit_tfx.schemas.errors import ConfigError as ConfigError
    from ulmfit_tfx.schemas.errors import DataError as DataError
    from ulmfit_tfx.schemas.errors import RunFailedError as RunFailedError
    from ulmfit_tfx.schemas.errors import UserError as UserError
    from ulmfit_tfx.tasks.classification.predictor import Classifier as Classifier
    from ulmfit_tfx.tasks.language_model.predictor import LanguageModel as LanguageModel
    from ulmfit_tfx.tasks.regression.predictor import Regressor as Regressor
    from ulmfit_tfx.tasks.tagging.predictor import Tagger as Tagger

_MODULES = {
    "layers": "layers",
    "import_encoder": "library",
    "load_encoder": "library",
    "load_model": "library",
    "Run": "pipeline.run_result",
    "run": "pipeline.running",
    "PipelineConfig": "schemas.config.pipeline",
    "load_config": "pipeline.config_reading",
    "ConfigError": "schemas.errors",
    "DataError": "schemas.errors",
    "RunFailedError": "schemas.errors",
    "UserError": "schemas.errors",
    "Classifier": "tasks.classification.predictor",
    "LanguageModel": "tasks.language_model.predictor",
    "Regressor": "tasks.regression.predictor",
    "Tagger": "tasks.tagging.predictor",
}
"""Where the public names are, below this package."""

__all__ = [
    "Classifier",
    "ConfigError",
    "DataError",
    "LanguageModel",
    "PipelineConfig",
    "Regressor",
    "Run",
    "RunFailedError",
    "Tagger",
    "UserError",
    "__version__",
    "import_encoder",
    "layers",
    "load_config",
    "load_encoder",
    "load_model",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    value = module if name == _MODULES[name] else getattr(module, name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
