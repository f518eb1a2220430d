#!/usr/bin/env python3
"""Tests of check_style.py, check_docs.py and check_scripts.py: each finds what it is to find."""

import pathlib
import tempfile
import unittest

import check_docs
import check_scripts
import check_style


def style(path, text):
    return [why for _, why in check_style.problems(path, text)]


class Style(unittest.TestCase):
    GOOD = "// What it is.\n#pragma once\n"

    def test_accepts_a_plain_header(self):
        self.assertEqual(style("model/a.hpp", self.GOOD), [])

    def test_wants_a_comment_and_a_guard_in_a_header(self):
        self.assertEqual(len(style("model/a.hpp", "int x;\n")), 2)

    def test_finds_each_unwanted_thing(self):
        for line in (
            "using namespace std;", "int x; // TODO", "\tint x;", "int x; ",
            "#include <format>", "std::cout << 1;",
        ):
            self.assertEqual(len(style("model/a.cpp", line + "\n")), 1, line)

    def test_lets_programs_print(self):
        self.assertEqual(style("examples/a.cpp", "std::cout << 1;\n"), [])


class Docs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "scripts").mkdir()
        script = self.root / "scripts/test"
        script.write_text("#!/bin/sh\necho --quick\n")
        script.chmod(0o755)

    def tearDown(self):
        self.folder.cleanup()

    def problems(self, line):
        return list(check_docs.problems_with(line, self.root, None, {"release"}))

    def test_accepts_what_is_there(self):
        for line in ("scripts/test --quick", "cmake --preset release", "A=1 scripts/test"):
            self.assertEqual(self.problems(line), [], line)

    def test_finds_what_is_not_there(self):
        for line in ("scripts/tset", "scripts/test --qick", "cmake --preset relaese"):
            self.assertEqual(len(self.problems(line)), 1, line)

    def test_finds_a_broken_link(self):
        page = self.root / "README.md"

        found = list(check_docs.broken_links(
            self.root, page, "[a](scripts/test) [b](gone.md) [c](https://example.org)"))

        self.assertEqual(found, ["link to gone.md, which is not there"])

    def test_finds_code_that_the_program_does_not_have(self):
        (self.root / "examples").mkdir()
        (self.root / "examples/quickstart.cpp").write_text("int main() {\n  return 0;\n}\n")
        (self.root / "README.md").write_text("```cpp\nreturn 0;\n```\n\n```cpp\nreturn 1;\n```\n")

        found = list(check_docs.excerpts_that_differ(self.root))

        self.assertEqual(found, [("README.md", "not in examples/quickstart.cpp: return 1; ...")])

    def test_finds_code_that_the_server_does_not_have(self):
        (self.root / "docs").mkdir()
        (self.root / "examples/smb_server").mkdir(parents=True)
        (self.root / "examples/smb_server/a.hpp").write_text("int a;\nint b;\n")
        (self.root / "docs/embedding.md").write_text("```cpp\nint b;\n```\n\n```cpp\nint b;\nint a;\n```\n")

        found = list(check_docs.excerpts_that_differ(self.root))

        self.assertEqual(found, [("docs/embedding.md", "not in examples/smb_server: int b; ...")])

    def test_finds_a_call_that_a_page_leaves_out(self):
        (self.root / "docs").mkdir()
        header = self.root / "actors/include/leasebreak/coordinator.hpp"
        header.parent.mkdir(parents=True)
        header.write_text("class coordinator {\n  auto async_a(int) {\n  error_code b(\n  void c();\n};\n")
        (self.root / "docs/embedding.md").write_text("`async_a`\n")

        found = list(check_docs.calls_left_out(self.root))

        self.assertEqual(found, [("docs/embedding.md", "does not name `b`")])

    def test_finds_a_test_that_nobody_wrote(self):
        (self.root / "docs").mkdir()
        (self.root / "tests").mkdir()
        (self.root / "docs/semantics.md").write_text("`Grants.AreRight` `Grants.AreKept`\n")
        (self.root / "tests/a_test.cpp").write_text("TEST(Grants,\n  AreRight) {\n}\n")

        found = list(check_docs.tests_that_are_missing(self.root))

        self.assertEqual([why for _, why in found], ["no test Grants.AreKept"])


class Scripts(unittest.TestCase):
    def test_finds_a_script_that_does_not_parse(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("scripts", ".ci", "tests"):
                (root / name).mkdir()
            script = root / "scripts/test"
            script.write_text("#!/usr/bin/env bash\nif true; then\n")
            script.chmod(0o755)

            status = check_scripts.main([folder])

        self.assertEqual(status, 1)


if __name__ == "__main__":
    unittest.main()
