#!/usr/bin/env python3
"""Tests the server of docs/tutorial.md.

usage: tutorial_test.py PROGRAM PAGE

Runs PROGRAM, examples/mini_server. Replays the session in the text block of PAGE, then further sessions.
"""

import re
import signal
import socket
import subprocess
import sys
import unittest

PROGRAM, PAGE = sys.argv[1:3]
TIMEOUT = 30  # seconds; only a failing test waits that long


class Client:
    """A connection, as with nc."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")

    def say(self, line):
        self.socket.sendall((line + "\n").encode())

    def hear(self):
        """The next line; empty at the end of the connection."""
        return self.lines.readline().rstrip("\n")

    def ask(self, line):
        self.say(line)
        return self.hear()

    def close(self):
        self.lines.close()
        self.socket.close()


class Tutorial(unittest.TestCase):
    def setUp(self):
        self.server = subprocess.Popen([PROGRAM, "0"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        self.port = int(re.fullmatch(r"listening on port (\d+)\n", self.server.stdout.readline())[1])
        self.clients = []

    def end(self):
        for client in self.clients:
            client.close()
        self.server.kill()
        self.server.wait(TIMEOUT)
        self.server.stdout.close()

    def connect(self):
        self.clients.append(Client(self.port))
        return self.clients[-1]

    def hello(self, name, client=None):
        """Repeats the command until the server has noticed the end of the client's last connection."""
        client = client or self.connect()
        while (answer := client.ask(f"hello {name}")).endswith(": it is connected"):
            pass
        return client, answer

    def stop(self, how=signal.SIGTERM):
        self.server.send_signal(how)
        self.assertEqual(self.server.wait(TIMEOUT), 0)
        return self.server.stdout.read()

    # -- the session that the page shows -----------------------------------------------------------

    def session(self):
        with open(PAGE, encoding="utf-8") as page:
            block = re.search(r"^```text\n(.*?)^```", page.read(), re.MULTILINE | re.DOTALL)[1]
        for line in block.splitlines():
            yield re.fullmatch(r"(\w+)([<>]) +(.*)", line).groups()

    def test_the_session_of_the_page(self):
        clients = {}
        replies = {}
        stopped = None
        for who, direction, text in self.session():
            with self.subTest(f"{who}{direction} {text}"):
                if who == "server" and direction == ">":
                    stopped = self.stop(signal.SIGINT)
                elif who == "server":
                    self.assertEqual(stopped, text + "\n")
                elif text == "^C":
                    clients.pop(who).close()
                elif direction == ">" and text.startswith("hello "):
                    clients[who], replies[who] = self.hello(who)
                elif direction == ">":
                    clients[who].say(text)
                else:
                    self.assertEqual(replies.pop(who, None) or clients[who].hear(), text)
        self.assertEqual(stopped, "stopped\n", "the session does not stop the server")

    # -- more sessions -----------------------------------------------------------------------------

    def test_an_open_continues_when_the_holder_disconnects(self):
        alice, _ = self.hello("alice")
        bob, _ = self.hello("bob")
        self.assertEqual(alice.ask("open report RWH durable"), "ok open report: RWH durable")
        bob.say("open report RWH")
        self.assertEqual(alice.hear(), "break report to RH, ack it")

        alice.close()

        self.assertEqual(bob.hear(), "ok open report: RWH")
        self.assertEqual(self.hello("alice")[1], "ok hello alice: 0 to reconnect")

    def test_a_disconnected_open_yields_to_another_client(self):
        alice, _ = self.hello("alice")
        self.assertEqual(alice.ask("open report RWH durable"), "ok open report: RWH durable")
        alice.close()
        alice, answer = self.hello("alice")
        self.assertEqual(answer, "ok hello alice: 1 to reconnect")
        bob, _ = self.hello("bob")

        self.assertEqual(bob.ask("open report RWH"), "ok open report: RWH")

        self.assertEqual(alice.ask("reconnect report"), "error reconnect report: there is nothing to reclaim")
        alice.say("open report RWH")
        self.assertEqual(bob.hear(), "break report to RH, ack it")

    def test_readers_share_a_file(self):
        alice, _ = self.hello("alice")
        bob, _ = self.hello("bob")
        self.assertEqual(alice.ask("open report RH"), "ok open report: RH")
        self.assertEqual(bob.ask("open report RWH"), "ok open report: RH")
        self.assertEqual(bob.ask("ack report R"), "error ack report: no break of this lease awaits an acknowledgement")

    def test_a_wrong_acknowledgement_changes_nothing(self):
        alice, _ = self.hello("alice")
        bob, _ = self.hello("bob")
        self.assertEqual(alice.ask("open report RWH"), "ok open report: RWH")
        bob.say("open report R")
        self.assertEqual(alice.hear(), "break report to RH, ack it")

        self.assertEqual(
            alice.ask("ack report RWH"),
            "error ack report: the acknowledged state exceeds the target of the break")

        self.assertEqual(alice.ask("ack report none"), "ok ack report: none")
        self.assertEqual(bob.hear(), "ok open report: R")

    def test_a_client_has_one_connection_and_one_open_of_a_file(self):
        alice, _ = self.hello("alice")
        self.assertEqual(self.connect().ask("hello alice"), "error hello alice: it is connected")
        self.assertEqual(alice.ask("open report R"), "ok open report: R")
        self.assertEqual(alice.ask("open report RWH"), "error open report: it is open")

    def test_commands_that_make_no_sense_are_refused(self):
        alice = self.connect()
        self.assertEqual(alice.ask("open report R"), "error open report: the client is not registered")
        self.hello("alice", alice)
        for line in ("", "open", "open report", "open report RX", "hello alice", "read report"):
            self.assertTrue(alice.ask(line).startswith("commands: open FILE"), line)
        self.assertEqual(alice.ask("close report"), "error close report: no such open")
        self.assertEqual(alice.ask("reconnect report"), "error reconnect report: there is nothing to reclaim")
        self.assertEqual(alice.ask("open report R"), "ok open report: R")
        alice.say("x" * 1000)
        self.assertEqual(alice.hear(), "error: the line is too long")

    def test_connections_are_limited(self):
        names = [f"client{i}" for i in range(64)]
        clients = [self.hello(name)[0] for name in names]
        self.assertEqual(self.connect().hear(), "")
        self.assertEqual(clients[-1].ask("open report RWH"), "ok open report: RWH")

    def test_it_stops_with_operations_pending(self):
        alice, _ = self.hello("alice")
        bob, _ = self.hello("bob")
        self.assertEqual(alice.ask("open report RWH durable"), "ok open report: RWH durable")
        bob.say("open report RWH")
        self.assertEqual(alice.hear(), "break report to RH, ack it")

        self.assertEqual(self.stop(), "stopped\n")

        self.assertEqual((alice.hear(), bob.hear()), ("", ""))

    def test_a_port_that_is_taken_is_an_error(self):
        done = subprocess.run([PROGRAM, str(self.port)], capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(done.stderr.startswith("mini_server: bind: Address already in use"), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
