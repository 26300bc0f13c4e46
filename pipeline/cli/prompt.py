"""Asks for lines at a prompt with editing and a history that outlives the session."""

import os
from collections.abc import Iterator
from pathlib import Path

from ulmfit_tfx.pipeline.console import errors


def history_file() -> Path:
    """Where typed lines are kept: `ulmfit-tfx/history` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "ulmfit-tfx" / "history"


def prompted_lines(history: Path) -> Iterator[str]:
    """Lines that somebody types, until Ctrl-D. Ctrl-C clears the line; blank lines are none.

    Args:
        history: File with the lines of earlier sessions, which the arrow keys bring back. It is made readable for its
            owner alone; where it cannot be written, lines are kept for the session.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory, History, InMemoryHistory

    kept: History = FileHistory(str(history)) if _is_private_file(history) else InMemoryHistory()
    session: PromptSession[str] = PromptSession(history=kept)
    while True:
        try:
            line = session.prompt("> ").strip()
        except KeyboardInterrupt:
            continue
        except UnicodeEncodeError:
            errors.print("The line is not UTF-8.", style="red")
            continue
        except EOFError:
            return
        if line:
            yield line


def _is_private_file(path: Path) -> bool:
    """Makes the file if it is not there; whether it can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        return False
    return True
