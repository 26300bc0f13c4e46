"""Names of the tasks that data can be told to be for. A task that is added is reached with `--task`."""

from ulmfit_tfx import tasks

CLASSIFICATION = tasks.CLASSIFICATION.name
REGRESSION = tasks.REGRESSION.name
TAGGING = tasks.TAGGING.name
LANGUAGE_MODEL = tasks.LANGUAGE_MODEL.name
