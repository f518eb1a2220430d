#!/usr/bin/env python3
"""Checks that the shell scripts parse, are executable, and pass shellcheck if it is installed.

usage: check_scripts.py ROOT
"""

import os
import pathlib
import shutil
import subprocess
import sys


def shell_scripts(root):
    """All shell scripts, as (path, whether it is only sourced)."""
    for folder in (root / "scripts", root / ".ci", root / "tests"):
        for file in sorted(folder.rglob("*")):
            if not file.is_file():
                continue
            if file.suffix == ".sh":
                yield file, True
            elif file.read_bytes()[:32].startswith((b"#!/bin/bash", b"#!/usr/bin/env bash", b"#!/bin/sh")):
                yield file, False


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    shellcheck = shutil.which("shellcheck")
    scripts = list(shell_scripts(root))
    failed = not scripts
    for file, sourced in scripts:
        commands = [["bash", "-n", str(file)]]
        if shellcheck:
            commands.append([shellcheck, "--external-sources", "--source-path=SCRIPTDIR", str(file)])
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                failed = True
                print(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        if not sourced and not os.access(file, os.X_OK):
            failed = True
            print(f"{file.relative_to(root)} is not executable")
    print(f"{len(scripts)} scripts, shellcheck {'used' if shellcheck else 'is not installed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
