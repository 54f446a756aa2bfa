"""Whether what ``carteira.prepare`` makes was made from the very sources at hand: then a start need not wait for it."""

import hashlib
import os
from pathlib import Path

from carteira.embedded.places import REPOSITORY, data_folder

SOURCES = ["*/migrations/*.py", "static/**/*", "locale/**/*.po", "requirements.lock", "demo/*", "carteira/*.py", "carteira/**/*.py"]
TOLD = ["DEMO", "STATIC_PLAIN", "DEBUG"]  # variables that change what is prepared


def state_of_sources(root: Path = REPOSITORY) -> str:
    """Changes whenever a migration, a static file, a translation, a package or the demonstration does."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            if path.is_file():
                facts = path.stat()
                digest.update(f"{path.relative_to(root)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    for name in TOLD:
        digest.update(f"{name}={os.environ.get(name, '')}\n".encode())
    return digest.hexdigest()


def stamp() -> Path:
    """Where the state that was prepared last is noted, beside the data it was prepared in."""
    return data_folder() / "prepared"


def is_prepared() -> bool:
    """Whether nothing has changed since the last preparation came to its end."""
    try:
        return (data_folder() / "static").is_dir() and stamp().read_text() == state_of_sources()
    except OSError:
        return False
