#!/usr/bin/env python3
"""Breaks a cluster of example servers again and again, while real clients count in files.

usage: faults.py PROGRAM [--seconds N] [--seed S] [--threads N]

Each client opens a file with a lease, reads the number in it, adds to it in its cache while it may cache
writes, and writes it back when it is told to or has enough. Meanwhile servers are killed, stopped for
longer than their lease, and started again, and so is etcd. No increment that a client has written back,
with an answer, may be lost, and none may be counted twice. Exits with 77 if etcd or impacket is missing.
"""

import argparse
import copy
import dataclasses
import pathlib
import random
import select
import shutil
import signal
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "smb_server"))
import impacket_client as clients  # noqa: E402 (after the path is set)
from impacket import smb3structs as smb  # noqa: E402
from impacket.nt_errors import STATUS_END_OF_FILE  # noqa: E402
from impacket.smb3 import OPEN  # noqa: E402
from impacket.smbconnection import SessionError, SMBConnection  # noqa: E402
from engines import Etcd  # noqa: E402
from site_of_servers import Site  # noqa: E402

NUMBER = struct.Struct("<Q")
FILES = 4
CLIENTS = 6
REQUEST_S = 40
LEASE_S = 2
HEADER_BYTES = 64


class Ledger:
    """What clients know to be in the files. Thread-safe."""

    def __init__(self, files):
        self._lock = threading.Lock()
        self._written = [0] * files  # the greatest number that was written with an answer
        self._tried = [0] * files  # the greatest number that somebody has sent
        self.problems = []
        self.writes = 0
        self.breaks = 0
        self.failures = 0

    def written(self, file):
        with self._lock:
            return self._written[file]

    def trying(self, file, number):
        with self._lock:
            self._tried[file] = max(self._tried[file], number)

    def has_written(self, file, number):
        with self._lock:
            self._written[file] = max(self._written[file], number)
            self.writes += 1

    def check(self, file, number, written_before, when):
        """A number is read. `written_before` was known before the file was opened."""
        with self._lock:
            if not written_before <= number <= self._tried[file]:
                self.problems.append(
                    f"file {file} has {number} {when}; {written_before} was written before, "
                    f"and at most {self._tried[file]} was tried")

    def count(self, what):
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)


@dataclasses.dataclass
class Open:
    """A file that a client has open, with what it caches."""

    file: int
    id: object
    key: bytes
    state: int
    number: int
    is_dirty: bool = False


