#!/usr/bin/env python3
"""A real Prometheus scrapes a real server, loads the alert rules, and answers queries.

usage: prometheus_test.py SMB_SERVER ROOT

Everything is on the loopback interface and in a temporary folder. Exits with 77 if Prometheus is missing.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

TOKEN = "prometheus-token-0123456789"
TIMEOUT_S = 120


def find_program(name, root):
    """In the path, or where scripts/test has unpacked it."""
    unpacked = root / "build/prometheus/usr/bin" / name
    return shutil.which(name) or (str(unpacked) if os.access(unpacked, os.X_OK) else None)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(url, token=""):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def wait_until(what, process, check):
    """Returns the first result of `check` that is true, while the process runs, within a limit."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        try:
            result = check()
            if result:
                return result
        except OSError:
            pass
        try:
            raise AssertionError(f"{what}: the process has ended with {process.wait(timeout=0.05)}")
        except subprocess.TimeoutExpired:
            pass
    raise AssertionError(f"{what}: not within {TIMEOUT_S} s")


def start_server(program, work):
    (work / "share").mkdir()
    (work / "tokens").touch(mode=0o600)
    (work / "tokens").write_text(f"read {TOKEN}\n")
    server = subprocess.Popen(
        [program, "--listen", "127.0.0.1:0", "--share", f"docs={work}/share", "--user", "alice:secret",
         "--log-level", "info", "--admin", "127.0.0.1:0", "--admin-token", str(work / "tokens")],
        stdout=subprocess.PIPE, stderr=(work / "log").open("w"), text=True)
    assert server.stdout.readline().startswith("listening on "), "the server does not start"
    for line in (work / "log").read_text().splitlines():
        if "admin service on " in line:
            return server, int(line.rpartition(":")[2])
    raise AssertionError("the server does not say where its admin service is")


def start_prometheus(program, root, work, target):
    port = free_port()
    (work / "scrape-token").write_text(TOKEN)
    (work / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: ["{root}/packaging/prometheus/leasebreak.rules.yml"]
scrape_configs:
  - job_name: leasebreak
    authorization: {{credentials_file: {work}/scrape-token}}
    static_configs: [{{targets: ["127.0.0.1:{target}"]}}]
""")
    process = subprocess.Popen(
        [program, f"--config.file={work}/prometheus.yml", f"--storage.tsdb.path={work}/data",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        stdout=subprocess.DEVNULL, stderr=(work / "prometheus.log").open("w"))
    return process, f"http://127.0.0.1:{port}"


def query(base, expression):
    answer = json.loads(fetch(f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def judge_metrics(promtool, port):
    text = fetch(f"http://127.0.0.1:{port}/metrics", TOKEN)
    done = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def check(process, base, port):
    wait_until("several scrapes", process, lambda: [
        r for r in query(base, 'count_over_time(leasebreak_opens{job="leasebreak"}[1m])') if float(r["value"][1]) > 3])
    up = query(base, "up")
    assert [r["value"][1] for r in up] == ["1"], up
    version = query(base, "leasebreak_build_info")
    assert version[0]["metric"]["version"] and version[0]["metric"]["instance"] == f"127.0.0.1:{port}", version
    kinds = query(base, "count by (operation) (leasebreak_wait_duration_seconds_count)")
    assert {r["metric"]["operation"] for r in kinds} >= {"open", "lock", "write", "rename", "close"}, kinds
    wait_until("rules that are evaluated", process, lambda: rules_are_well(base))


def rules_are_well(base):
    groups = json.loads(fetch(f"{base}/api/v1/rules"))["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert not [r for r in rules if r["health"] == "err"], rules
    return rules and all(r["health"] == "ok" and r["state"] == "inactive" for r in rules)


def end(process):
    process.terminate()
    process.wait(timeout=TIMEOUT_S)


def main(arguments):
    root = pathlib.Path(arguments[1]).resolve()
    prometheus, promtool = find_program("prometheus", root), find_program("promtool", root)
    if prometheus is None or promtool is None:
        print("prometheus or promtool is missing")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        server, port = start_server(arguments[0], work)
        try:
            judge_metrics(promtool, port)
            process, base = start_prometheus(prometheus, root, work, port)
            try:
                check(process, base, port)
            except AssertionError:
                print((work / "prometheus.log").read_text())
                raise
            finally:
                end(process)
        finally:
            end(server)
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
