"""A developer's backend that acknowledges at once: `python -m bench.receiver PORT`, a process of its own."""

import sys

from aiohttp import web


async def answer(_request: web.Request) -> web.Response:
    """What an acknowledgement looks like."""
    return web.Response(text='{"returnCode": "0"}', content_type="application/json")


if __name__ == "__main__":
    application = web.Application()
    application.router.add_post("/{program}", answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, backlog=2048)
