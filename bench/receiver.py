"""Developers' backends that acknowledge at once: `python -m bench.receiver PORT [SLOW]`, a process of its own.

The first SLOW of them (/p0, /p1, …) take ten seconds.
"""

import asyncio
import sys

from aiohttp import web

SLOW_SECONDS = 10.0


async def answer(request: web.Request) -> web.Response:
    """What an acknowledgement looks like."""
    if int(request.match_info["program"]) < request.app[SLOW]:
        await asyncio.sleep(SLOW_SECONDS)
    return web.Response(text='{"returnCode": "0"}', content_type="application/json")


SLOW = web.AppKey("slow", int)

if __name__ == "__main__":
    application = web.Application()
    application[SLOW] = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    application.router.add_post("/p{program}", answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, backlog=2048)
