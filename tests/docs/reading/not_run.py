"""The commands of the pages that the tests of the pages do not run, and why. All others are run."""

from typing import NamedTuple

from commands import Command, simple_commands

RUN = frozenset({"cat", "echo", "head", "make", "ulmfit-tfx"})
"""Programs that are run where no entry below says otherwise."""


class Reason(NamedTuple):
    """Why a command is not run.

    Attributes:
        why: In words.
        tested_by: The test that runs it another way, if there is one.
        naming: What that test has to say for that.
    """

    why: str
    tested_by: str = ""
    naming: str = ""


_UPKEEP = Reason("the checkout's own upkeep, minutes each")
_CLUSTER = Reason("needs a cluster")
_ENGINE = Reason("needs a container engine")
_RELEASE = Reason("a release: minutes, a network and tools that are not installed")
_REPLAYED = Reason(
    "a process for each step, minutes in all", "tests/pipeline/kubeflow/test_replayed_pipeline.py", 'invoke("replay"'
)
_SUBMITTED = Reason("needs a cluster", "tests/pipeline/kubeflow/test_submission.py", '["submit"')
_ASKED = Reason("needs a server at a fixed port", "tests/serving/test_conformance.py", "v1/models")

NOT_RUN: dict[str, dict[str, Reason]] = {
    "README.md": {
        "git clone ...": Reason("the repository's address is left open"),
        "make test": Reason("it is what runs this"),
        "ulmfit-tfx replay": _REPLAYED,
        "ulmfit-tfx submit": _SUBMITTED,
    },
    "CONTRIBUTING.md": {"make ": _UPKEEP},
    "docs/beam.md": {
        "PATH=$PWD/.venv/bin:$PATH python -m apache_beam": Reason(
            "a server that stays", "tests/pipeline/test_beam_workers.py", "apache_beam.runners.worker.worker_pool_main"
        )
    },
    "docs/benchmarks.md": {"python benchmarks/": Reason("takes minutes to hours, and data that is not ours")},
    "docs/clean.md": {
        "ulmfit-tfx clean": Reason(
            "needs a folder of several runs, minutes in all", "tests/pipeline/tools/test_clean.py", '["clean"'
        )
    },
    "docs/encoders.md": {
        "ulmfit-tfx import-encoder ulmfit-en-sp35k-uncased.tar.gz": Reason(
            "the published weights are not ours to ship",
            "tests/components/encoder_importer/test_archive.py",
            "tar.gz",
        )
    },
    "docs/kubeflow.md": {
        **dict.fromkeys(["export ", "kubectl ", "aws ", "(umask 077; kubectl "], _CLUSTER),
        "make image": _ENGINE,
        "ulmfit-tfx replay": _REPLAYED,
        "ulmfit-tfx submit": _SUBMITTED,
    },
    "docs/releasing.md": dict.fromkeys(["make ", "uv venv ", "cd ", ".venv/bin/twine "], _RELEASE),
    "docs/lanes.md": {"python -m pip install ": Reason("changes the environment")},
    "docs/serving.md": {
        **dict.fromkeys(["docker compose ", "docker run "], _ENGINE),
        "kubectl ": _CLUSTER,
        "curl ": _ASKED,
        "python examples/serving/": Reason(
            "needs a server at a fixed port", "tests/serving/test_example_clients.py", "rest_client.py"
        ),
    },
}
"""By page and beginning of the command."""


def reason_not_to_run(command: Command) -> Reason | None:
    """Why a command is not run; None where it is.

    One without an entry that starts a program which is not known to be harmless is not run, for no reason: "".
    """
    for beginning, reason in NOT_RUN.get(command.page, {}).items():
        if command.text.startswith(beginning):
            return reason
    return None if {words[0] for words in simple_commands(command.text)} <= RUN else Reason("")
