#!/usr/bin/env python3
"""Attacks the admin service of a running server, and measures what the SMB clients notice of that.

usage: attack.py SMB_SERVER [--seconds N] [--quick] [--any-memory]

Each attack must be refused, and bounded in connections and memory: requests without right, forged ones, ones that are
too large, one byte a second, pipelined ones, and 10,000 connections. Meanwhile a client opens and closes a file with a
lease. Windows of N seconds (3) with and without the attack alternate, because the machine's speed varies; the attacker
has the lowest priority, because the processors that it uses are its own affair. Prints for each attack what the service
answered, and the client's rate and the server's processor time for an open and its close, as shares of those without
the attack. --quick shortens the windows and sends fewer requests; such figures mean little. --any-memory does not check
the memory of the server, for a sanitizer that keeps what was freed.

Fails if an answer is none of those that are due, if the server keeps more than it should, or if it does not serve
afterwards. Exits with 77 if python3-impacket is missing.
"""

import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import pathlib
import re
import resource
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "smb_server"))

try:
    import impacket_client as clients
    from impacket import smb3structs as smb
except SystemExit as missing:  # impacket_client has said what is missing
    sys.exit(missing.code)

READ, ACT = "read-token-0123456789", "act-token-0123456789"
TIMEOUT_S = 120
CONNECTIONS_MAX = 8  # service_options::connections_max
CLIENT_TIME_S = 10  # service_options::client_time
QUIET_S = 3  # after so long without an answer, no more are expected; less than CLIENT_TIME_S
MEMORY_MAX = 32 << 20  # what an attack may add to the server's memory


# -- the attacks ---------------------------------------------------------------------------------------------------

class Target:
    """The service, as an attacker sees it."""

    def __init__(self, port, is_quick):
        self.port, self.is_quick = port, is_quick
        self.host = f"localhost:{port}"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)

    def ask(self, data):
        """Sends bytes on a new connection, and returns the status of the answer, or "closed"."""
        try:
            with self.connect() as s:
                with contextlib.suppress(OSError):  # the answer may come before all is sent
                    s.sendall(data)
                return status_of(s.recv(4096))
        except OSError:
            return "closed"

    def request(self, method, path, headers, body=""):
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.ask(("\r\n".join(lines) + "\r\n\r\n" + body).encode())


def status_of(data):
    found = re.match(rb"HTTP/1\.1 (\d+)", data)
    return found.group(1).decode() if found else "closed"


def rounds(until):
    """One round at least: on a busy machine, the time may be over before the first one."""
    yield
    while time.monotonic() < until:
        yield


def without_right(target, until):
    """No token, a wrong one, one that may not act."""
    bad = {}, {"Authorization": "Bearer wrong-token-0123456789"}, {"Authorization": "Basic YTpi"}
    for _ in rounds(until):
        for headers in bad:
            for method, path in (("GET", "/api/v1/files"), ("GET", "/metrics"), ("POST", "/api/v1/break")):
                yield target.request(method, path, {"Host": target.host, **headers})
        yield target.request("POST", "/api/v1/break", {
            "Host": target.host, "Authorization": f"Bearer {READ}", "X-Leasebreak-Action": "1",
            "Content-Type": "application/json"}, '{"path":"report.docx"}')


def forged(target, until):
    """What a page of another site can make a browser send, if it knew the token."""
    good = {"Host": target.host, "Authorization": f"Bearer {ACT}", "X-Leasebreak-Action": "1",
            "Content-Type": "application/json", "Origin": f"http://{target.host}"}
    body = '{"path":"report.docx"}'
    changes = ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Content-Type": "text/plain"},
               {"Content-Type": "application/x-www-form-urlencoded"}, {"X-Leasebreak-Action": "0"},
               {"Origin": "null"})
    for _ in rounds(until):
        for change in changes:
            yield target.request("POST", "/api/v1/break", {**good, **change}, body)
        for absent in ("Host", "X-Leasebreak-Action", "Content-Type"):
            yield target.request("POST", "/api/v1/break", {k: v for k, v in good.items() if k != absent}, body)


