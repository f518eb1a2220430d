#!/usr/bin/env python3
"""Runs one action with stock impacket (Debian's python3-impacket) as an SMB client.

usage: impacket_client.py list
       impacket_client.py put FOLDER REMOTE     copies a local tree to the share
       impacket_client.py get REMOTE FOLDER     copies a tree of the share
       impacket_client.py rename OLD NEW
       impacket_client.py delete REMOTE         deletes a file or a folder with its contents
       impacket_client.py shell FILE REMOTE     uses the shell of impacket's smbclient.py: puts FILE
                                                into the folder, lists, gets and deletes it

Reads the environment variables CLIENT_PORT, CLIENT_SHARE, CLIENT_USER, CLIENT_PASSWORD and CLIENT_DOMAIN.
Paths on the share have slashes. Exits with status 0 only if the action succeeded.
"""

import os
import pathlib
import sys
import tempfile

from impacket.examples.smbclient import MiniImpacketShell
from impacket.smbconnection import SMBConnection

TIMEOUT_S = 30
SHARE = os.environ["CLIENT_SHARE"]


def connect():
    """Logs on like smbclient.py, so that impacket chooses the dialect."""
    client = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=int(os.environ["CLIENT_PORT"]), timeout=TIMEOUT_S)
    client.login(os.environ["CLIENT_USER"], os.environ["CLIENT_PASSWORD"], os.environ.get("CLIENT_DOMAIN", ""))
    return client


def remote_path(path):
    return str(path).replace("/", "\\")


def entries(client, folder):
    """Yields the names in a folder, each with whether it is a folder."""
    pattern = remote_path(f"{folder}/*" if folder else "*")
    for entry in client.listPath(SHARE, pattern):
        if entry.get_longname() not in (".", ".."):
            yield entry.get_longname(), bool(entry.is_directory())


def put(client, folder, remote):
    client.createDirectory(SHARE, remote_path(remote))
    for item in sorted(pathlib.Path(folder).iterdir()):
        if item.is_dir():
            put(client, item, f"{remote}/{item.name}")
        else:
            with item.open("rb") as file:
                client.putFile(SHARE, remote_path(f"{remote}/{item.name}"), file.read)


def get(client, remote, folder):
    local = pathlib.Path(folder)
    local.mkdir()
    for name, is_folder in entries(client, remote):
        if is_folder:
            get(client, f"{remote}/{name}", local / name)
        else:
            with (local / name).open("wb") as file:
                client.getFile(SHARE, remote_path(f"{remote}/{name}"), file.write)


def is_folder_on(client, remote):
    parent, _, name = remote.rpartition("/")
    return dict(entries(client, parent))[name]


def delete_folder(client, remote):
    for name, is_folder in list(entries(client, remote)):
        if is_folder:
            delete_folder(client, f"{remote}/{name}")
        else:
            client.deleteFile(SHARE, remote_path(f"{remote}/{name}"))
    client.deleteDirectory(SHARE, remote_path(remote))


def delete(client, remote):
    if is_folder_on(client, remote):
        delete_folder(client, remote)
    else:
        client.deleteFile(SHARE, remote_path(remote))


def shell(client, file, remote):
    """Checks the file itself, because smbclient.py only prints errors and continues."""
    source = pathlib.Path(file).resolve()
    commands = MiniImpacketShell(client)
    with tempfile.TemporaryDirectory(prefix="leasebreak-clients-") as folder:
        for command in (f"use {SHARE}", f"cd {remote}", f"put {source}", "ls", f"lcd {folder}", f"get {source.name}"):
            commands.onecmd(command)
        assert (pathlib.Path(folder) / source.name).read_bytes() == source.read_bytes()
    assert source.name in dict(entries(client, remote))
    commands.onecmd(f"rm {source.name}")
    assert source.name not in dict(entries(client, remote))


def list_root(client):
    for name, is_folder in entries(client, ""):
        print(name + ("/" if is_folder else ""))


def rename(client, old, new):
    client.rename(SHARE, remote_path(old), remote_path(new))


def main(arguments):
    actions = {"list": (list_root, 0), "put": (put, 2), "get": (get, 2), "rename": (rename, 2), "delete": (delete, 1),
               "shell": (shell, 2)}
    action, count = actions.get(arguments[0] if arguments else "", (None, 0))
    if action is None or len(arguments) != 1 + count:
        print(__doc__, file=sys.stderr)
        return 2
    client = connect()
    action(client, *arguments[1:])
    client.logoff()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
