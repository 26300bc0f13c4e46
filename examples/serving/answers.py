"""What the two clients share: texts from the command line and answers for people. Needs nothing but Python."""

import argparse
import contextlib
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

BATCH = 64
"""Texts a request."""
CLASSES_SHOWN = 5


@contextlib.contextmanager
def without_standard_error() -> Iterator[None]:
    """For the import of TensorFlow, which from 2.21 on writes there about CPU and GPU whatever it is told."""
    standard_error, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(nowhere)


def parse_arguments(description: str, server: str) -> argparse.Namespace:
    """Reads the command line.

    Args:
        description: Of the client.
        server: Where TensorFlow Serving is by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--server", default=server, help="where TensorFlow Serving is (default: %(default)s)")
    parser.add_argument("--model", required=True, help="its name in TensorFlow Serving")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds a request may take (default: %(default)g)")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="texts; without any, one a line from standard input")
    return parser.parse_args()


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts, or without any the lines of standard input, some at a time. What is no UTF-8 in them is replaced."""
    given = [os.fsencode(text).decode(errors="replace") for text in texts]
    sys.stdin.reconfigure(errors="replace")
    lines = iter(given or (line.rstrip("\r\n") for line in sys.stdin))
    while batch := list(itertools.islice(lines, BATCH)):
        yield batch


def shown(text: str, outputs: dict[str, Any]) -> str:
    """An answer as lines of text, columns between tabs.

    Args:
        text: That was sent.
        outputs: What `serving_default` gives for it, by name.
    """
    if "probabilities" in outputs:
        ranked = sorted(zip(outputs["probabilities"], outputs["all_classes"], strict=True), reverse=True)
        classes = ", ".join(f"{name} {probability:.3f}" for probability, name in ranked[:CLASSES_SHOWN])
        return f"{outputs['label'] or '-'}\t{classes}\t{text}"
    if "all_targets" in outputs:
        scores = zip(outputs["all_targets"], outputs["scores"], strict=True)
        return "\t".join([*(f"{target} {score:.3f}" for target, score in scores), text])
    if "all_tags" in outputs:  # rows of a batch are padded to the longest
        words = list(zip(outputs["words"], outputs["tags"], outputs["scores"], strict=True))[: outputs["word_counts"]]
        return "".join(f"{word}\t{tag or '-'}\t{score:.3f}\n" for word, tag, score in words)
    return json.dumps(outputs)