def oversized(target, until):
    """Targets, headers and bodies beyond the limits, announced or not."""
    begin = f"POST /api/v1/break HTTP/1.1\r\nHost: {target.host}\r\n".encode()
    for _ in rounds(until):
        yield target.ask(begin + b"Content-Length: 18446744073709551615\r\n\r\n" + b"x" * 65_536)
        yield target.ask(begin + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        yield target.ask(begin + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 256)
        yield target.ask(begin + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n")
        yield target.ask(b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n")


def slow(target, until):
    """One byte a second on all connections: each is ended when its time is over, however busy it is."""
    del until  # takes as long as it takes
    begun = time.monotonic()
    data = f"GET /healthz HTTP/1.1\r\nHost: {target.host}\r\n".encode()
    left = [target.connect() for _ in range(CONNECTIONS_MAX)]
    for i in range(3 * CLIENT_TIME_S):
        ended, _, _ = select.select(left, [], [], 1)  # a second, unless the service ends one
        for s in ended:
            left.remove(s)
            answer = "closed"
            with contextlib.suppress(OSError):
                answer = status_of(s.recv(4096))
            s.close()
            yield answer
        for s in left:
            with contextlib.suppress(OSError):
                s.send(data[i:i + 1])
        if not left:
            break
    yield from ["still open"] * len(left)
    if time.monotonic() - begun < CLIENT_TIME_S / 2:
        yield "closed too early"


def pipelined(target, until):
    """Requests without end on one connection. The answers are not read, until the service stops reading."""
    many = f"GET /healthz HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode() * 1_000
    for _ in rounds(until):
        with target.connect() as s:
            s.settimeout(0.5)
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += s.send(many)
                yield "reads on"
            except socket.timeout:
                yield "stops reading"
            except OSError:
                yield "closed"


def ten_thousand_connections(target, until):
    del until
    held = []
    for _ in range(500 if target.is_quick else 10_000):
        with contextlib.suppress(OSError):
            held.append(target.connect())
    answers = collections.Counter()
    waiting = {s.fileno(): s for s in held}
    poller = select.poll()
    for number in waiting:
        poller.register(number, select.POLLIN)
    # The service takes only some connections a second: the last ones are answered after a while.
    while ready := poller.poll(QUIET_S * 1000):
        for number, _ in ready:
            poller.unregister(number)
            try:
                answers[status_of(waiting.pop(number).recv(4096))] += 1
            except OSError:
                answers["closed"] += 1
    answers["held"] += len(waiting)
    for s in held:
        s.close()
    if answers["held"] > CONNECTIONS_MAX:
        yield "too many held"
    for what, count in answers.items():
        yield from [what] * count


# Each with the answers that are due. 503: other connections of the attacker are still there.
ATTACKS = (
    (without_right, {"401", "403", "503"}),
    (forged, {"400", "403", "415", "421", "503"}),
    (oversized, {"400", "413", "431", "503", "closed"}),
    (slow, {"408", "503", "closed"}),
    (pipelined, {"stops reading", "503", "closed"}),
    (ten_thousand_connections, {"408", "503", "closed", "held"}),
)


def attack(make, port, is_quick, seconds, pipe):
    """In a process of its own."""
    os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pipe.send(collections.Counter(make(Target(port, is_quick), time.monotonic() + seconds)))


# -- the server and its clients ------------------------------------------------------------------------------------

class Server:
    def __init__(self, program, work):
        self.log = work / "log"
        (work / "share").mkdir()
        (work / "tokens").touch(mode=0o600)
        (work / "tokens").write_text(f"read {READ}\nact {ACT}\n")
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--share", f"docs={work}/share", "--user", "alice:secret",
             "--log-level", "warning", "--admin", "127.0.0.1:0", "--admin-token", str(work / "tokens")],
            stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.log.read_text()
        self.port = int(line.rpartition(":")[2])
        self.admin_port = self.find_admin_port()

    def find_admin_port(self):
        """The one that answers; at this log level the server does not say it."""
        table = pathlib.Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        own = {os.readlink(f).strip("socket:[]") for f in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()
               if os.readlink(f).startswith("socket:")}
        listening = {int(row.split()[1].split(":")[1], 16) for row in table
                     if row.split()[3] == "0A" and row.split()[9] in own}
        return (listening - {self.port}).pop()

    def status(self):
        """Returns (resident bytes, descriptors)."""
        rss = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text()).group(1)
        return int(rss) << 10, len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def processor_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path, token=""):
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}",
                                         headers={"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.read().decode()


class Load:
    """A client that opens a file with a lease and closes it, as long as it is told to."""

    def __init__(self, server):
        self.server = server
        self.client = clients.connect(clients.Account(server.port, "docs", "alice"), smb.SMB2_DIALECT_21)
        self.low = self.client.getSMBServer()
        self.tree = self.client.connectTree("docs")

    def one(self):
        file = self.low.create(
            self.tree, "busy", clients.READ_WRITE, clients.SHARE_ALL, smb.FILE_NON_DIRECTORY_FILE, smb.FILE_OPEN_IF,
            smb.FILE_ATTRIBUTE_NORMAL, oplockLevel=clients.LEASE,
            createContexts=[clients.LeaseContext(bytes(range(16)), clients.RWH)])
        self.low.close(self.tree, file)

    def run_while(self, goes_on):
        """Returns (pairs a second, processor time of the server for one, the longest pair in seconds)."""
        count, longest, processor, begun = 0, 0.0, self.server.processor_s(), time.monotonic()
        end = begun
        while goes_on(end - begun):
            before = end
            self.one()
            end = time.monotonic()
            count, longest = count + 1, max(longest, end - before)
        return count / (end - begun), (self.server.processor_s() - processor) / count, longest


def play(make, due, server, load, options):
    """One attack between two windows without it. Returns the line of the table."""
    alone = [load.run_while(lambda elapsed: elapsed < options.seconds)]
    before = server.status()
    here, there = multiprocessing.Pipe()
    attacker = multiprocessing.Process(
        target=attack, args=(make, server.admin_port, options.quick, options.seconds, there))
    attacker.start()
    there.close()
    most = list(before)

    def goes_on(_):
        most[:] = [max(m, now) for m, now in zip(most, server.status())] if int(time.monotonic() * 10) % 2 else most
        return not here.poll()

    beside = load.run_while(goes_on)
    answers = here.recv()
    attacker.join(TIMEOUT_S)
    alone.append(load.run_while(lambda elapsed: elapsed < options.seconds))
    name = make.__name__.replace("_", " ")
    assert answers and set(answers) <= due, f"{name}: {dict(answers)}, due are {due}"
    assert options.any_memory or most[0] - before[0] < MEMORY_MAX, f"{name}: {most[0] - before[0]} more bytes"
    assert most[1] - before[1] <= CONNECTIONS_MAX + 2, f"{name}: {most[1] - before[1]} more descriptors"
    assert json.loads(server.get("/api/v1/stats", READ))["opens_refused"] == 0, "opens were refused"
    rate, processor = (statistics.mean(a[i] for a in alone) for i in (0, 1))
    told = ", ".join(f"{count} {what}" for what, count in sorted(answers.items()))
    return [name, told, f"{beside[0] / rate:.2f}", f"{beside[1] / processor:.2f}" if processor else "-",
            f"{max(a[2] for a in alone) * 1e3:.0f}", f"{beside[2] * 1e3:.0f}", f"{(most[0] - before[0]) >> 10}"]


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--any-memory", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.seconds = 0.5
    with tempfile.TemporaryDirectory(prefix="leasebreak-attack-") as folder, contextlib.ExitStack() as ends:
        server = Server(options.server, pathlib.Path(folder))
        ends.callback(server.process.kill)
        load = Load(server)
        load.run_while(lambda elapsed: elapsed < options.seconds)  # fills the caches
        rows = [["attack", "answers", "rate", "processor", "longest alone, ms", "beside, ms", "memory, KiB"]]
        for make, due in ATTACKS:
            rows.append(play(make, due, server, load, options))
            print(" | ".join(rows[0]) if len(rows) == 2 else "", "\n" if len(rows) == 2 else "", end="")
            print(" | ".join(rows[-1]), flush=True)
        assert server.get("/healthz"), "the service is not there any more"
        server.process.terminate()
        assert server.process.wait(timeout=TIMEOUT_S) == 0, "the server did not stop in order"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
