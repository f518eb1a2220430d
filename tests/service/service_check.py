#!/usr/bin/env python3
"""Boots a system with the service, and uses the server while systemd reloads, kills and restarts it.

usage: service_check.py ROOT CONSOLE

ROOT is a Debian that scripts/service-check has made; the log of its boot goes to the file CONSOLE. The system shares the
network of this machine, so that a client of impacket reaches it on the loopback interface. Exits with 77 if systemd
cannot be booted here.
"""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "smb_server"))

try:
    import impacket_client as clients
    from impacket import smb3structs as smb
    from impacket.smbconnection import SessionError
except SystemExit as missing:  # impacket_client has said what is missing
    sys.exit(missing.code)

UNIT = "leasebreak-smb"
TIMEOUT_S = 240
RELOADS = 20


def tell(text):
    print("  " + text, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, check):
    """Returns the first result of `check` that is true."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        result = check()
        if result:
            return result
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {TIMEOUT_S} s")


class System:
    """A booted system. `run` runs a command in it."""

    def __init__(self, root, console):
        self.root = root
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe",
             f"--directory={root}"], stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        self.init = wait_until("systemd", self.find_init)

    def find_init(self):
        """Returns the process 1 of the system, or 0 if it cannot be booted."""
        if self.process.poll() is not None:
            return -1
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return 0

    def run(self, *command, check=True):
        done = subprocess.run(["nsenter", "--target", str(self.init), "--all", *command], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=TIMEOUT_S)
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def property_of(self, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", UNIT).strip()

    def log(self):
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={UNIT}")

    def stop(self):
        if self.process.poll() is None:
            self.run("systemctl", "poweroff", check=False)
            try:
                self.process.wait(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Config:
    """The configuration file, as the operator writes it."""

    def __init__(self, root, port):
        self.file = root / "etc/leasebreak/smb_server.conf"
        self.port = port
        self.group = (root / "etc/leasebreak").stat().st_gid

    def write(self, users, break_timeout, more=""):
        text = "".join(f"user = {user}\n" for user in users)
        self.file.touch(mode=0o640)
        self.file.write_text(
            f"listen = 127.0.0.1:{self.port}\nshare = public=/srv/leasebreak/public\n{text}"
            "store = rocksdb:/var/lib/leasebreak/leases\nadmin = /run/leasebreak/admin.sock\n"
            f"break-timeout = {break_timeout}\n{more}")
        self.file.chmod(0o640)
        os.chown(self.file, 0, self.group)


class Load(threading.Thread):
    """Writes a file and reads it again on one connection, until told to end."""

    def __init__(self, port):
        super().__init__()
        self.client = clients.connect(clients.Account(port, "public", "alice"), smb.SMB2_DIALECT_21)
        self.tree = self.client.connectTree("public")
        self.over = threading.Event()
        self.rounds = 0
        self.problem = None

    def run(self):
        try:
            while not self.over.is_set():
                name = f"file{self.rounds % 10}"
                file = self.client.createFile(self.tree, name)
                self.client.writeFile(self.tree, file, name.encode())
                assert self.client.readFile(self.tree, file) == name.encode()
                self.client.closeFile(self.tree, file)
                self.rounds += 1
        except Exception as problem:  # is told by the main thread
            self.problem = problem

    def end(self):
        self.over.set()
        self.join()
        assert self.problem is None, f"after {self.rounds} rounds: {self.problem!r}"
        return self.rounds


def can_log_on(port, user):
    try:
        clients.connect(clients.Account(port, "public", user), smb.SMB2_DIALECT_21).logoff()
        return True
    except SessionError:
        return False


def check_process(system):
    """The process has no more rights than the unit gives it."""
    pid = system.property_of("MainPID")
    status = system.run("cat", f"/proc/{pid}/status")
    uid = system.run("id", "-u", "leasebreak").strip()
    assert re.search(rf"^Uid:\s+{uid}\s+{uid}\s+{uid}\s+{uid}$", status, re.M) and uid != "0", status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M), status
    assert re.search(r"^Seccomp:\s+2$", status, re.M), status
    assert re.search(r"^CapEff:\s+0000000000000400$", status, re.M), status  # CAP_NET_BIND_SERVICE
    mode = system.run("stat", "--format=%U %a", "/var/lib/leasebreak", "/var/lib/leasebreak/leases").split("\n")
    assert mode[0] == "leasebreak 700" and mode[1].startswith("leasebreak "), mode
    tell(f"runs as user leasebreak ({uid}), without new privileges, with CAP_NET_BIND_SERVICE only")
    return pid


def check_reloads(system, config, port):
    load = Load(port)
    load.start()
    wait_until("the load", lambda: load.rounds > 10 or load.problem)
    assert not can_log_on(port, "bob")
    before = load.rounds
    for i in range(RELOADS):
        config.write(["alice:secret", "bob:secret"] if i % 2 == 0 else ["alice:secret"], 20 + i % 2)
        system.run("systemctl", "reload", UNIT)
        wait_until("the reload", lambda n=i + 1: system.log().count("reload: done") >= n)
        assert can_log_on(port, "bob") == (i % 2 == 0), f"reload {i}"
    config.write(["alice:secret"], 20, "brake-timeout = 20\n")
    system.run("systemctl", "reload", UNIT)
    wait_until("the refusal", lambda: "nothing has changed" in system.log())
    during = load.rounds - before
    assert during > 0, "the client did nothing meanwhile"
    rounds = load.end()
    config.write(["alice:secret"], 20)
    tell(f"{RELOADS} reloads and a wrong one, while a client wrote and read {during} files on one connection "
         f"({rounds} in all)")
    assert f"break_timeout: {20 + (RELOADS - 1) % 2}s" in system.run("/usr/local/bin/leasebreakctl", "--admin", "/run/leasebreak/admin.sock",
                                              "settings")


def hold_lease(port):
    client = clients.connect(clients.Account(port, "public", "alice"), smb.SMB2_DIALECT_21)
    client.getSMBServer().create(
        client.connectTree("public"), "held", clients.READ_WRITE, clients.SHARE_ALL, smb.FILE_NON_DIRECTORY_FILE,
        smb.FILE_OPEN_IF, smb.FILE_ATTRIBUTE_NORMAL, oplockLevel=clients.LEASE,
        createContexts=[clients.LeaseContext(bytes(range(16)), clients.RWH)])
    return client


def check_store(system, port, pid):
    """A killed server comes back, and finds what it had stored. A restart is a clean stop."""
    held = hold_lease(port)
    wait_until("the record of the lease", lambda: "records_written               0\n" not in system.run(
        "/usr/local/bin/leasebreakctl", "--admin", "/run/leasebreak/admin.sock", "stats"))
    system.run("systemctl", "kill", "--signal=KILL", UNIT)
    wait_until("the restart", lambda: system.property_of("MainPID") not in ("0", pid))
    unclean = r"the store has [1-9]\d* records; the last stop was not in order"
    wait_until("the recovery", lambda: re.search(unclean, system.log()))
    tell("killed, it is started again: " + re.search(unclean, system.log()).group(0))
    del held
    system.run("systemctl", "restart", UNIT)
    clean = r"store rocksdb:/var/lib/leasebreak/leases read: epoch 3, \d+ records recovered, .* last stop in order"
    wait_until("the restart", lambda: re.search(clean, system.log()))
    tell("restarted: " + re.search(clean, system.log()).group(0))
    client = clients.connect(clients.Account(port, "public", "alice"), smb.SMB2_DIALECT_21)
    assert "file0" in {e.get_longname() for e in client.listPath("public", "*")}
    client.logoff()


def check(system, config, port):
    # Other units, which may fail in a container, do not matter.
    wait_until("the boot", lambda: system.run("systemctl", "is-system-running", check=False).strip() in
               ("running", "degraded"))
    try:
        system.run("systemctl", "start", UNIT)  # returns when the server has told that it serves
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{system.log()}") from None
    assert system.property_of("ActiveState") == "active"
    pid = check_process(system)
    try:
        check_reloads(system, config, port)
        check_store(system, port, pid)
    except AssertionError:
        print(system.log())
        raise
    system.run("systemctl", "stop", UNIT)
    assert (system.property_of("Result"), system.property_of("ExecMainStatus")) == ("success", "0")
    tell("stopped in order")


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root, port = pathlib.Path(arguments[0]), free_port()
    config = Config(root, port)
    config.write(["alice:secret"], 35)
    with open(arguments[1], "w", encoding="utf-8") as console:
        system = System(root, console)
    try:
        if system.init < 0:
            print("systemd cannot be booted here:\n" + pathlib.Path(arguments[1]).read_text()[-2000:])
            return 77
        tell(system.run("systemctl", "--version").splitlines()[0] + " is process 1")
        check(system, config, port)
    finally:
        system.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
