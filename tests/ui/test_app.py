"""The command: what it refuses, and that it says why."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import app
from studio.errors import BadInput
from tests.ui.conftest import ROOT


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_an_open_host_demands_a_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("R3_PASSWORD", raising=False)
    ended = started("--host", "0.0.0.0")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "--password or R3_PASSWORD" in ended.stderr
    assert app.arguments(["--host", "0.0.0.0", "--password", "secret"]).password == "secret"
    monkeypatch.setenv("R3_PASSWORD", "other")
    assert app.arguments(["--host", "0.0.0.0"]).password == "other"


def test_a_library_that_cannot_be_opened_is_one_clear_line(tmp_path: Path):
    (tmp_path / "library.sqlite3").write_text("not a database, but long enough to look like a damaged one" * 20)
    ended = started("--library", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.strip().count("\n") == 0
    assert str(tmp_path) in ended.stderr


def test_a_busy_port_leads_to_the_next_free_one():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert port < app.free_port("127.0.0.1", port) <= port + app.PORTS_TRIED


def test_a_wrong_port_or_host_is_refused():
    with pytest.raises(BadInput, match="port"):
        app.arguments(["--port", "0"])
    with pytest.raises(BadInput, match="not known"):
        app.free_port("no.such.host.invalid", 7860)


def test_neither_torch_nor_a_model_is_loaded_for_the_page():
    loads = (
        "import sys, app; from studio.ui.layout import build, launch_options; "
        "print(sorted({'torch', 'transformers', 'diffusers', 'studio.models'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", loads]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert asked.stdout.strip() == "[]"
