"""Notes whose fault each warning is. Imported at the start of every Python of the environment that holds this file.

A line of JSON for each goes to the file that the variable WARNING_ORIGINS names: the package whose code warned, the
package that had called it, and the message. It sees what `logging.captureWarnings` does.
"""

import json
import logging
import os
import sys
from types import FrameType

MACHINERY = ("logging", "warnings", __name__)


def package_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "?").partition(".")[0]


def origins() -> tuple[str, str]:
    """The package whose code warns now, and the next one among its callers."""
    frame: FrameType | None = sys._getframe()
    while frame and package_of(frame) in MACHINERY:
        frame = frame.f_back
    warns = package_of(frame) if frame else "?"
    while frame and package_of(frame) == warns:
        frame = frame.f_back
    return warns, package_of(frame) if frame else "?"


def note(record: logging.LogRecord) -> bool:
    warns, called_by = origins()
    line = json.dumps({"warns": warns, "called_by": called_by, "message": record.getMessage()})
    with open(os.environ["WARNING_ORIGINS"], "a", encoding="utf-8") as file:
        file.write(line + "\n")
    return True


if "WARNING_ORIGINS" in os.environ:
    logging.getLogger("py.warnings").addFilter(note)
