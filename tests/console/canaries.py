"""A network of its own in which every address is this machine: canaries on all of them, name service included.

`unshare` makes the network namespace; the routes make every IPv4 and IPv6 address local. So whoever connects anywhere meets a
canary, which notes the address that was connected to. Public addresses are reachable as well, and nothing of the shipped policy
is switched off.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

PUBLIC = ("8.8.8.8", "2606:4700::1111")
PORTS = (80, 443, 22, 25, 2375, 5432, 6379, 8080, 8443)
FORBIDDEN_4 = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.254", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "192.168.255.254", "198.18.0.1", "198.51.100.7", "203.0.113.9", "240.0.0.1", "255.255.255.254",
)  # fmt: skip
FORBIDDEN_6 = (
    "::1", "::", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:2::1", "2001:db8::1",
    "2002:7f00:1::1", "2002:a00:1::", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fec0::1",
    "4000::1",
)  # fmt: skip
#: name → what the name service says, in turn (the last for ever after)
NAMES: dict[str, list[list[str]]] = {
    "public.test": [["8.8.8.8"]],
    "public6.test": [["2606:4700::1111"]],
    "redirect.test": [["8.8.8.8"]],
    "rebinding.test": [["8.8.8.8"], ["127.0.0.1"]],
    "rebinding-metadata.test": [["8.8.8.8"], ["169.254.169.254"]],
    "mixed.test": [["8.8.8.8", "127.0.0.1"]],
    "mixed-first.test": [["10.0.0.1", "8.8.8.8"]],
    "mixed-six.test": [["8.8.8.8", "::1"]],
    "mixed-mapped.test": [["2606:4700::1111", "::ffff:10.0.0.1"]],
    **{f"v4-{text.replace('.', '-')}.test": [[text]] for text in FORBIDDEN_4},
    **{f"v6-{number}.test": [[text]] for number, text in enumerate(FORBIDDEN_6)},
}
SETUP = """
mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf &&
ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo && shift && exec "$@"
"""


def in_a_namespace(directory: Path, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command where every address is this machine and 127.0.0.1 is the name server; 125 when that is not allowed."""
    (directory / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
    (directory / "nsswitch.conf").write_text("hosts: files dns\n")
    rights = [] if os.getuid() == 0 else ["--map-root-user"]
    whole = ["unshare", "--net", "--mount", *rights, "sh", "-c", SETUP, "sh", str(directory), *command]
    # A worker of xdist starts no services of its own; the tests inside are a run of their own.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(whole, capture_output=True, text=True, check=False, env=kept | environment)


def why_not(directory: Path) -> str:
    """Why there can be no such namespace here; "" when there can."""
    if sys.platform != "linux":
        return "Network namespaces are a thing of Linux."
    try:
        tried = in_a_namespace(directory, ["true"])
    except FileNotFoundError:
        return "unshare (util-linux) is not installed."
    return f"No network namespace may be made here: {tried.stderr.strip()[-200:]}" if tried.returncode else ""


class Canaries:
    """Listen on every address at PORTS. `hits` holds the addresses that somebody connected to."""

    def __init__(self) -> None:
        self.hits: list[tuple[str, int]] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            for port in PORTS:
                threading.Thread(target=self._listen, args=(listener(family, port),), daemon=True).start()
        threading.Thread(target=NameServer().run, daemon=True).start()

    def _listen(self, sock: socket.socket) -> None:
        while True:
            connection, _peer = sock.accept()
            where = connection.getsockname()
            self.hits.append((where[0], where[1]))
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        """What a careless backend would say to a push or a prepay: all is well; `redirect.test` leads inside."""
        body = b'{"returnCode": "0", "data": {"prepayId": "pp-1"}}'
        with connection:
            try:
                asked = connection.recv(65536)
                status = b"302 Found\r\nLocation: http://169.254.169.254/" if b"redirect.test" in asked else b"200 OK"
                connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
            except OSError:
                pass

    def taken(self) -> list[tuple[str, int]]:
        """The hits since the last call."""
        found, self.hits = self.hits, []
        return found


def listener(family: int, port: int) -> socket.socket:
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    sock.listen(256)
    return sock


class NameServer:
    """Answers A and AAAA out of NAMES; everything else does not exist."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 53))
        self.asked: dict[tuple[str, int], int] = {}

    def run(self) -> None:
        while True:
            query, peer = self.sock.recvfrom(4096)
            self.sock.sendto(self.answer(query), peer)

    def answer(self, query: bytes) -> bytes:
        labels, place = [], 12
        while size := query[place]:
            labels.append(query[place + 1 : place + 1 + size].decode("latin-1").lower())
            place += size + 1
        (kind,) = struct.unpack("!H", query[place + 1 : place + 3])
        name, question = ".".join(labels), query[12 : place + 5]
        records = self.records(name, kind)
        code = 0x8180 if name in NAMES else 0x8183
        head = query[:2] + struct.pack("!HHHHH", code, 1, len(records), 0, 0)
        parts = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(each)) + each for each in records]
        return head + question + b"".join(parts)

    def records(self, name: str, kind: int) -> list[bytes]:
        turns = NAMES.get(name, [[]])
        count = self.asked[name, kind] = self.asked.get((name, kind), -1) + 1
        wanted = {1: IPv4Address, 28: IPv6Address}.get(kind)
        addresses = [ip_address(text) for text in turns[min(count, len(turns) - 1)]]
        return [address.packed for address in addresses if wanted and isinstance(address, wanted)]


# --- Spellings -------------------------------------------------------------------------------------------------------------


def spellings() -> list[str]:
    """More than 300 ways to write a forbidden destination."""
    found = [url for text in FORBIDDEN_4 for url in of_ipv4(IPv4Address(text))]
    found += [url for text in FORBIDDEN_6 for url in (f"http://[{text}]/", f"https://[{text.upper()}]:443/x")]
    found += [f"http://{name}/" for name in NAMES if name not in ("public.test", "public6.test")]
    return [*dict.fromkeys([*found, *OTHERS])]


def of_ipv4(address: IPv4Address) -> list[str]:
    """One address as dotted, decimal, hexadecimal, octal, short and carried in IPv6."""
    a, b, c, d = address.packed
    number = int(address)
    hosts = [
        str(address), f"{address}.", str(number), f"{number:#x}", f"0{number:o}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"{a}.{b}.{c * 256 + d}", f"{a}.{b * 65536 + c * 256 + d}",
        f"[::ffff:{address}]", f"[64:ff9b::{a:02x}{b:02x}:{c:02x}{d:02x}]", f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
    ]  # fmt: skip
    return [f"http://{host}/" for host in hosts]


OTHERS = (
    "http://localhost/", "https://localhost/", "http://LOCALHOST/", "http://localhost./", "http://ip6-localhost/",
    "http://localhost.localdomain/", "http://127.0.0.1:80/", "https://127.0.0.1:443/", "http://127.0.0.1:22/",
    "http://127.0.0.1:6379/", "http://127.0.0.1:5432/", "http://127.0.0.1:8080/", "https://127.0.0.1:8443/",
    "http://8.8.8.8:22/", "http://8.8.8.8:6379/", "https://8.8.8.8:8443/", "http://8.8.8.8@127.0.0.1/",
    "http://8.8.8.8:80@127.0.0.1/", "http://user:word@127.0.0.1/", "http://127.0.0.1@8.8.8.8@127.0.0.1/",
    "http://127.0.0.1#@8.8.8.8/", "http://8.8.8.8#@127.0.0.1/", "http://127.0.0.1\\@8.8.8.8/", "http://8.8.8.8\\@127.0.0.1/",
    "http://127.0.0.1?@8.8.8.8/#", "http:127.0.0.1/", "http:/127.0.0.1/", "http:///127.0.0.1/", "//127.0.0.1/", "127.0.0.1",
    "127.0.0.1:80", "http://127.0.0.1\t/", "http://127.0.0.1\r\nHost: 8.8.8.8/", " http://127.0.0.1/", "http://127.0.0.1 /",
    "http://127.0.0.1%00.public.test/", "http://127.0.0.1\x00.public.test/", "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/", "http://１２７.０.０.１/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://loc\u00adalhost/",
    "http://ⓛocalhost/", "http://[::1%25lo]/", "http://[fe80::1%25lo]/", "http://[fe80::1]/", "http://[::]:80/",
    "http://[0:0:0:0:0:0:0:1]/", "http://[0000::0001]/", "http://[::1", "http://::1/", "http://[127.0.0.1]/", "http://0/",
    "http://127/", "http://1/", "http://0x7f.1/", "http://0177.1/", "http://127.0.1/", "http://127.1/",
    "http://256.0.0.1/", "http://4294967296/", "http://4294967297/", "http://-1/",
    "http://224.0.0.1/", "http://255.255.255.255/", "https://127.0.0.1/", "http://127.000.000.001/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://127.0.0.1/", "dict://127.0.0.1:6379/", "unix:///var/run/docker.sock",
    "http+unix://%2fvar%2frun%2fdocker.sock/", "jar:http://127.0.0.1!/", "ws://127.0.0.1/", "javascript:1", "data:text/html,1",
    "about:blank",
)  # fmt: skip
