"""The house's floors: imports only go down, heavy libraries stay where they belong, importing does nothing else."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GROUND = {"", "errors", "prompts", "domain"}  # "" is the package itself: its name and version
FIRST = GROUND | {"loop", "protocol"}
SECOND = FIRST | {"store", "exchange", "scene", "models"}
# What each room may import besides itself.
MAY_IMPORT = {
    "": set(),
    "errors": set(),
    "prompts": {"", "errors"},
    "domain": {"", "errors"},
    "protocol": GROUND,
    "loop": GROUND | {"protocol"},
    "store": FIRST,
    "exchange": FIRST,
    "scene": FIRST,
    "models": FIRST | {"scene"},
    "backends": SECOND,
    "worker": SECOND - {"models", "scene"},
    "evaluation": SECOND - {"store"},
    "training": SECOND - {"store"},
    "ui": (SECOND - {"models"}) | {"backends", "worker", "evaluation"},
}
TORCH = {"torch", "numpy", "PIL", "safetensors", "transformers", "diffusers", "accelerate", "tokenizers"}
# What each room may import besides the standard library; the ground floor nothing.
LIBRARIES = {
    "loop": {"PIL"},
    "protocol": {"PIL"},
    "store": {"sqlalchemy", "alembic"},
    "exchange": {"PIL", "jinja2"},
    "scene": {"numpy", "PIL", "resvg_py"},
    "models": TORCH,
    "backends": TORCH,
    "worker": set(),
    "evaluation": TORCH,
    "training": TORCH,
    "ui": {"gradio", "PIL"},
}
HEAVY = ("torch", "diffusers", "transformers", "accelerate")


def modules() -> dict[str, Path]:
    """Every module of the program by its dotted name."""
    found = {"app": ROOT / "app.py"}
    for path in sorted((ROOT / "studio").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module: str) -> str | None:
    """The room a module stands in; None for the top floor, which may import everything."""
    if module == "app" or module.endswith(".__main__"):
        return None
    if module == "studio.backends.protocol":
        return "protocol"
    return [*module.split("."), ""][1]


def imports(module: str, tree: ast.AST, *, is_package: bool = False) -> Iterator[str]:
    """Every dotted name that a module imports, anywhere in it, also by importlib with a literal name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                base = ".".join([*package[: len(package) + 1 - node.level], *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield str(first.value)


def complaints(module: str, source: str, known: frozenset[str], *, is_package: bool = False) -> list[str]:
    """The imports of a module that its floor forbids; `known` are the program's own modules."""
    room = room_of(module)
    if room is None:
        return []
    if room not in MAY_IMPORT:
        return [f"{module}: the room {room!r} has no floor; give it one in design and in this test"]
    wrong = []
    for name in imports(module, ast.parse(source), is_package=is_package):
        top = name.split(".")[0]
        if top in ("studio", "app"):
            target = name if name in known else name.rpartition(".")[0]
            goal = room_of(target)
            if goal != room and goal not in MAY_IMPORT[room]:
                wrong.append(f"{module} must not import {target}")
        elif top not in sys.stdlib_module_names and top not in LIBRARIES.get(room, set()):
            wrong.append(f"{module} must not import {top}")
    return wrong


def test_imports_only_go_down():
    known = modules()
    wrong = []
    for module, path in known.items():
        source = path.read_text("utf-8")
        wrong += complaints(module, source, frozenset(known), is_package=path.name == "__init__.py")
    assert wrong == []


KNOWN = frozenset(
    "app studio studio.errors studio.domain studio.loop studio.worker studio.store.library studio.exchange.archive "
    "studio.scene.scene studio.models.flow studio.backends.protocol studio.backends.mini studio.training.trainer "
    "studio.evaluation.geneval studio.ui.layout studio.__main__".split()
)


@pytest.mark.parametrize(
    ("module", "line", "named"),
    [
        ("studio.domain", "from studio import loop", "studio.loop"),
        ("studio.domain", "import numpy", "numpy"),
        ("studio.loop", "import studio.worker", "studio.worker"),
        ("studio.loop", "from studio.backends.mini import Mini", "studio.backends.mini"),
        ("studio.store.library", "from studio.exchange.archive import write_zip", "studio.exchange.archive"),
        ("studio.exchange.archive", "from ..store import library", "studio.store.library"),
        ("studio.exchange.archive", "from ..store.library import Stored", "studio.store.library"),
        ("studio.scene.scene", "from studio.models import flow", "studio.models.flow"),
        ("studio.models.flow", "import gradio as gr", "gradio"),
        ("studio.worker", "from studio.models import flow", "studio.models.flow"),
        ("studio.worker", "from studio.ui import layout", "studio.ui.layout"),
        ("studio.training.trainer", "from studio.store import library", "studio.store.library"),
        ("studio.training.trainer", "from studio.evaluation import geneval", "studio.evaluation.geneval"),
        ("studio.ui.layout", "import torch.nn", "torch"),
        ("studio.ui.layout", "from studio.training import trainer", "studio.training.trainer"),
        ("studio.ui.layout", "from studio.models.flow import step", "studio.models.flow"),
        ("studio.ui.layout", "import app", "app"),
        ("studio.ui.layout", "def late():\n    import torch", "torch"),
        ("studio.ui.layout", "importlib.import_module('studio.models.flow')", "studio.models.flow"),
        ("studio.backends.mini", "from studio.__main__ import run", "studio.__main__"),
        ("studio.backends.mini", "from tests.scripted import ScriptedBackend", "tests"),
    ],
)
def test_an_arrow_up_is_found(module, line, named):
    assert complaints(module, line, KNOWN) == [f"{module} must not import {named}"]


def test_a_room_without_a_floor_is_found():
    assert "has no floor" in complaints("studio.utils", "", KNOWN)[0]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("studio.models.flow", "from studio.scene.scene import Scene"),
        ("studio.ui.layout", "from studio import domain, worker"),
        ("studio.training.trainer", "import torch, math"),
        ("studio.backends.mini", "from . import protocol\nfrom ..domain import Brief"),
        ("studio.__main__", "import torch, studio.ui.layout"),
    ],
)
def test_an_arrow_down_is_allowed(module, line):
    assert complaints(module, line, KNOWN) == []


def run_alone(program: str, home: Path) -> str:
    """What a program prints that runs in a process of its own, with `home` as the whole of its user's folders."""
    folders = {name: str(home) for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=home,
        env=os.environ | folders | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_the_library_and_the_worker_do_not_load_torch(tmp_path):
    program = f"""
import json, sys
import studio.ui.layout, studio.store.library, studio.worker, studio.exchange.archive, app
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    assert json.loads(run_alone(program, tmp_path)) == []


def test_importing_any_module_leaves_no_trace(tmp_path):
    # Alembic, not import, runs the migrations' files.
    names = [name for name in modules() if ".migrations." not in name]
    assert all(importlib.util.find_spec(name) for name in names)
    program = f"""
import importlib, logging, os, threading
import gradio, torch  # what they do at import is theirs
before = sorted(os.listdir()), len(logging.getLogger().handlers), threading.active_count()
for name in {names!r}:
    importlib.import_module(name)
after = sorted(os.listdir()), len(logging.getLogger().handlers), threading.active_count()
assert before == after, (before, after)
"""
    run_alone(program, tmp_path)
