"""A stand-in superapp that answers at once; a process of its own, so that it takes no time from who is measured."""

import socketserver


class Superapp(socketserver.StreamRequestHandler):
    """Answers create-prepay-order at once, whatever it says."""

    def handle(self) -> None:
        """One answer a request, over a connection that stays open."""
        body = b'{"returnCode": "0", "data": {"prepayId": "pp-1"}}'
        answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n".encode() + body
        while self.rfile.readline():
            length = 0
            while line := self.rfile.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            self.wfile.write(answer)


class Server(socketserver.ThreadingTCPServer):
    """Threads, and a queue long enough for all connections at once."""

    daemon_threads, allow_reuse_address, request_queue_size = True, True, 256


def serve(port: int) -> None:
    """Answer until the process is ended."""
    Server(("127.0.0.1", port), Superapp).serve_forever()
