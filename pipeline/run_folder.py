"""Where a pipeline keeps its things on disk."""

import dataclasses
from datetime import datetime
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Layout below the root of a pipeline's runs.

    root/
        artifacts/         what each stage wrote, by stage and execution
        metadata.sqlite    ML Metadata: executions, artifacts, the cache
        checkpoints/       of trainings, found again by a rerun
        serving/NAME/      blessed models, one folder a version
        predictions/       of bulk inferences
        logs/              one file a run
        .lock              held by runs, and by a cleaning, see `run_lock`
    """

    root: Path

    @property
    def artifacts(self) -> Path:
        """TFX's pipeline root."""
        return self.root / "artifacts"

    @property
    def metadata(self) -> Path:
        """ML Metadata's database."""
        return self.root / "metadata.sqlite"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of all trainings."""
        return self.root / "checkpoints"

    @property
    def serving(self) -> Path:
        """Blessed models."""
        return self.root / "serving"

    @property
    def predictions(self) -> Path:
        """Predictions of bulk inferences."""
        return self.root / "predictions"

    @property
    def logs(self) -> Path:
        """What runs wrote to their logs."""
        return self.root / "logs"

    def new_log(self) -> Path:
        """A log file for a run that begins now."""
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / f"{datetime.now():%Y%m%d-%H%M%S-%f}.log"
