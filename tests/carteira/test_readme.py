"""The README's table of settings, and the rules that the documentation shows, against the code."""

import ast
import json
import re
from pathlib import Path

import pytest

from rotation.services.rules import check_definition

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
RULES = (REPOSITORY / "docs" / "rules.md").read_text(encoding="utf-8")
READERS = {"env", "os.environ.get", "os.environ.setdefault", "os.getenv"}


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z_]+)` \| [^|]+ \| [^|]+ \|$", README, re.MULTILINE))


def read_by(path: Path) -> set[str]:
    """Names of the variables a module reads: ``env("X")``, ``os.environ["X"]``, ``os.environ.get("X")``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name: ast.expr | None = None
        if isinstance(node, ast.Call) and node.args:
            name, reader = node.args[0], node.func
        elif isinstance(node, ast.Subscript):
            name, reader = node.slice, node.value
        # Who is asked is spelled out only where a text is asked for: few of all calls, and spelling is what takes time.
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            asked = ast.unparse(reader)
            if asked in READERS if isinstance(node, ast.Call) else asked == "os.environ":
                found.add(name.value)
    return found


def test_every_variable_the_code_reads_has_a_row_and_every_row_a_reader():
    folders = [REPOSITORY / name for name in ("carteira", "accounts", "clients", "portfolio", "rotation")]
    read = {name for folder in folders for path in folder.rglob("*.py") for name in read_by(path)}
    # The shell that starts the processes of make run expands these.
    read |= set(re.findall(r"\$\{([A-Z_]+)", (REPOSITORY / "Procfile").read_text(encoding="utf-8")))
    assert read == documented()


def test_the_table_of_sign_ins_names_people_of_the_demonstration():
    people = json.loads((REPOSITORY / "demo" / "users.json").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w.]+@vale-verde\.example", README))
    assert named
    assert named <= {person["email"] for person in people["users"]}
    assert f"`{people['password']}`" in README


@pytest.mark.parametrize("text", re.findall(r"```json\n(.*?)```", RULES, re.DOTALL))
def test_the_rules_shown_in_the_documentation_are_accepted(text):
    rule = check_definition(json.loads(text))
    assert rule.name


def test_links_between_the_pages_lead_somewhere():
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
