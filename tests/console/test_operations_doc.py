"""docs/operations.md names every environment variable and every beat task that the settings read."""

import re

import pytest
from django.conf import settings

TEXT = (settings.BASE_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
SOURCES = ("console/settings.py", "console/gunicorn_conf.py", "Procfile")
READ = re.compile(r"""env\.\w+\(\s*"([A-Z_]+)"|environ\.get\("([A-Z_]+)"|\$\{([A-Z_]+)""")


def variables() -> set[str]:
    """The environment variables that a process of this project reads."""
    found = [READ.findall((settings.BASE_DIR / name).read_text(encoding="utf-8")) for name in SOURCES]
    return {name for matches in found for groups in matches for name in groups if name}


def test_the_search_finds_the_variables():
    assert {"SECRET_KEY", "DATABASE_URL", "WEB_THREADS", "WORKER_CONCURRENCY"} <= variables()


@pytest.mark.parametrize("name", sorted(variables()))
def test_every_variable_is_explained(name):
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("entry", settings.CELERY_BEAT_SCHEDULE.values(), ids=lambda entry: entry["task"])
def test_every_beat_task_is_listed_with_its_interval(entry):
    assert f"| `{entry['task']}` | {entry['schedule']:g} s |" in TEXT
