"""`python -m ulmfit_tfx.pipeline.tools.doctor`: the report in plain text, where the command itself does not start.

It needs nothing but Python's standard library.
"""

import argparse
import sys
from collections.abc import Sequence

from ulmfit_tfx.pipeline.tools.doctor.examination import as_json, examine, exit_code
from ulmfit_tfx.pipeline.tools.doctor.plain import as_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the report.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        "ulmfit-tfx doctor", description="Look at the installation, and say what mends it."
    )
    parser.add_argument("--json", action="store_true", help="the same for machines")
    parser.add_argument("--quick", action="store_true", help="import neither TensorFlow nor TFX")
    options = parser.parse_args(arguments)
    findings = examine(options.quick)
    print(as_json(findings) if options.json else as_text(findings))
    return exit_code(findings)


if __name__ == "__main__":
    sys.exit(main())
