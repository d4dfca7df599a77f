"""Standard output and error that never crash a command: whatever the console's encoding, whoever hangs up."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import Final, TextIO

from service.text import cell_width

REPLACING: Final = "storno.replace"


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Put question marks for what an encoding lacks, as wide as it would have been: columns stay aligned."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "?" * max(cell_width(lost), 1), error.end


def prepare_streams() -> None:
    """Let both streams replace what their encoding lacks (GBK has no emoji, ASCII no Chinese)."""
    codecs.register_error(REPLACING, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=REPLACING)


def speaks_unicode(stream: TextIO) -> bool:
    """Whether every character can be written there."""
    return (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at it."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def hang_up() -> None:
    """Make the interpreter's last flush harmless after the reader of a pipe has gone."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
