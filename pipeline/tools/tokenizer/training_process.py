"""Trains a tokenizer in a process of its own.

SentencePiece answers nothing while it trains: neither Ctrl-C nor a display of the time. Where it runs out of memory, it
takes its process with it.

    python -m ulmfit_tfx.pipeline.tools.tokenizer.training_process CONFIG MAX_TEXT_BYTES

CONFIG is a `TokenizerConfig` as JSON. From standard input come lists of texts, pickled, and an empty one at the end; to
standard output goes the model, or what is wrong with the texts, and the exit code says which.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError, ExitCode, UserError

_TEXTS_AT_A_TIME = 1000


def train_apart(texts: Sequence[bytes], config: TokenizerConfig, max_text_bytes: int) -> bytes:
    """Trains as `train` does. The process ends with this function, however that ends.

    Raises:
        DataError: As `train`.
        UserError: The process died.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, config.model_dump_json(), str(max_text_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # SentencePiece's log
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd="/",  # the folder that it runs in is on Python's path
        start_new_session=True,  # a terminal's Ctrl-C is for us, and we end the process
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            _send(texts, process.stdin)
            answer = process.stdout.read()
        except BaseException:
            process.kill()
            raise
    if process.returncode == ExitCode.BAD_DATA:
        raise DataError(answer.decode())
    if process.returncode != ExitCode.OK:
        raise UserError(_died(process.returncode))
    return answer


def _send(texts: Sequence[bytes], stream: IO[bytes]) -> None:
    try:
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            pickle.dump(texts[start : start + _TEXTS_AT_A_TIME], stream)
        pickle.dump([], stream)
        stream.close()
    except BrokenPipeError:
        pass  # the process died, and its exit code says how


def _died(code: int) -> str:
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return (
        f"SentencePiece {how} while training, as happens where memory runs out. Set a lower --sample-bytes: training "
        "takes many times as much memory, and most of all for a language without spaces between words."
    )


def _main(config: str, max_text_bytes: str) -> ExitCode:
    """What the process does."""
    from ulmfit_tfx.components.sentencepiece_trainer.training import train

    try:
        answer = train(_received(), TokenizerConfig.model_validate_json(config), int(max_text_bytes))
    except DataError as error:
        sys.stdout.buffer.write(str(error).encode())
        return ExitCode.BAD_DATA
    sys.stdout.buffer.write(answer)
    return ExitCode.OK


def _received() -> Iterator[bytes]:
    while batch := pickle.load(sys.stdin.buffer):
        yield from batch


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
