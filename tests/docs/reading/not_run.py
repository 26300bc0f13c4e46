"""The commands of the pages that the tests of the pages do not run, and why. All others are run."""

import dataclasses

from commands import Command, programs

RUN = frozenset({"cat", "echo", "head", "make", "ulmfit-tfx"})
"""Programs that are run where no exception below says otherwise."""


@dataclasses.dataclass(frozen=True)
class NotRun:
    """Commands that are not run.

    Attributes:
        page: Where they stand.
        beginning: Of their text.
        reason: Why not.
        tested_by: The test that runs it another way, if there is one.
        naming: What that test has to say for that.
    """

    page: str
    beginning: str
    reason: str
    tested_by: str = ""
    naming: str = ""

    def is_of(self, command: Command) -> bool:
        return command.page == self.page and command.text.startswith(self.beginning)


def _all(page: str, reason: str, *beginnings: str, tested_by: str = "", naming: str = "") -> list[NotRun]:
    return [NotRun(page, beginning, reason, tested_by, naming) for beginning in beginnings]


_REPLAYED = {"tested_by": "tests/pipeline/kubeflow/test_replayed_pipeline.py", "naming": 'invoke("replay"'}
_SUBMITTED = {"tested_by": "tests/pipeline/kubeflow/test_submission.py", "naming": '["submit"'}
_ASKED = {"tested_by": "tests/serving/test_conformance.py", "naming": "v1/models"}

EXCEPTIONS = [
    *_all("README.md", "the repository's address is left open", "git clone ..."),
    *_all("README.md", "it is what runs this", "make test"),
    *_all("README.md", "a process for each step, minutes in all", "ulmfit-tfx replay", **_REPLAYED),
    *_all("README.md", "needs a cluster", "ulmfit-tfx submit", **_SUBMITTED),
    *_all(
        "CONTRIBUTING.md",
        "the checkout's own upkeep, minutes each",
        "make setup",
        "make test",
        "make coverage",
        "make lint",
    ),
    *_all(
        "docs/beam.md",
        "a server that stays",
        "PATH=$PWD/.venv/bin:$PATH python -m apache_beam",
        tested_by="tests/pipeline/test_beam_workers.py",
        naming="apache_beam.runners.worker.worker_pool_main",
    ),
    *_all("docs/benchmarks.md", "takes minutes to hours, and data that is not ours", "python benchmarks/"),
    *_all(
        "docs/clean.md",
        "needs a folder of several runs, minutes in all",
        "ulmfit-tfx clean",
        tested_by="tests/pipeline/test_clean.py",
        naming='["clean"',
    ),
    *_all(
        "docs/encoders.md",
        "the published weights are not ours to ship",
        "ulmfit-tfx import-encoder ulmfit-en-sp35k-uncased.tar.gz",
        tested_by="tests/components/encoder_importer/test_archive.py",
        naming="tar.gz",
    ),
    *_all("docs/kubeflow.md", "needs a cluster", "export ", "kubectl ", "aws ", "(umask 077; kubectl "),
    *_all("docs/kubeflow.md", "needs a container engine", "make image"),
    *_all("docs/kubeflow.md", "a process for each step, minutes in all", "ulmfit-tfx replay", **_REPLAYED),
    *_all("docs/kubeflow.md", "needs a cluster", "ulmfit-tfx submit", **_SUBMITTED),
    *_all(
        "docs/releasing.md",
        "a release: minutes, a network and tools that are not installed",
        "make ",
        "uv venv ",
        "cd ",
    ),
    *_all("docs/releasing.md", "a tool of the release, not installed", ".venv/bin/twine "),
    *_all("docs/lanes.md", "changes the environment", "python -m pip install "),
    *_all("docs/serving.md", "needs a container engine", "docker compose ", "docker run "),
    *_all("docs/serving.md", "needs a cluster", "kubectl "),
    *_all("docs/serving.md", "needs a server at a fixed port", "curl ", **_ASKED),
    *_all(
        "docs/serving.md",
        "needs a server at a fixed port",
        "python examples/serving/",
        tested_by="tests/serving/test_example_clients.py",
        naming="rest_client.py",
    ),
]


def exception_of(command: Command) -> NotRun | None:
    """Why a command is not run; None where it is.

    Raises:
        ValueError: It is to be run, and starts a program that is not known to be harmless.
    """
    found = [exception for exception in EXCEPTIONS if exception.is_of(command)]
    if len(found) > 1:
        raise ValueError(f"{command.place}: {len(found)} exceptions of not_run.py are of it")
    unknown = set() if found else set(programs(command.text)) - RUN
    if unknown:
        raise ValueError(
            f"{command.place}: {', '.join(sorted(unknown))} is not run by the tests of the pages: {command.text}\n"
            "Say why in EXCEPTIONS of tests/docs/reading/not_run.py, or add the program to RUN there."
        )
    return found[0] if found else None


def is_run(command: Command) -> bool:
    """Whether the tests of the pages run it. One that is not classified is not, and fails a test of its own."""
    return not any(exception.is_of(command) for exception in EXCEPTIONS) and set(programs(command.text)) <= RUN
