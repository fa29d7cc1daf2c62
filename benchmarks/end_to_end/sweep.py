# SPDX-License-Identifier: Apache-2.0
"""The two commands of every sweep beside this file."""
import pathlib
import sys


def main(usage, measure, draw):
    """measure PROGRAM FOLDER, or draw FOLDER DOCS; anything else prints `usage`."""
    if len(sys.argv) != 4 or sys.argv[1] not in ("measure", "draw"):
        sys.exit(usage)
    if sys.argv[1] == "measure":
        measure(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        draw(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