class Counter:
    """A client that counts in files, through one server at a time."""

    def __init__(self, site, ledger, seed, stop):
        self._site = site
        self._ledger = ledger
        self._random = random.Random(seed)
        self._stop = stop
        self._client = None
        self._tree = None

    def run(self):
        while not self._stop.is_set():
            try:
                self._connect()
                while not self._stop.is_set():
                    self._use(self._random.randrange(FILES))
            except Exception:  # whatever impacket makes of a lost connection or a refused request
                self._ledger.count("failures")
                self._drop()
                time.sleep(0.1)
        self._drop()

    def _connect(self):
        server = self._random.choice(list(self._site.servers.values()))
        self._client = SMBConnection(
            "127.0.0.1", "127.0.0.1", sess_port=server.port, preferredDialect=smb.SMB2_DIALECT_21,
            timeout=REQUEST_S)
        self._client.login("tester", "secret")
        self._tree = self._client.connectTree("share")

    def _drop(self):
        """Ends the connection without a word, so that what is cached is lost."""
        if self._client is not None:
            try:
                self._client.getSMBServer()._NetBIOSSession._sock.close()
            except Exception:
                pass
            self._client = None

    def _use(self, file):
        written_before = self._ledger.written(file)
        o = self._open(file)
        self._ledger.check(file, o.number, written_before, "when it is opened")
        for _ in range(self._random.randrange(1, 8)):
            if o.state & 4 == 0:  # others may read: nothing is cached
                break
            o.number += 1
            o.is_dirty = True
            self._obey_breaks(o, self._random.choice((0.0, 0.0, 0.05)))
        self._write_back(o)
        self._client.closeFile(self._tree, o.id)

    def _open(self, file):
        key = self._random.randbytes(16)
        opened, state = create_with_lease(self._client.getSMBServer(), self._tree, f"file-{file}", key)
        o = Open(file, opened, key, state, 0)
        data = self._read(opened)
        o.number = NUMBER.unpack(data)[0] if len(data) == NUMBER.size else 0
        return o

    def _read(self, opened):
        try:
            return self._client.readFile(self._tree, opened, 0, NUMBER.size)
        except SessionError as e:
            if e.getErrorCode() != STATUS_END_OF_FILE:
                raise
            return b""

    def _write_back(self, o):
        if not o.is_dirty:
            return
        self._ledger.trying(o.file, o.number)
        self._client.writeFile(self._tree, o.id, NUMBER.pack(o.number))
        self._ledger.has_written(o.file, o.number)
        o.is_dirty = False

    def _obey_breaks(self, o, wait_s):
        low = self._client.getSMBServer()
        is_there = clients.NOTIFICATION in low._Connection["OutstandingResponses"]
        if not is_there and not select.select([low._NetBIOSSession._sock], [], [], wait_s)[0]:
            return
        broken = clients.next_break(self._client)
        self._ledger.count("breaks")
        flags, key, _, to = struct.unpack_from("<L16sLL", broken, 4)
        if key != o.key:
            return  # of an open that is closed
        self._write_back(o)
        o.state &= to
        if flags & 1:
            body = struct.pack("<HHL", 36, 0, 0) + key + struct.pack("<LQ", to, 0)
            clients.answer_break(self._client, self._tree, body)


def create_with_lease(low, tree, name, key):
    """Opens a file, and returns the id of the open and the granted state, which impacket does not return."""
    create = smb.SMB2Create()
    create["SecurityFlags"] = 0
    create["RequestedOplockLevel"] = clients.LEASE
    create["ImpersonationLevel"] = smb.SMB2_IL_IMPERSONATION
    create["DesiredAccess"] = clients.READ_WRITE
    create["FileAttributes"] = smb.FILE_ATTRIBUTE_NORMAL
    create["ShareAccess"] = clients.SHARE_ALL
    create["CreateDisposition"] = smb.FILE_OPEN_IF
    create["CreateOptions"] = smb.FILE_NON_DIRECTORY_FILE
    text = name.encode("utf-16le")
    create["NameLength"] = len(text)
    text += bytes(-(HEADER_BYTES + smb.SMB2Create.SIZE + len(text)) % 8)
    context = clients.LeaseContext(key, clients.RWH).getData()
    create["CreateContextsOffset"] = HEADER_BYTES + smb.SMB2Create.SIZE + len(text)
    create["CreateContextsLength"] = len(context)
    create["Buffer"] = text + context
    packet = low.SMB_PACKET()
    packet["Command"] = smb.SMB2_CREATE
    packet["TreeID"] = tree
    packet["Data"] = create
    answer = low.recvSMB(low.sendSMB(packet))
    answer.isValidAnswer(0)
    data = bytes(answer["Data"])
    at, = struct.unpack_from("<L", data, 80)
    state = struct.unpack_from("<L", data, at - HEADER_BYTES + 24 + 16)[0] if at else 0
    # impacket reads and writes only what it has opened itself.
    entry = copy.deepcopy(OPEN)
    entry.update(FileID=data[64:80], TreeConnect=tree, Oplocklevel=clients.LEASE, FileName=name)
    low._Session["OpenTable"][data[64:80]] = entry
    low.GlobalFileTable[name] = entry
    return data[64:80], state


