"""The long trial in small: `make chaos` runs the same code with 10,000 orders and 25 disruptions (chaos/README.md)."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

SMALL = ["--orders", "150", "--programs", "5", "--kills", "3", "--flushes", "1", "--restarts", "1", "--hurry"]


@pytest.mark.skipif(bool(os.environ.get("TEST_SQLITE")), reason="it starts a PostgreSQL of its own")
def test_150_orders_through_three_kills_an_emptied_redis_and_a_restart_of_postgresql():
    command = [sys.executable, "-m", "chaos", *SMALL]
    ran = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stderr[-3000:]}\n{ran.stdout}"
    result = json.loads(ran.stdout.splitlines()[-1])
    assert result["orders"] == 150
    assert sum(result["disruptions"].values()) == 5
    assert len(result["broken"]) > 10 and set(result["broken"].values()) == {0}
    assert len(set(result["money (minor units): player, superapp, database, receiver"])) == 1
