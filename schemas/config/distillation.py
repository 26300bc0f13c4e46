"""The section `distillation`: a teacher's knowledge of texts, in the place of many labels."""

from pydantic import Field

from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.config.teacher_shares import TeacherShares


class DistillationConfig(TeacherShares):
    """What a teacher says of texts, and how much it counts."""

    data: TaughtTextsConfig = Field(
        description="the transfer set: texts with the teacher's probabilities. All are for training: a text of the "
        "eval or test split is dropped, one of the train split tells that row's teacher"
    )
