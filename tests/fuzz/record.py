#!/usr/bin/env python3
"""Records the frames of SMB clients, for the corpus of the fuzz targets.

usage: record.py LISTEN_PORT SERVER_PORT NAME

Forwards connections to LISTEN_PORT to the server at SERVER_PORT, until interrupted. Writes each
connection to corpus/sessions/NAME-N, in the format of recording.hpp, and its logon tokens to
corpus/logons/NAME-N, in the format of logon_target.hpp. Writes frames with a new pair of command and
length to corpus/frames/COMMAND-LENGTH. Clients must neither sign nor encrypt, and must log on as "user"
with the password "pass".
"""

import pathlib
import socket
import struct
import sys
import threading

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
FRAME_BYTES_MAX = 2048
FRAMES_MAX = 64
SETUP_COMMANDS = (0, 1, 3)  # NEGOTIATE, SESSION_SETUP, TREE_CONNECT
SESSION_SETUP = 1
LOGGED_ON = KNOWS_PASSWORD = b"\x01"


def receive(source, count):
    """Returns `count` bytes, or None if the connection ends before."""
    result = b""
    while len(result) < count:
        try:
            part = source.recv(count - len(result))
        except ConnectionError:
            return None
        if not part:
            return None
        result += part
    return result


def pass_back(server, client):
    try:
        while part := server.recv(65536):
            client.sendall(part)
    except OSError:
        pass  # one connection has ended, which ends the recording


def frames_of(client, server):
    """Yields the client's frames, and forwards them to the server."""
    while (length := receive(client, 4)) and (frame := receive(client, struct.unpack(">I", length)[0])):
        server.sendall(length + frame)
        yield frame


def command_of(frame):
    return struct.unpack_from("<H", frame, 12)[0] if frame[:4] == b"\xfeSMB" and len(frame) >= 64 else None


def keep_frame(frame):
    command = command_of(frame)
    if command is None or len(frame) > FRAME_BYTES_MAX:
        return
    path = CORPUS / "frames" / f"{command:02}-{len(frame) // 32 * 32:04}"
    if not path.exists():
        path.write_bytes(frame)


def token_of(frame):
    offset, length = struct.unpack_from("<HH", frame, 76)
    return frame[offset:offset + length]


def with_lengths(parts, flags=b""):
    return b"".join(flags + struct.pack("<H", len(part)) + part for part in parts)


def record(client, server_port, name):
    with socket.create_connection(("127.0.0.1", server_port)) as server:
        threading.Thread(target=pass_back, args=(server, client), daemon=True).start()
        kept, tokens = [], []
        for frame in frames_of(client, server):
            keep_frame(frame)
            if command_of(frame) == SESSION_SETUP:
                tokens.append(token_of(frame))
            if command_of(frame) not in SETUP_COMMANDS and len(frame) <= FRAME_BYTES_MAX:
                kept.append(frame)
    if kept:
        (CORPUS / "sessions" / name).write_bytes(LOGGED_ON + with_lengths(kept[:FRAMES_MAX], b"\0"))
    if tokens:
        (CORPUS / "logons" / name).write_bytes(KNOWS_PASSWORD + with_lengths(tokens))


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    listen_port, server_port, name = int(arguments[0]), int(arguments[1]), arguments[2]
    for folder in ("frames", "sessions", "logons"):
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    number = 0
    with socket.create_server(("127.0.0.1", listen_port)) as listener:
        while True:
            client, _ = listener.accept()
            number += 1
            threading.Thread(
                target=record, args=(client, server_port, f"{name}-{number}"), daemon=True).start()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(0)
