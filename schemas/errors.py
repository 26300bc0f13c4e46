"""Errors that are meant for people, and the exit code that each gives the command."""

import enum


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
