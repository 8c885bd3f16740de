"""A browser, and the studio as a process of its own, for the page's tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from studio.store.library import Library

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PATIENCE_MS = 60_000  # a test machine may be busy; nothing waits longer than it must


@dataclass(frozen=True)
class Studio:
    """A running studio: its process, its address and its library."""

    process: subprocess.Popen[str]
    address: str
    library: Library

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def hear(self, wanted: str) -> str:
        """The next line of output that begins so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(wanted):
                return line.strip()
        raise AssertionError(f"The studio ended without saying “{wanted}”.")

    def hold(self, phase: str) -> None:
        self.tell(f"hold {phase}")
        self.hear("holding")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        except Error as error:
            told = f"No browser could be started: {error.message.splitlines()[0]}"
            if os.environ.get("CI") == "true":
                pytest.fail(told)
            pytest.skip(told + " (install Chromium to run the page's tests)")
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own context, which fails its test on console errors and on requests to other hosts."""
    with watched(browser) as opened:
        yield opened


class watched:  # noqa: N801 - used as a context manager, like a function
    """A page in a fresh context; on leaving it must have logged no error and asked no other host."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.foreign: list[str] = []

    def __enter__(self) -> Page:
        opened = self.context.new_page()
        opened.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: self.errors.append(str(error)))
        opened.on("request", lambda request: self.foreign.append(request.url) if _leaves(request.url) else None)
        return opened

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert not self.errors
            assert not self.foreign


def _leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


def start(script: Path, folder: Path, *more: str) -> Studio:
    """Start a studio on a free port and wait until it serves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(script), "--library", str(folder), "--port", str(port), *more],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("R3 Studio is at"):
            return Studio(process, line.split()[4].rstrip("/"), Library(folder, create=False))
    raise AssertionError(f"The studio ended with status {process.wait()} before it served.")


def stop(studio: Studio) -> int:
    """End a studio as a service manager would; its exit status."""
    studio.library.close()
    studio.process.terminate()
    studio.process.communicate(timeout=60)
    return studio.process.returncode


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    started = start(ROOT / "tests/ui/launch.py", tmp_path_factory.mktemp("library"))
    yield started
    assert stop(started) == 0
