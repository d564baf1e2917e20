"""What `make run` prints when it is ready."""

from importlib import import_module

from django.conf import settings

ACCOUNTS = "simulator.accounts"  # named by text: console may not import simulator


def print_welcome() -> None:
    """Print the address and, with the simulator, the demo accounts."""
    print(f"\nThe console is ready: {settings.BASE_URL}\n")
    if settings.SIMULATOR:
        accounts = import_module(ACCOUNTS)
        print(f"Demo accounts, all with the password `{accounts.PASSWORD}`:")
        print("".join(f"  {account}\n" for account in accounts.ACCOUNTS))
    print("Stop it with Ctrl-C.", flush=True)
