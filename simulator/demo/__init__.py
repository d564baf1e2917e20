"""The demo's data: one superapp, two teams, three mini programs, ninety days of orders (docs/simulator.md).

Rows are made in the state they shall have: what took weeks cannot be played move by move. Everything is drawn from one seed, so
that each demo looks the same on the day it is loaded.
"""

from simulator.accounts import ACCOUNTS, PASSWORD

__all__ = ["ACCOUNTS", "PASSWORD"]
