"""What the README says: its commands, its files, and that its installation installs everything."""

import ast
import importlib.metadata
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```bash\n(.+?)\n```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
WRITTEN = {"session.json", "transcript.md", "report.html", "00-draft.png"}  # by the command line, see its test
WRITTEN |= {"config.json", "model.safetensors", "vocabulary.json"}  # by the training
GIVEN = {"expected.safetensors"}  # by whoever compares


def steps(command: str) -> list[str]:
    return [part.strip() for part in command.split("&&")]


PROGRAM = re.compile(r"(?:python|torchrun --nproc-per-node \d) (app\.py|-m studio)")
PROGRAMS = sorted({part for command in COMMANDS for part in steps(command) if PROGRAM.match(part)})


def run_python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def imported(folder: Path) -> set[str]:
    """The top-level names that a folder's modules, or a single file, import."""
    names: set[str] = set()
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"studio", "tests", "app"}


def required(name: str) -> set[str]:
    """The pinned distributions of a requirements file and of those it includes."""
    found: set[str] = set()
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found |= required(line[3:].strip())
        elif line and not line.startswith("#"):
            distribution, pinned, version = line.partition("==")
            assert pinned, f"{line} is not pinned"
            assert version
            found.add(normal(distribution))
    return found


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def missing(names: set[str], installed: set[str]) -> set[str]:
    providers = importlib.metadata.packages_distributions()
    return {name for name in names if not {normal(d) for d in providers.get(name, ())} & installed}


def test_the_first_command_installs_and_opens_and_the_second_installs_and_tests():
    first, second = steps(COMMANDS[0]), steps(COMMANDS[1])
    assert first[:2] == second[:2] == ["python3 -m venv .venv", ". .venv/bin/activate"]
    assert first[2:] == ["pip install -r requirements.txt", "python app.py"]
    assert second[2:] == ["pip install -r requirements-dev.txt", "python -m pytest"]


def test_the_check_does_what_the_second_command_does():
    check = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert any(line.startswith("pip install") and line.endswith("-r requirements-dev.txt") for line in check)
    assert check[-1].startswith("python -m pytest")


def test_the_programs_are_found():
    assert len(PROGRAMS) == 9


@pytest.mark.parametrize("command", PROGRAMS)
def test_every_program_explains_each_option_that_the_readme_uses(command):
    words = shlex.split(command[PROGRAM.match(command).start(1) :])
    done = run_python(*words, "--help")
    assert done.returncode == 0, done.stderr
    unexplained = [word for word in words if word.startswith("--") and word not in done.stdout]
    assert unexplained == []


def test_every_option_that_the_readme_names_is_explained_by_a_program():
    programs = ("app.py",), ("-m", "studio"), ("-m", "studio.evaluation", "geneval")
    explained = "".join(run_python(*program, "--help").stdout for program in programs)
    known = set(re.findall(r"--[a-z-]+", explained))
    assert set(re.findall(r"`(--[a-z-]+)`", README)) - known == set()


def test_every_file_that_the_readme_names_exists():
    links = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    named = re.findall(r"`([\w./-]+(?:/|\.[a-z]+))`", README)
    assert links
    assert named
    assert [name for name in {*links, *named} - WRITTEN - GIVEN if not (ROOT / name).exists()] == []


def test_requirements_install_everything_that_the_studio_imports():
    assert missing(imported(ROOT / "studio") | imported(ROOT / "app.py"), required("requirements.txt")) == set()


def test_requirements_for_development_install_everything_that_the_tests_import():
    assert missing(imported(ROOT / "tests"), required("requirements-dev.txt")) == set()


def test_a_requirement_that_is_missing_is_found():
    assert missing({"PIL", "pytest"}, {"pillow"}) == {"pytest"}
