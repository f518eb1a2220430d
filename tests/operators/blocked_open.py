#!/usr/bin/env python3
"""The case for operators: alice caches report.docx and is silent, bob waits for it, and an operator ends that.

usage: blocked_open.py SMB_SERVER LEASEBREAKCTL [--pictures FOLDER]

Starts a server with a share, two users and the admin service; alice is a client of impacket, bob is smbclient. Prints
what the operator types and sees, and fails if one of these does not name alice, bob, the file and the times:
leasebreakctl, the page, the log. Nothing sleeps: alice's break tells that bob waits.

The page is shown in a browser if chromium, node and the npm packages of tests/page are there. Otherwise the answers of
the service to the page are checked. Exits with 77 if python3-impacket or smbclient is missing. With --pictures, which
scripts/screenshots uses, pictures of the page are left in the folder; then a browser is needed.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "smb_server"))

try:
    import impacket_client as clients
    from impacket import smb3structs as smb
except SystemExit as missing:  # impacket_client has said what is missing
    sys.exit(missing.code)

TOKEN = "operator-token-0123456789"
TIMEOUT_S = 120
BREAK_TIMEOUT_S = 300  # a machine may be slow
NODE_PATH = os.environ.get("NODE_PATH") or str(HERE.parents[1] / "build/page/node_modules")
PEER = r"127\.0\.0\.1:\d+"


def tell(text):
    print("  " + text, flush=True)


def expect(pattern, text):
    assert re.search(pattern, text), f"expected {pattern!r} in:\n{text}"


class Server:
    """A server's process with the admin service on a socket, and on a port for the page."""

    def __init__(self, program, work):
        self.work = work
        self.socket = work / "admin.sock"
        (work / "docs").mkdir()
        (work / "tokens").touch(mode=0o600)
        (work / "tokens").write_text(f"act {TOKEN}\n")
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--share", f"docs={work}/docs", "--user", "alice:secret",
             "--user", "bob:secret", "--break-timeout", str(BREAK_TIMEOUT_S), "--log-level", "info",
             "--admin", str(self.socket), "--admin", "127.0.0.1:0", "--admin-token", str(work / "tokens")],
            stdout=subprocess.PIPE, stderr=(work / "log").open("w"), text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), "the server does not start:\n" + self.log()
        self.port = int(line.rpartition(":")[2])
        self.admin_port = int(re.search(r"admin service on 127\.0\.0\.1:(\d+)", self.log()).group(1))

    def log(self):
        return (self.work / "log").read_text()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=TIMEOUT_S) == 0, "the server did not stop in order"


class Page:
    """The page as a browser shows it."""

    def __init__(self, server, pictures):
        environment = dict(os.environ, ADMIN_PORT=str(server.admin_port), ADMIN_TOKEN=TOKEN, NODE_PATH=NODE_PATH,
                           PICTURES=pictures)
        self.process = subprocess.Popen(["node", str(HERE / "blocked_open.js")], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.next_line() == "ready", "the browser does not start"

    def next_line(self):
        return self.process.stdout.readline().strip()

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.next_line()

    def shows(self):
        """Returns what the page shows of the first pending operation."""
        return self.ask("waits")

    def shows_end(self):
        """Returns the page's first line when nothing is pending any more."""
        return self.ask("none")

    def take_pictures(self):
        assert self.ask("pictures") == "done", "no pictures"

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=TIMEOUT_S)


