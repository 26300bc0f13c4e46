"""How much a teacher counts beside labels: what a training reads of the section `distillation`.

Hinton, Vinyals and Dean 2015, Distilling the knowledge in a neural network, https://arxiv.org/abs/1503.02531.
"""

from pydantic import Field

from ulmfit_tfx.schemas.section import Section, Share

DISTILLATION = "distillation"
"""Name of the section."""


class TeacherShares(Section):
    """What teacher and labels count in the loss."""

    temperature: float = Field(
        1.0,
        ge=0.1,
        le=100,
        description="of the softmax of teacher and student in the network's loss, which is multiplied by its square. "
        "Linear branches learn at 1",
    )
    gold_share: Share = Field(
        0.5,
        description="what its own label counts of a train row of `data` that has a teacher; the teacher has the rest",
    )
    gold_rows: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="rows of `data` are repeated until they are about this share of the train rows. 0: each is there "
        "once",
    )
