"""Notes whose fault each warning is. Imported at the start of every Python of the environment that holds this file.

A line of JSON for each goes to the file that the variable WARNING_ORIGINS names: the package at fault and the message.
It sees what `logging.captureWarnings` does. The file that a message names is found by a count of callers, which
libraries get wrong at times; the stack tells who called what.
"""

import json
import linecache
import logging
import os
import sys
from types import FrameType

MACHINERY = ("logging", "warnings", __name__)


def package_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "?").partition(".")[0]


def at_fault() -> str:
    """The package that did what is warned of: who called the code that warns, or where C code warns, called that."""
    frame: FrameType | None = sys._getframe()
    while frame and package_of(frame) in MACHINERY:
        frame = frame.f_back
    if frame and "warn" in linecache.getline(frame.f_code.co_filename, frame.f_lineno):
        warns = package_of(frame)
        while frame and package_of(frame) == warns:
            frame = frame.f_back
    return package_of(frame) if frame else "?"


def note(record: logging.LogRecord) -> bool:
    line = json.dumps({"at_fault": at_fault(), "message": record.getMessage()})
    with open(os.environ["WARNING_ORIGINS"], "a", encoding="utf-8") as file:
        file.write(line + "\n")
    return True


if "WARNING_ORIGINS" in os.environ:
    logging.getLogger("py.warnings").addFilter(note)
