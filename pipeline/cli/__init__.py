"""The `ulmfit-tfx` command, one module a subcommand.

Nothing here imports TensorFlow or TFX before a subcommand's arguments and configuration have been found right.
"""

import sys


def main() -> None:
    """Entry point of the command. Where a package is missing it says which one, and what mends that."""
    try:
        from ulmfit_tfx.pipeline.cli.app import app

        code = app()
    except Exception as error:
        from ulmfit_tfx.pipeline.tools.doctor.emergency import instead_of

        code = instead_of(error, sys.argv[1:])
    sys.exit(code)
