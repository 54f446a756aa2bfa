"""The hashed files refer to each other by their hashed names, our ES modules included."""

import re

from django.contrib.staticfiles import finders
from django.core.files.storage import FileSystemStorage

from carteira.staticfiles import StaticFilesStorage


def test_modules_import_each_other_by_hashed_name(tmp_path, settings):
    settings.STATIC_ROOT, settings.DEBUG = tmp_path, False
    source = FileSystemStorage(settings.BASE_DIR / "static")
    names = [
        str(path.relative_to(settings.BASE_DIR / "static")) for path in sorted((settings.BASE_DIR / "static").rglob("*")) if path.is_file()
    ]
    names = [name for name in names if not name.endswith(".py")]
    storage = StaticFilesStorage(location=tmp_path, base_url="/static/")
    for name in names:
        storage.save(name, source.open(name))
    outcome = list(storage.post_process({name: (storage, name) for name in names}))
    assert [problem for _name, _hashed, problem in outcome if isinstance(problem, Exception)] == []

    app = (tmp_path / storage.stored_name("js/app.js")).read_text(encoding="utf-8")
    imported = re.findall(r'^import "\./([^"]+)"', app, re.MULTILINE)
    assert len(imported) >= 8
    assert all(re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name) and (tmp_path / "js" / name).exists() for name in imported)
    inner = (tmp_path / storage.stored_name("js/htmx.js")).read_text(encoding="utf-8")
    assert re.search(r'from "\./dialog\.[0-9a-f]{12}\.js"', inner)
    assert finders.find("js/app.js")
