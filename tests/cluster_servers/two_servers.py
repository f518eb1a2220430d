#!/usr/bin/env python3
"""Lets real clients use several example servers, which are a cluster, on one directory.

usage: two_servers.py PROGRAM [--tell] [--postgres]

Clients on two servers contend for a file. Then one server is killed: its client goes on at another one,
and the clients of the others keep what they have. With --tell, reports the steps. The engine
is etcd, or PostgreSQL. Exits with 77 if that, impacket or smbclient is missing.
"""

import pathlib
import random
import shutil
import signal
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "smb_server"))
import impacket_client as clients  # noqa: E402 (after the path is set)
from impacket import smb3structs as smb  # noqa: E402
from engines import Etcd, Postgres  # noqa: E402
from site_of_servers import Site  # noqa: E402

DIALECT = smb.SMB2_DIALECT_21
LEASE_S = 8  # a busy machine must not make servers step down


class Holder:
    """A client that opens files with leases, and caches writes."""

    def __init__(self, server):
        self._client = clients.connect(clients.Account(server.port), DIALECT)
        self._tree = self._client.connectTree("share")

    def open(self, name):
        """Returns the id of the open and the key of its lease."""
        key = random.randbytes(16)
        low = self._client.getSMBServer()
        opened = low.create(
            self._tree, name, clients.READ_WRITE, clients.SHARE_ALL, smb.FILE_NON_DIRECTORY_FILE, smb.FILE_OPEN_IF,
            smb.FILE_ATTRIBUTE_NORMAL, oplockLevel=clients.LEASE,
            createContexts=[clients.LeaseContext(key, clients.RWH)])
        return opened, key

    def write(self, opened, text):
        self._client.writeFile(self._tree, opened, text)

    def answer_next_break(self, key):
        broken = clients.next_break(self._client)
        of_key, was, to = struct.unpack_from("<16sLL", broken, 8)
        assert of_key == key, "a break of another lease"
        body = struct.pack("<HHL", 36, 0, 0) + key + struct.pack("<LQ", to, 0)
        assert clients.answer_break(self._client, self._tree, body) == 0
        return was, to

    def close(self, opened):
        self._client.closeFile(self._tree, opened)


def read_elsewhere(server, name, folder):
    """Lets smbclient read the file, and returns the process and where it puts the file."""
    target = pathlib.Path(folder) / f"got-{server.name}"
    target.unlink(missing_ok=True)
    return clients.start_get(clients.Account(server.port), name, target), target


def finish(reading):
    process, target = reading
    output, _ = process.communicate(timeout=clients.TIMEOUT_S)
    assert process.returncode == 0, output.decode()
    return target.read_bytes()


def contend(site, folder, tell):
    a, b = site.servers["a"], site.servers["b"]
    for with_lease in (True, False):
        clients.contend(clients.Account(a.port), folder, DIALECT, with_lease, tell, clients.Account(b.port))


def names_of(cluster):
    return "".join(s["name"] for s in cluster["servers"])


def lose_a_server(site, folder, tell):
    a, b, c = (site.servers[name] for name in "abc")
    names = [f"file-{i}" for i in range(6)]  # some of them belong to each server
    alice = Holder(a)
    held = {name: alice.open(name) for name in names}
    for name, (opened, _) in held.items():
        alice.write(opened, b"by alice: " + name.encode())
    carol = Holder(c)
    lost, _ = carol.open("of-carol")
    carol.write(lost, b"before")
    tell("alice      holds six files at server a, and carol one at server c")

    assert names_of(site.cluster_seen_by("a")) == "abc"
    c.kill()
    began = time.monotonic()
    tell("server c   is killed")
    carol = Holder(b)
    again, key = carol.open("of-carol")
    tell(f"carol      has her file again at server b after {time.monotonic() - began:.1f} s")
    carol.write(again, b"behind")
    for name, (_, key_of_alice) in held.items():
        reading = read_elsewhere(b, name, folder)
        assert alice.answer_next_break(key_of_alice) == (clients.RWH, clients.RH), "alice has lost a lease"
        assert finish(reading) == b"by alice: " + name.encode()
    while names_of(site.cluster_seen_by("b")) != "ab":
        time.sleep(0.05)
    seen = site.cluster_seen_by("b")
    assert sum(s["slots"] for s in seen["servers"]) == seen["slots"] and seen["stage"] == "member", seen
    tell("alice      was told of each break by a client of server b, and has kept all her files")
    reading = read_elsewhere(a, "of-carol", folder)
    carol.answer_next_break(key)
    assert finish(reading) == b"behind"

    site.start("c")
    tell("server c   is back")
    dora = Holder(site.servers["c"])
    opened, _ = dora.open("of-dora")
    dora.close(opened)
    for opened, _ in held.values():
        alice.close(opened)
    carol.close(again)


def stop_the_engine_for_a_while(site, tell):
    a, b = site.servers["a"], site.servers["b"]
    alice = Holder(a)
    opened, _ = alice.open("of-alice")
    site.engine.stop()
    tell(f"{site.engine.NAME:10} is killed")
    for server in (a, b):
        while not any("is not a member any more" in line for line in server.lines):
            time.sleep(0.05)
    tell("a and b    have stepped down, and their clients are disconnected")
    try:
        alice.write(opened, b"too late")
    except Exception:  # impacket raises different ones for a closed connection
        pass
    else:
        raise AssertionError("a client of a server that has stepped down goes on")
    site.engine.start()
    for server in (a, b):
        while sum("is a member" in line for line in server.lines) < 2:
            time.sleep(0.05)
    back = Holder(b)
    again, _ = back.open("of-alice")
    back.write(again, b"again")
    back.close(again)
    tell("a and b    serve again")


def run(program, engine, tell):
    with tempfile.TemporaryDirectory(prefix="leasebreak-cluster-") as folder, Site(
            program, folder, LEASE_S, engine=engine) as site:
        for name in "abc":
            site.start(name)
        tell("servers a, b and c are a cluster")
        try:
            contend(site, folder, tell)
            lose_a_server(site, folder, tell)
            stop_the_engine_for_a_while(site, tell)
            for name, server in site.servers.items():
                assert server.stop() == 0, f"server {name} did not stop in order"
        except BaseException:
            for name, server in site.servers.items():
                print(f"-- server {name}", *server.lines[-20:], sep="\n", file=sys.stderr)
            raise


def main(arguments):
    options = set(arguments[1:])
    if not arguments or len(options) != len(arguments) - 1 or options - {"--tell", "--postgres"}:
        print(__doc__, file=sys.stderr)
        return 2
    engine = Postgres if "--postgres" in options else Etcd
    if not shutil.which("smbclient") or not engine.program():
        print(f"smbclient or {engine.NAME} is missing")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin = time.monotonic()
    tell = (lambda text: print(f"  {time.monotonic() - begin:5.1f} s  {text}", flush=True)) if (
        "--tell" in options) else (lambda text: None)
    run(arguments[0], engine, tell)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
