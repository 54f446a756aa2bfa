"""Fetch the third-party files named in vendor.toml with npm, and write the SHA-256 of each to SHA256SUMS.

For maintainers (``make vendor``); servers and users never need Node. Reads from the registry npm is set up with.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    packages = tomllib.loads((HERE / "vendor.toml").read_text(encoding="utf-8"))["package"]
    sums: dict[str, str] = {}
    for package in packages:
        with tempfile.TemporaryDirectory() as folder, opened(package, Path(folder)) as tarball:
            for file in package["files"]:
                content = without_source_map(file["to"], member(tarball, file["from"]))
                sums[file["to"]] = write(file["to"], content)
            if "icons" in package:
                sums[package["sprite"]["to"]] = write(package["sprite"]["to"], sprite(tarball, package).encode())
    lines = [f"{digest}  {path}\n" for path, digest in sorted(sums.items())]
    (HERE / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines)} files from {len(packages)} packages\n")


def opened(package: dict, folder: Path) -> tarfile.TarFile:
    """The package's archive, exactly the version asked for."""
    wanted = f"{package['source'].removeprefix('npm:')}@{package['version']}"
    subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", wanted], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return tarfile.open(next(folder.glob("*.tgz")))


def member(tarball: tarfile.TarFile, path: str) -> bytes:
    found = tarball.extractfile(f"package/{path}")
    if found is None:
        raise SystemExit(f"{tarball.name}: no file package/{path}")
    return found.read()


def without_source_map(path: str, content: bytes) -> bytes:
    """Drop the pointer to a map we do not serve: the hashing storage would refuse a file whose map is missing."""
    if not path.endswith(".js"):
        return content
    return re.sub(rb"\n?//# sourceMappingURL=\S+\s*$", b"\n", content)


def sprite(tarball: tarfile.TarFile, package: dict) -> str:
    """One ``<symbol>`` per icon; stroke and size are inherited from the page's CSS."""
    symbols = []
    for name in package["icons"]:
        svg = member(tarball, f"icons/{name}.svg").decode()
        body = re.sub(r"\s+", " ", re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL).group(1)).strip().replace("> <", "><")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body.replace(" />", "/>")}</symbol>')
    note = f"<!-- Lucide {package['version']}, licence {package['licence']}: static/vendor/lucide-{package['version']}/LICENSE -->"
    return f'<svg xmlns="http://www.w3.org/2000/svg">{note}\n' + "\n".join(symbols) + "\n</svg>\n"


def write(path: str, content: bytes) -> str:
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
