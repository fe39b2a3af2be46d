import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

REAL_DATA = os.environ.get("STRIATE_DATA")


@pytest.fixture
def real_data() -> Path:
    if not REAL_DATA:
        pytest.skip("STRIATE_DATA does not name a folder with the real data")
    return Path(REAL_DATA)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, and no other place to find data in."""
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


class Mirror:
    """A folder and the address at which it is served."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Iterator[Mirror]:
    """Downloads are real, over HTTP, from this machine to itself."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "mirror"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Mirror(folder, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()
