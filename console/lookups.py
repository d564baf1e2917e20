"""Name lookups that cannot hold up anything else.

`getaddrinfo` blocks for as long as a name server pleases. In the event loop's own pool of a few threads one hostile name server
would stop every lookup, and its threads would hold up the end of the process: here each lookup is a daemon thread, the same
name is asked once at a time, and the number of threads is bounded.
"""

import asyncio
import socket
import threading

MAX_LOOKUPS = 64  # at once, per event loop


class Lookups:
    """The lookups of one event loop."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_LOOKUPS)
        self._running: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return every address of `host`. Raises socket.gaierror or UnicodeError; the caller sets the time limit."""
        key = (host, port)
        if key not in self._running:
            self._running[key] = asyncio.create_task(self._lookup(host, port))
            self._running[key].add_done_callback(lambda task: self._forget(key, task))
        # Shielded: a caller whose time is up must not end the lookup others wait for.
        return await asyncio.shield(self._running[key])

    def close(self) -> None:
        """Give up what is under way; the threads end by themselves."""
        for task in self._running.values():
            task.cancel()

    async def _lookup(self, host: str, port: int) -> list[str]:
        async with self._slots:
            answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
            threading.Thread(target=_ask, args=(host, port, answer), name="lookup", daemon=True).start()
            return await answer

    def _forget(self, key: tuple[str, int], task: asyncio.Task[list[str]]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, or asyncio complains when nobody waited any more


def _ask(host: str, port: int, answer: asyncio.Future[list[str]]) -> None:
    loop = answer.get_loop()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # handed to whoever waits
        _hand_over(loop, _fail, answer, error)
    else:
        _hand_over(loop, _succeed, answer, [str(info[4][0]) for info in found])


def _hand_over(loop: asyncio.AbstractEventLoop, call: object, *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]
    except RuntimeError:
        pass  # the loop was closed meanwhile: nobody waits


def _succeed(answer: asyncio.Future[list[str]], found: list[str]) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[list[str]], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
