"""Runs one command and notes what it took: ``python -I -S launch.py REPORT COMMAND...``.

A process of its own, because a child counts the memory of the process that started it as its own
peak. This one imports nothing that it can do without.
"""

import os
import sys
import time


def main(report: str, *command: str) -> int:
    """Run the command to its end, write the numbers, return its exit status."""
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    with open(report, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would cost memory
        numbers = (code, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
        file.write(" ".join(map(str, numbers)))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
