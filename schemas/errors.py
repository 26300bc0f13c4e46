"""Errors that are meant for people, and the exit code that each gives the command."""

import enum
from pathlib import Path


class ExitCode(enum.IntEnum):
    """Exit codes of the `ulmfit-tfx` command."""

    OK = 0
    STAGE_FAILED = 1
    BAD_USAGE = 2
    BAD_DATA = 3
    NOT_BLESSED = 4
    SKEWED = 5
    INTERRUPTED = 130


class UserError(Exception):
    """Something the user can mend. The message says what was got, where, and what is allowed."""

    exit_code = ExitCode.STAGE_FAILED


class ConfigError(UserError):
    """A configuration file, an option or a path on the command line is wrong."""

    exit_code = ExitCode.BAD_USAGE


class DataError(UserError):
    """The input data cannot be used as configured."""

    exit_code = ExitCode.BAD_DATA


class NotBlessedError(UserError):
    """A model does not meet a threshold that the run depends on."""

    exit_code = ExitCode.NOT_BLESSED


class RunFailedError(UserError):
    """A run ended with an exception, which is the cause (`__cause__`).

    Attributes:
        failure: The stage and what is wrong, in a sentence.
        stage: Its name; None where it was no stage that failed.
        log: The log file.
    """

    def __init__(self, failure: str, stage: str | None, log: Path, known: UserError | None = None):
        """Says what failed.

        Args:
            failure: The stage and what is wrong, in a sentence.
            stage: Its name; None where it was no stage that failed.
            log: The log file.
            known: The error meant for people that led to it, whose exit code is taken.
        """
        super().__init__(f"{failure}\nThe full log is in {log}")
        self.failure = failure
        self.stage = stage
        self.log = log
        if known is not None:
            self.exit_code = known.exit_code
