#!/usr/bin/env python3
"""The operators' page in a real browser: a silent client holds a file, and another one waits.

usage: page_test.py SMB_SERVER [--screenshots FOLDER]

Needs python3-impacket, smbclient, chromium, node, and the npm packages of tests/page, which scripts/test installs in
build/page; NODE_PATH may name another folder. Exits with 77 if one of them is missing. With --screenshots, pictures of
the page are left in the folder.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    from impacket import smb3structs as smb
    from impacket.smbconnection import SMBConnection
except ImportError:
    print("python3-impacket is missing")
    sys.exit(77)

TOKEN = "browser-token-0123456789"
# A user's name is in the client's label, which the page shows.
HOSTILE = "<img src=x onerror=alert(1)>"
TIMEOUT_S = 60
NODE_PATH = os.environ.get("NODE_PATH") or str(pathlib.Path(__file__).parents[2] / "build/page/node_modules")


def is_there(package):
    command = ["node", "-e", f"require('{package}')"]
    environment = dict(os.environ, NODE_PATH=NODE_PATH)
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def missing():
    for program in ("smbclient", "chromium", "node"):
        if shutil.which(program) is None:
            return program
    for package in ("playwright-core", "axe-core"):
        if not is_there(package):
            return package
    return None


def start_server(program, work):
    share = work / "share"
    share.mkdir()
    tokens = work / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"act {TOKEN}\n")
    server = subprocess.Popen(
        [program, "--listen", "127.0.0.1:0", "--share", f"docs={share}", "--user", f"{HOSTILE}:secret",
         "--user", "bob:secret", "--break-timeout", "300", "--log-level", "info",
         "--admin", "127.0.0.1:0", "--admin-token", str(tokens)],
        stdout=subprocess.PIPE, stderr=(work / "log").open("w"), text=True)
    line = server.stdout.readline()
    assert line.startswith("listening on "), "the server does not start"
    return server, int(line.rpartition(":")[2])


def admin_port(work):
    """The server says it in its log before it says that it listens."""
    for line in (work / "log").read_text().splitlines():
        if "admin service on " in line:
            return int(line.rpartition(":")[2])
    raise AssertionError("the server does not say where its admin service is")


def hold(port):
    client = SMBConnection(
        "127.0.0.1", "127.0.0.1", sess_port=port, preferredDialect=smb.SMB2_DIALECT_21, timeout=TIMEOUT_S)
    client.login(HOSTILE, "secret")
    batch = 0x09
    client.getSMBServer().create(
        client.connectTree("docs"), "report.docx", smb.FILE_READ_DATA | smb.FILE_WRITE_DATA, 7, 0x40,
        smb.FILE_OPEN_IF, 0, oplockLevel=batch)
    return client


def main(arguments):
    absent = missing()
    if absent:
        print(f"{absent} is missing")
        return 77
    screenshots = arguments[2] if arguments[1:2] == ["--screenshots"] else ""
    script = pathlib.Path(__file__).with_name("page_test.js")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        server, port = start_server(arguments[0], work)
        try:
            holder = hold(port)
            waiter = subprocess.Popen(
                ["smbclient", "-t", "600", "-p", str(port), "//127.0.0.1/docs", "-U", "bob%secret", "-c",
                 f"get report.docx {work}/got"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            environment = dict(os.environ, ADMIN_PORT=str(admin_port(work)), ADMIN_TOKEN=TOKEN, NODE_PATH=NODE_PATH,
                               HOLDER=HOSTILE, SCREENSHOTS=screenshots)
            done = subprocess.run(["node", str(script)], env=environment, timeout=5 * TIMEOUT_S, check=False)
            status = done.returncode
            if status == 0:
                assert waiter.wait(timeout=TIMEOUT_S) == 0, "the waiting client did not go on"
            waiter.kill()
            del holder
        finally:
            server.terminate()
            server.wait(timeout=TIMEOUT_S)
    print("passed" if status == 0 else "FAILED")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
