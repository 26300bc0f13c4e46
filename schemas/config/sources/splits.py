"""The sections `data.splits` and `corpus.splits`."""

from pydantic import Field, model_validator

from ulmfit_tfx.schemas.section import Section, Share


class SplitsConfig(Section):
    """Shares of the rows that go to each split. A row's split follows from a hash of its text."""

    train: Share = Field(0.8, description="fitted on")
    eval: Share = Field(0.1, description="early stopping and the gates of the Evaluator")
    test: Share = Field(0.1, description="scored once, at the end")

    @model_validator(mode="after")
    def _sum_to_one(self):
        total = self.train + self.eval + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + eval + test is {total:g}, expected 1")
        return self
