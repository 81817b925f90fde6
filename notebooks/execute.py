"""Executes notebooks; a cell that fails ends with exit 1. What they showed is written
to the folder OUT, the notebooks themselves stay as they are.

    execute.py OUT NOTEBOOK…
"""

import pathlib
import re
import sys
import time

import nbclient
import nbformat

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main(out, *paths):
    failed = 0
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    for path in map(pathlib.Path, paths):
        notebook, began = nbformat.read(path, as_version=4), time.monotonic()
        client = nbclient.NotebookClient(
            notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
        )
        try:
            client.execute()
            print(f"{path.name}: done in {time.monotonic() - began:.0f} s", file=sys.stderr)
        except nbclient.exceptions.CellExecutionError as error:
            failed += 1
            print(f"{path.name}: {COLOUR.sub('', str(error))}", file=sys.stderr)
        nbformat.write(notebook, pathlib.Path(out) / path.name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
