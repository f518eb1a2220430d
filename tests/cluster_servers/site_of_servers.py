"""An engine and several example servers that form a cluster on this machine."""

import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import threading

from engines import Etcd, free_port

START_S = 60


class Server:
    """An example server with its log, which is read all the time."""

    def __init__(self, name, command):
        self.name = name
        self.port = None
        self.lines = []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._listens = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("listening on "):
                self.port = int(line.rpartition(":")[2])
                self._listens.set()

    def wait_until_it_serves(self):
        if not self._listens.wait(START_S):
            raise RuntimeError(f"server {self.name} does not serve:\n" + "\n".join(self.lines))

    def send(self, signal):
        self._process.send_signal(signal)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        """Returns the exit status."""
        self._process.terminate()
        status = self._process.wait(timeout=START_S)
        self._reader.join()
        return status

    def is_running(self):
        return self._process.poll() is None


class Site:
    """A folder that is exported by several servers. Use it in a `with` statement."""

    def __init__(self, program, folder, lease_s=2, options=(), engine=Etcd):
        self.folder = pathlib.Path(folder)
        self.share = self.folder / "share"
        self.share.mkdir()
        self.servers = {}
        self._program = program
        self._lease_s = lease_s
        self._options = options
        self._kind_of_engine = engine
        self.engine = None

    def __enter__(self):
        self.engine = self._kind_of_engine(self.folder)
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            if server.is_running():
                server.kill()
        self.engine.close()

    def cluster_seen_by(self, name):
        """What the service for operators of a server says of the cluster."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        with contextlib.closing(connection):
            connection.sock.connect(str(self.folder / f"{name}.sock"))
            connection.request("GET", "/api/v1/cluster")
            return json.loads(connection.getresponse().read())

    def start(self, name):
        """Starts a server, and returns it when it serves."""
        server = Server(name, [
            self._program, "--listen", "127.0.0.1:0", "--share", f"share={self.share}", "--user", "tester:secret",
            "--cluster", self.engine.option, "--cluster-node", name,
            "--cluster-listen", f"127.0.0.1:{free_port()}", "--cluster-lease", str(self._lease_s),
            "--admin", str(self.folder / f"{name}.sock"), *self._options])
        self.servers[name] = server
        server.wait_until_it_serves()
        return server
