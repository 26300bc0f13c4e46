"""`python -m ulmfit_tfx.pipeline`: the command, where its script is not on PATH."""

from ulmfit_tfx.pipeline.cli import main

if __name__ == "__main__":
    main()
