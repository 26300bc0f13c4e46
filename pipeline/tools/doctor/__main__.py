"""`python -m ulmfit_tfx.pipeline.tools.doctor`: the doctor where the command itself does not start.

It needs nothing but Python's standard library.
"""

import argparse
import sys
from collections.abc import Sequence

from ulmfit_tfx.pipeline.tools.doctor.examination import report


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
    return report(options.quick, options.json)


if __name__ == "__main__":
    sys.exit(main())
