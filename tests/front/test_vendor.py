"""Third-party files are the ones recorded: nothing changed, nothing unlisted, a licence for each."""

import hashlib
import tomllib
from pathlib import Path

from django.conf import settings

VENDOR = Path(settings.BASE_DIR, "static/vendor")
OURS = {"fetch.py", "vendor.toml", "SHA256SUMS"}


def sums() -> dict[str, str]:
    lines = VENDOR.joinpath("SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def packages() -> list[dict]:
    return tomllib.loads(VENDOR.joinpath("vendor.toml").read_text(encoding="utf-8"))["package"]


def test_every_vendored_file_has_the_recorded_sum():
    found = {path: hashlib.sha256(VENDOR.joinpath(path).read_bytes()).hexdigest() for path in sums()}
    assert found == sums()


def test_the_folder_holds_no_file_that_is_not_recorded():
    present = {str(file.relative_to(VENDOR)) for file in VENDOR.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert present - OURS - sums().keys() == set()


def test_every_package_names_its_source_version_and_licence():
    for package in packages():
        assert package["source"].startswith("npm:") and package["version"] and package["licence"], package["name"]
        assert {file["to"] for file in package["files"]} <= sums().keys()
        assert any(file["from"] == "LICENSE" for file in package["files"]), package["name"]
