"""A stand-in superapp that answers at once; a process of its own, so that it takes no time from who is measured."""

import socketserver


class Superapp(socketserver.StreamRequestHandler):
    """Answers create-prepay-order at once, whatever it says."""

    def handle(self) -> None:
        """One request, one answer, as console.http opens a connection for each."""
        length = 0
        while line := self.rfile.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.rfile.read(length)
        body = b'{"returnCode": "0", "data": {"prepayId": "pp-1"}}'
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Server(socketserver.ThreadingTCPServer):
    """Threads, and a queue long enough for all connections at once."""

    daemon_threads, allow_reuse_address, request_queue_size = True, True, 256


def serve(port: int) -> None:
    """Answer until the process is ended."""
    Server(("127.0.0.1", port), Superapp).serve_forever()
