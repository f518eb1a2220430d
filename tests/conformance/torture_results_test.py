#!/usr/bin/env python3
"""Tests of scripts/lib/torture_results.py: usage: torture_results_test.py ROOT"""

import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1])
SPEC = importlib.util.spec_from_file_location(
    "torture_results", ROOT / "scripts" / "lib" / "torture_results.py"
)
results = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(results)

LISTING = "smb2.lock.lock.lock\nsmb2.lock.async.async\nsmb2.lock.range.range\nsmb2.lock.skipped.skipped\n"
OUTPUT = """test: lock
success: lock
test: async
failure: async [
lock.c:1: wrong
]
test: skipped
skip: skipped [
not here
]
test: range
"""


class Outcomes(unittest.TestCase):
    def test_are_as_printed_and_failed_if_none_is_printed(self):
        found = results.outcomes(results.names_of(LISTING), OUTPUT)

        self.assertEqual(
            found,
            {
                "smb2.lock.lock": "passed",
                "smb2.lock.async": "failed",
                "smb2.lock.range": "failed",
                "smb2.lock.skipped": "skipped",
            },
        )

    def test_of_a_suite_that_is_one_test(self):
        found = results.outcomes(results.names_of("smb2.tcon.tcon\n"), "success: tcon\n")

        self.assertEqual(found, {"smb2.tcon": "passed"})


class Expectations(unittest.TestCase):
    def test_need_a_reason(self):
        for bad in ("smb2.a.b", "smb2.a.b because", "smb2.a.b it is so\nsmb2.a.b it is so"):
            with self.assertRaises(ValueError, msg=bad):
                results.read_expected(bad)

    def test_skip_comments_and_empty_lines(self):
        found = results.read_expected("# x\n\nsmb2.a.b  needs control lists\n")

        self.assertEqual(found, {"smb2.a.b": "needs control lists"})


class Judgement(unittest.TestCase):
    def test_accepts_passed_tests_and_expected_failures(self):
        suites = {"smb2.a": {"smb2.a.b": "failed", "smb2.a.c": "passed", "smb2.a.d": "skipped"}}

        self.assertEqual(results.judge(suites, {"smb2.a.b": "reason", "smb2.z.y": "not run"}), [])

    def test_finds_each_kind_of_problem(self):
        for outcomes, expected in (
            ({"smb2.a.b": "failed"}, {}),
            ({"smb2.a.b": "passed"}, {"smb2.a.b": "reason"}),
            ({"smb2.a.b": "skipped"}, {"smb2.a.b": "reason"}),
            ({"smb2.a.b": "passed"}, {"smb2.a.gone": "reason"}),
            ({}, {}),
        ):
            self.assertEqual(len(results.judge({"smb2.a": outcomes}, expected)), 1, outcomes)


class Program(unittest.TestCase):
    def run_it(self, expected):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "smb2.lock.tests").write_text(LISTING, encoding="utf-8")
            (folder / "smb2.lock.out").write_text(OUTPUT, encoding="utf-8")
            (folder / "smb2.lock.seconds").write_text("7\n", encoding="utf-8")
            (folder / "expected.txt").write_text(expected, encoding="utf-8")
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                status = results.main([str(folder / "expected.txt"), name, "smb2.lock"])
            return status, said.getvalue()

    def test_exits_with_0_if_all_outcomes_are_expected(self):
        status, said = self.run_it("smb2.lock.async is not done here\nsmb2.lock.range is not done here\n")

        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"smb2.lock +1 +2 +1 +7  async \(expected\), range \(expected\)")

    def test_exits_with_1_for_a_failure_or_an_invalid_list(self):
        for expected in ("smb2.lock.async is not done here\n", "smb2.lock.async\n"):
            status, said = self.run_it(expected)

            self.assertEqual(status, 1, said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
