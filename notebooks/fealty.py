"""A fealty of a notebook's own, in a folder that is removed afterwards, and the public
data sets. The notebooks ask it as anybody would: verbs of the command line, and REST.
"""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import pandas as pd

HERE = pathlib.Path(__file__).resolve().parent


def data(name):
    """The path of a file of the public data sets."""
    folder = pathlib.Path(os.environ.get("FEALTY_DATA") or HERE.parent.parent / "shared" / "data")
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is not there: set FEALTY_DATA to the folder of the public data sets (README.md names their sources)"
        )
    return path


class Fealty:
    """One configuration, one embedded warehouse. close() removes it, and so does the end of the process."""

    def __init__(self, config):
        """config is the text of a fealty.yaml."""
        self.program = pathlib.Path(os.environ.get("FEALTY_BIN") or HERE.parent / "bin" / "fealty")
        if not self.program.exists():
            raise FileNotFoundError(f"{self.program} is not there: run `make build`, or set FEALTY_BIN")
        self.temporary = tempfile.TemporaryDirectory(prefix="fealty-notebook-")
        self.folder = pathlib.Path(self.temporary.name)
        (self.folder / "fealty.yaml").write_text(config)

    def close(self):
        self.temporary.cleanup()

    def run(self, *verb):
        """Runs a verb and returns what it prints; an error of the verb is an exception."""
        done = subprocess.run(
            [self.program, *map(str, verb), "--quiet"], cwd=self.folder, env=self._surroundings(), capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"fealty {' '.join(map(str, verb))}: exit {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *verb):
        return json.loads(self.run(*verb, "-o", "json"))

    def table(self, *verb):
        """A verb's answer as a data frame; ids stay texts."""
        return pd.read_csv(io.StringIO(self.run(*verb, "-o", "csv")), dtype={"account": str})

    @contextlib.contextmanager
    def serve(self):
        """Serves on a free port of this machine and hands out a function that GETs a path."""
        key = self.run("token", "create", "--name", "notebook").strip()
        log = self.folder / "serve.log"
        with open(log, "w") as out:
            server = subprocess.Popen(
                [self.program, "serve", "--grpc", "", "--http", "127.0.0.1:0"], cwd=self.folder, env=self._surroundings(), stdout=out, stderr=out
            )
        try:
            address = _address(server, log)
            yield lambda path, **query: _get(address, key, path, query)
        finally:
            server.terminate()
            server.wait(timeout=60)

    @staticmethod
    def _surroundings():
        # Nothing of the reader's own configuration; the folder has all that counts.
        return {k: v for k, v in os.environ.items() if not k.startswith("FEALTY_") or k == "FEALTY_CHDB_LIB"}


def _address(server, log):
    """Waits until the server says where it answers."""
    while True:
        ended = server.poll() is not None
        if found := re.search(r"^REST on (http://\S+)$", log.read_text(), re.MULTILINE):
            return found.group(1)
        if ended:
            raise RuntimeError(f"fealty serve has ended:\n{log.read_text()}")
        time.sleep(0.05)


def _get(address, key, path, query):
    url = f"{address}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"GET {url}: {error.code} {error.read().decode()}") from error


def scores(get):
    """Every published score, page by page, as a data frame."""
    rows, token = [], ""
    while True:
        page = get("/v1/scores", page_size=1000, **({"page_token": token} if token else {}))
        rows += page.get("scores", [])
        token = page.get("nextPageToken", "")
        if not token:
            return pd.DataFrame(rows)
