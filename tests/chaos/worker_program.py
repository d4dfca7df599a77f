"""`python -m tests.chaos.worker_program TASK PHASE...`: one process that does a task and may be killed.

The environment arms a crash point (`STORNO_CRASHPOINT`) or sets a limit to the size of files
(`CHAOS_FILE_BYTES`), which is how a full disk looks to a process.
"""

from __future__ import annotations

import os
import resource
import sys

from core.encoding import dumps, loads
from core.errors import StornoError
from service.problems import exit_code
from tests.chaos.story import Task, tell


def main(written: str, *phases: str) -> int:
    """Do the task, write its end as one line of JSON, return the exit code that `storno` would have."""
    limit = os.environ.get("CHAOS_FILE_BYTES")
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    end: dict[str, str]
    try:
        end, code = {"state": tell(Task.from_json(loads(written)), phases).state.value}, 0
    except StornoError as error:
        end, code = {"error": error.code}, int(exit_code(error))
    sys.stdout.write(dumps(end).decode() + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
