"""Sizes that fit the data and this machine, and the minutes that a run with them takes."""

import dataclasses
import math

from ulmfit_tfx.components.sentencepiece_trainer.training import size_for_bytes
from ulmfit_tfx.pipeline.tools.init.survey import Survey
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.trainer_modules.optimization.epochs import OF_THOUSAND_SENTENCES, OF_THOUSAND_TEXTS, usual_epochs
from ulmfit_tfx.trainer_modules.optimization.training_time import TrainingSize, measured_speed, recurrent_weights
from ulmfit_tfx.transforms.splitting import TRAIN

_BYTES_A_PIECE = 4.0
"""Of a vocabulary of 8,000 pieces; smaller ones have shorter pieces."""
_FULL_VOCABULARY = 8000
_LONGEST_RUN = 30 * 60
"""Seconds of training from which on fewer epochs are proposed."""
_STAGES = 90
"""Seconds of the stages beside the training, on few rows: TensorFlow is loaded, the model exported and tried."""
_STAGE_ROWS = 0.012
"""And for each row: it is read, counted, cut into pieces, and scored once or twice."""
_CUT_LENGTHS = (0.5, 0.75, 0.9, 0.95, 1.0)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is trained, and for how long.

    Attributes:
        vocabulary: Pieces that the texts can fill.
        size: Of the training.
        has_fewer_epochs: Whether these are fewer than by default, for the sake of time.
        cut: Share of the texts that are longer than what is trained on.
        longest: Pieces of a text that are trained on.
        training_seconds: An estimate.
        run_seconds: Of the whole run.
    """

    vocabulary: int
    size: TrainingSize
    has_fewer_epochs: bool
    cut: float
    longest: int
    training_seconds: float
    run_seconds: float


def sizes_for(survey: Survey, is_language_model: bool, is_tagging: bool, speed: float | None = None) -> Sizes:
    """Fits sizes to what was found.

    Args:
        survey: Of the rows.
        is_language_model: Texts without labels are learned from.
        is_tagging: Words are tagged, and texts read in windows.
        speed: Operations a second. None: as measured.
    """
    speed = measured_speed() if speed is None else speed
    vocabulary = size_for_bytes(survey.text_bytes)
    bytes_a_piece = _BYTES_A_PIECE * min(1.0, 0.4 + 0.6 * math.log(vocabulary) / math.log(_FULL_VOCABULARY))
    pieces_a_word = survey.text_bytes / max(sum(survey.words), 1) / bytes_a_piece
    defaults: LanguageModelConfig | TrainingConfig = LanguageModelConfig() if is_language_model else TrainingConfig()
    longest = 256 if is_tagging else defaults.max_seq_len
    lengths = [words * pieces_a_word + 2 for words in survey.words]
    is_read_whole = is_language_model or is_tagging
    read = sum(length if is_read_whole else min(length, longest) for length in lengths)
    train_share = survey.rows[TRAIN] / max(survey.total, 1)
    pieces = round(read * train_share)
    encoder = EncoderConfig()
    multiplied = recurrent_weights(encoder) * (2 if is_language_model else 1)
    if is_language_model:
        steps = math.ceil(pieces / (LanguageModelConfig().batch_size * LanguageModelConfig().bptt))
    else:
        steps = math.ceil(survey.rows[TRAIN] / defaults.batch_size)
    parameters = vocabulary * encoder.embedding_size + recurrent_weights(encoder)
    epochs = defaults.epochs or usual_epochs(
        max(survey.rows[TRAIN], 1), OF_THOUSAND_SENTENCES if is_tagging else OF_THOUSAND_TEXTS
    )
    size = TrainingSize(parameters, multiplied, pieces, steps, 1)
    affordable = max(1, int(_LONGEST_RUN / max(size.seconds(speed), 1e-9)))
    size = size._replace(epochs=min(epochs, affordable))
    training = size.seconds(speed)
    cut = sum(length > longest for length in lengths) / max(len(lengths), 1)
    stages = _STAGES + _STAGE_ROWS * survey.total
    return Sizes(
        vocabulary, size, affordable < epochs, 0.0 if is_read_whole else cut, longest, training, training + stages
    )
