"""What the command does when a package that it imports is missing or does not load."""

import sys
import traceback
from collections.abc import Sequence

import ulmfit_tfx
from ulmfit_tfx.pipeline.tools.doctor.__main__ import main as examine_plainly
from ulmfit_tfx.pipeline.tools.doctor.finding import Verdict, problems_as_text
from ulmfit_tfx.pipeline.tools.doctor.installation import this_installation
from ulmfit_tfx.pipeline.tools.doctor.packages import requirement_findings
from ulmfit_tfx.schemas.errors import ExitCode


def instead_of(error: Exception, arguments: Sequence[str]) -> int:
    """Runs the doctor without the packages that the command needs, if that is asked for; else explains the error.

    Args:
        error: What came of importing or running the command.
        arguments: Those of the command.

    Returns:
        The exit code.
    """
    if of_the_installation(error) or arguments[:1] == ["doctor"]:
        print(f"ulmfit-tfx: {error}{_place(error)}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    if arguments[:1] == ["doctor"]:
        return examine_plainly(arguments[1:])
    findings = [one for one in requirement_findings(this_installation()) if one.verdict is Verdict.BROKEN]
    if findings:
        print(f"\n{problems_as_text(findings)}", file=sys.stderr)
    if findings or of_the_installation(error):
        print("\nTo look at the whole installation: ulmfit-tfx doctor", file=sys.stderr)
    return ExitCode.STAGE_FAILED


def of_the_installation(error: Exception) -> bool:
    """Whether another package than this one is missing, is too old or new, or does not load."""
    if isinstance(error, ImportError):
        return (error.name or "").partition(".")[0] != ulmfit_tfx.__name__
    wrong_partner = isinstance(error, SystemError) and "pydantic" in str(error)  # pydantic-core of another version
    return wrong_partner or "undefined symbol" in str(error)


def _place(error: Exception) -> str:
    """The last line of this package that led to the error."""
    own = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").startswith(ulmfit_tfx.__name__)
    ]
    return f" (in {own[-1]})" if own else ""
