"""`ulmfit-tfx doctor`: looks at the installation and says what mends it."""

from typing import Annotated

import typer

from ulmfit_tfx.pipeline.tools.doctor.examination import report
from ulmfit_tfx.schemas.errors import ExitCode

NAME = "doctor"
EXAMPLE = "Example: `ulmfit-tfx doctor`"


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the same for machines.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Import neither TensorFlow nor TFX: 2 seconds in place of 30.")
    ] = False,
) -> ExitCode:
    """Look at the installation: what is there, what is amiss, and the command that mends it.

    Exit code 1 if something is broken; warnings and notes on what is optional are no failure.
    """
    return report(quick, as_json)
