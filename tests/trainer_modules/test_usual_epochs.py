"""How long a training is where the configuration does not say."""

import pytest

from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.tasks.tagging import trainer as tagging
from ulmfit_tfx.trainer_modules.optimization import document_training
from ulmfit_tfx.trainer_modules.optimization.task_training import usual_epochs


@pytest.mark.parametrize(
    ("rows", "documents", "taggers"), [(1, 20, 20), (100, 19, 20), (1000, 6, 20), (20_000, 4, 5), (10**6, 4, 4)]
)
def test_fewer_rows_are_read_more_often(rows, documents, taggers):
    assert usual_epochs(rows, document_training._EPOCHS_OF_THOUSAND) == documents
    assert usual_epochs(rows, tagging._EPOCHS_OF_THOUSAND) == taggers


def test_reference_says_what_is_usual():
    described = TrainingConfig.model_fields["epochs"].description
    assert "20 for taggers of 1,000 sentences and 5 of 20,000, 19 for models of 100 whole texts and 6 of 1,000" in (
        described
    )
