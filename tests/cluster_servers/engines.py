"""The engines of a cluster of this machine: an etcd, or a PostgreSQL server."""

import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Etcd:
    """An etcd with a folder of its own. Its data need not survive a failure of the machine, whose disk may be busy
    for longer than a lease."""

    NAME = "etcd"

    @staticmethod
    def program():
        """The path of etcd, or None."""
        unpacked = ROOT / "build/etcd/usr/bin/etcd"
        return shutil.which("etcd") or (str(unpacked) if unpacked.exists() else None)

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._process = None
        for _ in range(3):  # another program may take a port that was free
            self._url = f"http://127.0.0.1:{free_port()}"
            self._peer_url = f"http://127.0.0.1:{free_port()}"
            if self._try_to_start():
                return
        raise RuntimeError("etcd does not start")

    @property
    def option(self):
        """The argument of `smb_server --cluster`."""
        return f"etcd:{self._url}"

    def _try_to_start(self):
        with (self._folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program(), "--data-dir", str(self._folder / "etcd"), "--listen-client-urls", self._url,
                 "--advertise-client-urls", self._url, "--listen-peer-urls", self._peer_url,
                 "--initial-advertise-peer-urls", self._peer_url, "--initial-cluster", f"default={self._peer_url}",
                 "--unsafe-no-fsync"],
                stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self._url + "/health", timeout=1) as answer:
                    if b'"true"' in answer.read():
                        return True
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        return False

    def start(self):
        if not self._try_to_start():
            raise RuntimeError("etcd does not start")

    def stop(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        self.stop()


class Postgres:
    """A PostgreSQL server that listens on a socket in a private folder. It refuses to run as root."""

    NAME = "PostgreSQL"

    @staticmethod
    def program():
        """The path of the server's program, or None."""
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        return str(found[-1]) if found else None

    def __init__(self, _folder):
        self._account = "postgres" if os.geteuid() == 0 else getpass.getuser()
        self._as = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self._folder = tempfile.mkdtemp(prefix="leasebreak-postgres-")
        if self._as:
            shutil.chown(self._folder, "postgres", "postgres")
        self._process = None
        subprocess.run(
            [self._beside("initdb"), "-D", f"{self._folder}/data", "-U", "postgres", "--auth=trust", "--encoding=UTF8",
             "--locale=C", "--no-sync", "--no-instructions"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **self._as)
        self.start()

    def _beside(self, program):
        return str(pathlib.Path(self.program()).with_name(program))

    @property
    def option(self):
        """The argument of `smb_server --cluster`."""
        return f"postgres:host={self._folder} user=postgres dbname=postgres"

    def start(self):
        # fsync is off, as the data need not survive a failure of the machine.
        self._process = subprocess.Popen(
            [self.program(), "-D", f"{self._folder}/data", "-k", self._folder, "-h", "", "-F", "-c",
             "shared_buffers=16MB"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._as)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            ready = subprocess.run([self._beside("pg_isready"), "-q", "-h", self._folder], check=False, cwd="/")
            if ready.returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL does not start")

    def stop(self):
        self._process.send_signal(signal.SIGQUIT)  # without a checkpoint, as after a crash
        self._process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
