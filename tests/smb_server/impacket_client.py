#!/usr/bin/env python3
"""Runs python3-impacket, which is unrelated to Samba, against the server, alone and with smbclient.

usage: impacket_client.py PROGRAM
       impacket_client.py --contend PORT SHARE USER PASSWORD

The first form starts servers, and runs all tests. The second form lets impacket and smbclient
contend for a file of a running server, and reports the steps. Exits with 77 if impacket or smbclient is missing.
"""

import contextlib
import dataclasses
import io
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    from impacket import smb3structs as smb
    from impacket.smbconnection import SMBConnection, SessionError
except ImportError:
    print("python3-impacket is missing")
    sys.exit(77)

# At 3.1.1 after NTLM, impacket 0.10 signs with a wrong key, which no server accepts.
DIALECTS = {
    "2.0.2": smb.SMB2_DIALECT_002,
    "2.1": smb.SMB2_DIALECT_21,
    "3.0": smb.SMB2_DIALECT_30,
}
NOTIFICATION = 0xFFFFFFFFFFFFFFFF  # the message id of every break notification
BATCH, LEVEL_TWO, LEASE = 0x09, 0x01, 0xFF
RWH, RH = 7, 3
SHARE_ALL = smb.FILE_SHARE_READ | smb.FILE_SHARE_WRITE | smb.FILE_SHARE_DELETE
READ_WRITE = smb.FILE_READ_DATA | smb.FILE_WRITE_DATA
TIMEOUT_S = 60


@contextlib.contextmanager
def running(program, work, *options):
    """Yields the port of a server with a new share. Checks that the server stops in order."""
    share = pathlib.Path(tempfile.mkdtemp(dir=work))
    log = share.with_suffix(".log").open("wb")
    server = subprocess.Popen(
        [program, "--listen", "127.0.0.1:0", "--share", f"share={share}", "--user", "tester:secret", *options],
        stdout=subprocess.PIPE, stderr=log)
    try:
        line = server.stdout.readline().decode()
        assert line.startswith("listening on "), "the server does not start"
        yield int(line.rpartition(":")[2]), share
        server.terminate()
        assert server.wait(timeout=TIMEOUT_S) == 0, "the server did not stop in order"
    finally:
        if server.poll() is None:
            server.kill()
        log.close()


@dataclasses.dataclass
class Account:
    """A server, a share and an account."""

    port: int
    share: str = "share"
    user: str = "tester"
    password: str = "secret"


def connect(account, dialect):
    client = SMBConnection(
        "127.0.0.1", "127.0.0.1", sess_port=account.port, preferredDialect=dialect, timeout=TIMEOUT_S)
    client.login(account.user, account.password)
    assert client.getDialect() == dialect
    return client


def names_in(client, pattern):
    return {entry.get_longname() for entry in client.listPath("share", pattern)}


def round_trip(port, share, dialect):
    """Puts, lists, gets, renames and deletes."""
    content = random.randbytes(1_234_567)
    client = connect(Account(port), dialect)
    client.createDirectory("share", "folder")
    client.putFile("share", "folder\\sent", io.BytesIO(content).read)
    assert (share / "folder/sent").read_bytes() == content
    assert names_in(client, "folder\\*") == {".", "..", "sent"}
    client.rename("share", "folder\\sent", "folder\\renamed")
    received = io.BytesIO()
    client.getFile("share", "folder\\renamed", received.write)
    assert received.getvalue() == content
    client.deleteFile("share", "folder\\renamed")
    assert names_in(client, "folder\\*") == {".", ".."}
    client.deleteDirectory("share", "folder")
    assert not any(share.iterdir())
    client.logoff()


class LeaseContext:
    """The create context of a lease of version 1, with getData, which impacket calls."""

    def __init__(self, key, state):
        self.key, self.state = key, state

    def getData(self):
        lease = self.key + struct.pack("<LLQ", self.state, 0, 0)
        return struct.pack("<LHHHHL", 0, 16, 4, 0, 24, len(lease)) + b"RqLs\0\0\0\0" + lease


def next_break(client):
    """Returns the body of the next break notification."""
    low = client.getSMBServer()
    notification = low.recvSMB(NOTIFICATION)
    # impacket takes it for a response without a charge, and would reuse a message id.
    low._Connection["SequenceWindow"] += 1
    return notification["Data"]


