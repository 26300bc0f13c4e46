"""The `ulmfit-tfx` command, one module a subcommand.

Nothing here imports TensorFlow or TFX before a subcommand's arguments and configuration have been found right.
"""

import sys

from ulmfit_tfx.pipeline.cli.app import app


def main() -> None:
    """Entry point of the command."""
    sys.exit(app())
