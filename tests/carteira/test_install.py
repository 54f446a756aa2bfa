""".ci/install hands pip's configuration on to uv, and falls back on pip."""

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def installing():
    loader = importlib.machinery.SourceFileLoader("installing", str(REPOSITORY / ".ci" / "install"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("installing", loader))
    loader.exec_module(module)
    return module


def listing(tmp_path, **variables: str) -> str:
    """What pip itself says of a configuration file and of variables."""
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://one.example/simple\nextra-index-url =\n    https://two.example\n    https://three.example\n"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    command = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(command, env=bare | {"PIP_CONFIG_FILE": str(file)} | variables, capture_output=True, text=True, check=True).stdout


def test_uv_looks_where_pip_is_told_to_look(installing, tmp_path):
    options = installing.options_of_pip(listing(tmp_path, PIP_FIND_LINKS="wheels more", PIP_INDEX_URL="https://mine.example/simple"))
    made = installing.environment_of_uv(options)
    assert made["UV_DEFAULT_INDEX"] == "https://mine.example/simple"  # the variable wins over the file
    assert made["UV_INDEX"] == "https://two.example https://three.example"
    assert made["UV_FIND_LINKS"] == "wheels,more"


def test_uv_comes_from_the_lock_of_the_tests_with_its_hashes(installing):
    block = installing.requirement((REPOSITORY / "requirements-dev.lock").read_text(), "uv")
    assert re.match(r"uv==\d", block)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block)) > 5
    assert "\n" in block and "==" not in block.partition("\n")[2]
    assert installing.requirement("a==1\n", "uv") == ""


def test_where_uv_cannot_pip_installs(installing, tmp_path, monkeypatch):
    (tmp_path / "uv").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 2\n')
    (tmp_path / "uv").chmod(0o755)
    lock = tmp_path / "some.lock"
    lock.write_text("")  # nothing to install: both can, without a network
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").symlink_to(REPOSITORY / ".venv" / "bin" / "python")
    monkeypatch.setattr(sys, "argv", ["install", str(lock)])
    pip = tmp_path / "pip"
    pip.write_text(f'#!/bin/sh\necho pip "$@" >> {tmp_path}/asked\n')
    pip.chmod(0o755)
    monkeypatch.setattr(installing, "PIP", [str(pip)])
    assert installing.main() == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "pip config list" and asked[1].startswith("pip install --python ") and str(lock) in asked[1]
    assert asked[2] == f"pip install --no-compile --quiet --no-deps --require-hashes -r {lock}"