class PageData:
    """The page without a browser: what the service gives it."""

    def __init__(self, server):
        self.base = f"http://127.0.0.1:{server.admin_port}"
        assert "<script src=\"/page.js\"" in self.get("/")

    def get(self, path):
        request = urllib.request.Request(self.base + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.read().decode()

    def waits(self):
        return json.loads(self.get("/api/v1/waits"))["waits"]

    def shows(self):
        wait = self.waits()[0]
        holder = next(e for e in json.loads(self.get("/api/v1/breaks"))["entries"] if e["file"] == wait["file"])
        return (f"{wait['share']}/{wait['path']} | {wait['waiter']['label']} waits for {holder['label']} | "
                f"The holder has {holder['state']} and was told to keep {holder['breaking']['to']} ")

    def shows_end(self):
        return "Nobody waits." if not self.waits() else str(self.waits())

    def close(self):
        pass


def has_browser():
    if not all(shutil.which(p) for p in ("chromium", "node")):
        return False
    environment = dict(os.environ, NODE_PATH=NODE_PATH)
    return subprocess.run(["node", "-e", "require('playwright-core')"], env=environment, capture_output=True,
                          check=False).returncode == 0


class Alice:
    """Gets leases RWH of files, and does not react to breaks."""

    def __init__(self, port):
        self.client = clients.connect(clients.Account(port, "docs", "alice"), smb.SMB2_DIALECT_21)
        self.tree = self.client.connectTree("docs")

    def hold(self, name):
        self.client.getSMBServer().create(
            self.tree, name, clients.READ_WRITE, clients.SHARE_ALL, smb.FILE_NON_DIRECTORY_FILE, smb.FILE_OPEN_IF,
            smb.FILE_ATTRIBUTE_NORMAL, oplockLevel=clients.LEASE,
            createContexts=[clients.LeaseContext(name.encode().ljust(16)[:16], clients.RWH)])

    def await_break(self):
        clients.next_break(self.client)


def make_history(server, leasebreakctl, alice):
    """Other files that were blocked before, for the pictures: until the time of the breaks was over."""
    for name, timeout in (("budget.xlsx", "1200ms"), ("plan.pptx", "3400ms"), ("minutes.odt", "700ms")):
        ask(leasebreakctl, server, "set", "break_timeout", timeout)
        alice.hold(name)
        waiter = clients.start_get(clients.Account(server.port, "docs", "bob"), name, server.work / "got")
        alice.await_break()
        waiter.communicate(timeout=TIMEOUT_S)
    ask(leasebreakctl, server, "set", "break_timeout", "35s")


def ask(program, server, *arguments):
    """Runs leasebreakctl, and shows it like a terminal."""
    tell("$ leasebreakctl " + " ".join(arguments))
    done = subprocess.run([program, "--admin", str(server.socket), *arguments], text=True, capture_output=True,
                          timeout=TIMEOUT_S, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        tell(line)
    assert done.returncode == 0, f"exit status {done.returncode}"
    return done.stdout


def play(server, leasebreakctl, page, alice, pictures):
    alice.hold("report.docx")
    tell("alice opens report.docx and caches it (lease RWH)")
    bob = clients.start_get(clients.Account(server.port, "docs", "bob"), "report.docx", server.work / "got")
    alice.await_break()
    tell("bob opens it and has to wait; alice is asked, and does not answer")

    who = ask(leasebreakctl, server, "who", "report.docx")
    expect(rf"^docs/report\.docx: alice at {PEER} holds RWH for [^,;]+, told to keep RH [^,;]+ ago, [^,;]+ left; "
           rf"bob at {PEER} waits for [^,;]+ \(open\)\n$", who)
    shown = page.shows()
    tell("the page: " + shown)
    expect(rf"docs/report\.docx \| bob at {PEER} waits for alice at {PEER} \| The holder has RWH and was told to keep RH ",
           shown)
    assert bob.poll() is None, "bob did not wait"
    if pictures:
        page.take_pictures()

    broken = ask(leasebreakctl, server, "break", "report.docx")
    expect(rf"alice at {PEER} holds RWH, told to keep RH .* it loses what it caches and has not written\n", broken)
    expect(r"docs/report\.docx: broken; 1 operation waited\n", broken)
    output, _ = bob.communicate(timeout=TIMEOUT_S)
    assert bob.returncode == 0, output.decode()
    tell("bob has read the file")
    end = page.shows_end()
    tell("the page: " + end)
    assert end == "Nobody waits.", end


def check_log(server):
    found = [line for line in server.log().splitlines() if re.search(r" (break|break timed out|audit): ", line)]
    for line in found:
        tell("log: " + line)
    begun, ended, audit = found
    expect(rf" info break: client \"alice at {PEER}\" .* path \"report\.docx\", lease .*, RWH -> RH, cause open, "
           rf"\d+ ms left, waiting: open by \"bob at {PEER}\" ", begun)
    expect(rf" warning break timed out: client \"alice at {PEER}\" .*waiting: .*open by \"bob at {PEER}\" ", ended)
    expect(rf" info audit: uid {os.getuid()}: break of file .* path \"report\.docx\", .* 1 waiting: ended$", audit)


def main(arguments):
    pictures = arguments[3] if len(arguments) == 4 and arguments[2] == "--pictures" else ""
    if len(arguments) != (4 if pictures else 2):
        print(__doc__, file=sys.stderr)
        return 2
    if not shutil.which("smbclient"):
        print("smbclient is missing")
        return 77
    with tempfile.TemporaryDirectory(prefix="leasebreak-operator-") as folder, contextlib.ExitStack() as ends:
        server = Server(arguments[0], pathlib.Path(folder))
        ends.callback(server.process.kill)
        alice = Alice(server.port)
        if pictures:
            make_history(server, arguments[1], alice)
        page = Page(server, pictures) if pictures or has_browser() else PageData(server)
        ends.callback(page.close)
        play(server, arguments[1], page, alice, pictures)
        server.stop()
        if not pictures:
            check_log(server)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
