"""What a worker has to import: the jobs of this app register themselves (console.jobs)."""

from items import imports

__all__ = ["imports"]
