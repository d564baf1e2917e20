"""What `make run` prints when it is ready."""

from importlib.util import find_spec

from django.conf import settings
from django.utils.module_loading import import_string

ACCOUNTS = "simulator.demo"  # named by text: console may not import simulator


def print_welcome() -> None:
    """Print the address and the demo accounts."""
    print(f"\nThe console is ready: {settings.BASE_URL}\n", flush=True)
    if settings.SIMULATOR and find_spec(ACCOUNTS):
        for account in import_string(f"{ACCOUNTS}.ACCOUNTS"):
            print(f"  {account}")
    print("\nStop it with Ctrl-C.", flush=True)