def answer_break(client, tree, body):
    """Sends an acknowledgement, and returns the status."""
    low = client.getSMBServer()
    packet = low.SMB_PACKET()
    packet["Command"] = smb.SMB2_OPLOCK_BREAK
    packet["TreeID"] = tree
    packet["Data"] = body
    answer = low.recvSMB(low.sendSMB(packet))
    return answer["Status"]


def start_get(account, name, target):
    return subprocess.Popen(
        ["smbclient", f"//127.0.0.1/{account.share}", "--configfile=/dev/null", f"--port={account.port}",
         f"--user={account.user}%{account.password}",
         f"--command=get {name} {target}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def check_notification(broken, with_lease, key, file_id):
    if with_lease:
        size, _, flags, of_key, was, to_be = struct.unpack_from("<HHL16sLL", broken)
        assert (size, flags, of_key, was, to_be) == (44, 1, key, RWH, RH)
    else:
        size, level = struct.unpack_from("<HB", broken)
        assert (size, level, broken[8:24]) == (24, LEVEL_TWO, file_id)


def contend(account, folder, dialect, with_lease, tell=lambda text: None, other_account=None):
    """impacket withholds a write, as its lease permits. smbclient must read the data nevertheless,
    also at another server of a cluster."""
    client = connect(account, dialect)
    low = client.getSMBServer()
    tree = client.connectTree(account.share)
    key = random.randbytes(16)
    file_id = low.create(
        tree, "contended", READ_WRITE, SHARE_ALL, smb.FILE_NON_DIRECTORY_FILE, smb.FILE_OVERWRITE_IF,
        smb.FILE_ATTRIBUTE_NORMAL, oplockLevel=LEASE if with_lease else BATCH,
        createContexts=[LeaseContext(key, RWH)] if with_lease else None)
    client.writeFile(tree, file_id, b"what is known by all")
    held_back = b"what only its writer knows"
    tell("impacket   has the file open with " + ("a lease RWH" if with_lease else "a batch oplock") +
         ", and withholds a write")

    target = pathlib.Path(folder) / "got"
    tell("smbclient  starts to read the file")
    other = start_get(other_account or account, "contended", target)
    broken = next_break(client)
    tell("impacket   receives a break, while smbclient waits")
    assert other.poll() is None, "the other client did not wait: " + other.stdout.read().decode()
    check_notification(broken, with_lease, key, file_id)
    client.writeFile(tree, file_id, held_back)
    if with_lease:
        body = struct.pack("<HHL", 36, 0, 0) + key + struct.pack("<LQ", RH, 0)
    else:
        body = struct.pack("<HBBL", 24, LEVEL_TWO, 0, 0) + file_id
    assert answer_break(client, tree, body) == 0
    tell("impacket   has written, and acknowledged the break")

    output, _ = other.communicate(timeout=TIMEOUT_S)
    assert other.returncode == 0, output.decode()
    assert target.read_bytes() == held_back, target.read_bytes()
    tell("smbclient  has read the withheld data: " + held_back.decode())
    client.closeFile(tree, file_id)
    client.deleteFile(account.share, "contended")
    client.logoff()


def refuses_wrong_password(port):
    client = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=port, timeout=TIMEOUT_S)
    try:
        client.login("tester", "wrong")
    except SessionError:
        return
    raise AssertionError("a wrong password is accepted")


def contend_at(port, share, user, password):
    account = Account(int(port), share, user, password)
    with tempfile.TemporaryDirectory(prefix="leasebreak-impacket-") as folder:
        for with_lease in (True, False):
            contend(account, folder, smb.SMB2_DIALECT_21, with_lease, lambda text: print("  " + text, flush=True))


def try_everything(program):
    with tempfile.TemporaryDirectory(prefix="leasebreak-impacket-") as work:
        for options in ([], ["--require-signing"]):
            with running(program, work, *options) as (port, share):
                for name, dialect in DIALECTS.items():
                    print("impacket at", name, *options)
                    round_trip(port, share, dialect)
                for name, with_lease in (("2.1", False), ("2.1", True), ("3.0", True)):
                    print("impacket at", name, "with a lease" if with_lease else "with an oplock",
                          "against smbclient", *options)
                    contend(Account(port), work, DIALECTS[name], with_lease)
                refuses_wrong_password(port)


def main(arguments):
    contends = len(arguments) == 5 and arguments[0] == "--contend"
    if len(arguments) != 1 and not contends:
        print(__doc__, file=sys.stderr)
        return 2
    if not shutil.which("smbclient"):
        print("smbclient is missing")
        return 77
    random.seed(1)  # for contents and keys only
    if contends:
        contend_at(*arguments[1:])
    else:
        try_everything(arguments[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