class Breaker:
    """Breaks one thing after another, and mends it."""

    def __init__(self, site, seed, tell):
        self._site = site
        self._random = random.Random(seed)
        self._tell = tell
        self.counts = {}

    def break_one(self):
        kind = self._random.choice((self.kill, self.stop_for_long, self.pause_shortly, self.leave, self.kill_etcd))
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        kind()

    def _some_server(self):
        return self._random.choice(list(self._site.servers))

    def kill(self):
        name = self._some_server()
        self._tell(f"server {name} is killed")
        self._site.servers[name].kill()
        time.sleep(self._random.uniform(0, 2 * LEASE_S))
        self._site.start(name)

    def leave(self):
        name = self._some_server()
        self._tell(f"server {name} stops in order")
        status = self._site.servers[name].stop()
        if status != 0:
            raise RuntimeError(f"server {name} stopped with status {status}")
        self._site.start(name)

    def stop_for_long(self):
        self._pause(LEASE_S + self._random.uniform(0.5, 3))

    def pause_shortly(self):
        self._pause(self._random.uniform(0.05, 0.2))

    def _pause(self, seconds):
        name = self._some_server()
        server = self._site.servers[name]
        self._tell(f"server {name} is stopped for {seconds:.2f} s")
        server.send(signal.SIGSTOP)
        time.sleep(seconds)
        server.send(signal.SIGCONT)

    def kill_etcd(self):
        seconds = self._random.uniform(0.1, 2 * LEASE_S)
        self._tell(f"etcd is killed, and started again after {seconds:.2f} s")
        self._site.engine.stop()
        time.sleep(seconds)
        self._site.engine.start()


def check_numbers(site, ledger):
    """Reads the files of the share when nobody uses them."""
    for file in range(FILES):
        path = site.share / f"file-{file}"
        data = path.read_bytes() if path.exists() else b""
        number = NUMBER.unpack(data)[0] if len(data) == NUMBER.size else 0
        ledger.check(file, number, ledger.written(file), "at the end")


def play(program, seconds, seed, threads, tell):
    """Returns the problems that were found."""
    chosen = random.Random(seed)
    ledger = Ledger(FILES)
    options = ("--break-timeout", "20", "--threads", str(threads))
    with (tempfile.TemporaryDirectory(prefix="leasebreak-faults-") as folder,
          Site(program, folder, LEASE_S, options) as site):
        for name in "abc":
            site.start(name)
        stop = threading.Event()
        users = [Counter(site, ledger, chosen.random(), stop) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=user.run, daemon=True) for user in users]
        for thread in threads:
            thread.start()
        breaker = Breaker(site, chosen.random(), tell)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not ledger.problems:
            time.sleep(chosen.uniform(1, 4))
            breaker.break_one()
        before = ledger.writes
        wait_until(lambda: ledger.writes > before + CLIENTS, "the clients do not go on when all faults have ended")
        stop.set()
        for thread in threads:
            thread.join()
        for name, server in site.servers.items():
            if server.stop() != 0:
                ledger.problems.append(f"server {name} did not stop in order")
        check_numbers(site, ledger)
        if ledger.problems:
            for name, server in site.servers.items():
                print(f"-- server {name}", *server.lines[-30:], sep="\n", file=sys.stderr)
    print(f"{ledger.writes} numbers written, {ledger.breaks} breaks, {ledger.failures} lost connections; "
          + ", ".join(f"{n} {kind}" for kind, n in sorted(breaker.counts.items())))
    return ledger.problems


def wait_until(has_happened, problem):
    end = time.monotonic() + 90
    while not has_happened():
        if time.monotonic() > end:
            raise RuntimeError(problem)
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", help="the example server")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--threads", type=int, default=1, help="event loops of each server")
    given = parser.parse_args()
    if not Etcd.program() or not shutil.which(given.program):
        print("etcd or the server is missing")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed={given.seed}", flush=True)
    begin = time.monotonic()
    problems = play(
        given.program, given.seconds, given.seed, given.threads,
        lambda text: print(f"  {time.monotonic() - begin:5.1f} s  {text}", flush=True))
    for problem in problems:
        print("PROBLEM:", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
