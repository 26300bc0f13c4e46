"""Runs a step's container command as a process of this machine."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

_PLACEHOLDER = re.compile(r"\{\{\$(.*?)\}\}")
_SECONDS_TO_END = 10
_OF_THE_MACHINE = re.compile(
    r"AWS_.*|GOOGLE_APPLICATION_CREDENTIALS|CUDA_VISIBLE_DEVICES|NVIDIA_.*|LD_LIBRARY_PATH|OMP_NUM_THREADS"
    r"|(https?|no|HTTPS?|NO)_(proxy|PROXY)|SSL_CERT_FILE|TMPDIR|TZ"
)
"""Variables that say what the machine, its network and its storage are: an image or a cluster has its own."""


def container_command(
    container: pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec,
    told: pipeline_spec_pb2.ExecutorInput,
) -> list[str]:
    """Command and arguments, placeholders replaced, `python` being the one that runs here."""
    replacements = _replacements(told)
    command = [_replaced(part, replacements) for part in (*container.command, *container.args)]
    return [sys.executable if command[0] in ("python", "python3") else command[0], *command[1:]]


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    """The text with what placeholders stand for; the launcher leaves those alone that stand for nothing."""
    return _PLACEHOLDER.sub(lambda match: replacements.get(match[1], match[0]), text)


def _replacements(told: pipeline_spec_pb2.ExecutorInput) -> dict[str, str]:
    """What each placeholder stands for, by the text between `{{$` and `}}`."""
    found = {"": json_format.MessageToJson(told, indent=None)}
    for side, artifacts in (("inputs", told.inputs.artifacts), ("outputs", told.outputs.artifacts)):
        for key, listed in artifacts.items():
            for field in ("uri", "path"):
                found[f".{side}.artifacts['{key}'].{field}"] = listed.artifacts[0].uri
    for key, value in told.inputs.parameter_values.items():
        found[f".inputs.parameters['{key}']"] = _text(value)
    for key, output in told.outputs.parameters.items():
        found[f".outputs.parameters['{key}'].output_file"] = output.output_file
    return found


def _text(value: struct_pb2.Value) -> str:
    """A parameter as the launcher writes it: numbers without exponent, whole ones without point."""
    if value.HasField("string_value"):
        return value.string_value
    if value.HasField("number_value"):
        number = value.number_value
        return str(int(number)) if number.is_integer() else format(Decimal(repr(number)), "f")
    return json_format.MessageToJson(value, indent=None)


def run_container(command: Sequence[str], variables: Mapping[str, str], log: Path) -> int:
    """Runs a command as if in a container, from an empty folder that is home too, and waits for it.

    If the waiting is interrupted, the command and the processes that it started are ended.

    Args:
        command: Program and arguments.
        variables: Environment variables of the container.
        log: Standard output and standard error are appended to it.

    Returns:
        Its exit code; of one that a signal ended, the signal's number below zero.

    Raises:
        OSError: There is no such program.
    """
    with tempfile.TemporaryDirectory(prefix="replay-", ignore_cleanup_errors=True) as home, open(log, "ab") as output:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=_environment(home, variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _ended(process):
            return process.wait()


def _environment(home: str, variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _OF_THE_MACHINE.fullmatch(name)}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    return {**kept, "HOME": home, "LANG": "C.UTF-8", "PATH": path, "PYTHONUNBUFFERED": "1", **variables}


@contextlib.contextmanager
def _ended(process: subprocess.Popen) -> Iterator[None]:
    """Ends what is left of the process's group: all of it if the wait is interrupted, else what it left behind."""
    try:
        yield
    finally:
        try:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS_TO_END)
        finally:  # whoever interrupts once more waits no longer
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
