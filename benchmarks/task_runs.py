"""Runs of the command `ulmfit-tfx run` in benchmarks, and what they find out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from contest import CONSOLE

from ulmfit_tfx.components.reports.held_out import REPORT_FILE, HeldOutReport

_NOT_BLESSED = 4


def run(config: dict[str, Any], folder: Path) -> None:
    """Runs the command on a configuration.

    Raises:
        SystemExit: It fails. A model that is not blessed, for want of thresholds, is no failure.
    """
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    command = [sys.executable, "-m", "ulmfit_tfx.pipeline", "run", str(path), "--root", str(folder / "root")]
    CONSOLE.print(f"{config['name']}: {' '.join(command[1:])}", style="dim", markup=False)
    if subprocess.run(command, stdout=sys.stderr).returncode not in (0, _NOT_BLESSED):
        raise SystemExit(f"{config['name']}: the run failed.")


def held_out(folder: Path) -> HeldOutReport:
    """What the newest run found on its test split."""
    return HeldOutReport.from_json(newest(folder, f"HeldOutScorer/report/*/{REPORT_FILE}").read_text())


def newest(folder: Path, pattern: str) -> Path:
    """The newest artifact of a run's folder that a pattern finds."""
    found = list((folder / "root" / "artifacts").glob(pattern))
    return max(found, key=lambda path: path.stat().st_mtime)
