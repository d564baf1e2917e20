"""One-click sign-in and the list of accounts exist in demo mode, and in no other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
#: In a process of its own: routes and context processors are decided when the settings are read.
PROBE = """
from django.conf import settings
from django.urls import NoReverseMatch, reverse
processors = settings.TEMPLATES[0]["OPTIONS"]["context_processors"]
try:
    print(reverse("demo-sign-in"), "simulator.context.demo" in processors)
except NoReverseMatch:
    print("no route", "simulator.context.demo" in processors)
"""


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        ({"DEMO": "1", "SIMULATOR": "1"}, "/simulator/sign-in True"),
        ({"DEMO": "1"}, "no route False"),
        ({"DEBUG": "1", "SIMULATOR": "1"}, "no route False"),
    ],
)
def test_the_demo_is_there_in_demo_mode_only(mode, answer, tmp_path):
    cleared = {"DEMO", "DEBUG", "SIMULATOR", "DATABASE_URL", "REDIS_URL"}
    env = {name: value for name, value in os.environ.items() if name not in cleared} | mode | {"VAR_DIR": str(tmp_path)}
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-v", "0", "-c", PROBE]
    result = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.strip() == answer, result.stderr
