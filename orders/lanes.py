"""Which endpoint of a mini program an event is for (docs/deliveries.md, "Endpoints").

An endpoint is a mini program, an environment and a lane. The push has a lane of its own; orders that bring a notify_url go by its
origin. The origins share a fixed number of lanes: a mini program that names thousands of dead hosts would otherwise get the
sockets and the probes of thousands of endpoints, and the table of their health would have no bound.
"""

from urllib.parse import urlsplit
from zlib import crc32

PUSH = 0  # the URL or Test URL of Basic configurations
LANES = 16  # of the origins of notify_urls


def lane_of(url: str) -> int:
    """The lane of a notify_url; without one ("") that of the push. Stable: it stands in rows. Raises ValueError for no URL."""
    if not url:
        return PUSH
    parts = urlsplit(url)
    return 1 + crc32(f"{parts.scheme}://{parts.netloc}".lower().encode()) % LANES
