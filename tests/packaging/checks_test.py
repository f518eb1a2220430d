#!/usr/bin/env python3
"""Tests of the other check_*.py of this folder: each finds its kinds of problems."""

import pathlib
import shutil
import tempfile
import unittest

import check_api
import check_docs
import check_exports
import check_prose
import check_recipes
import check_scripts
import check_semantics
import check_style

ROOT = pathlib.Path(__file__).resolve().parents[2]


def style(path, text):
    return [why for _, why in check_style.problems(path, text)]


class Style(unittest.TestCase):
    GOOD = "// What it is.\n#pragma once\n"

    def test_accepts_a_plain_header(self):
        self.assertEqual(style("model/a.hpp", self.GOOD), [])

    def test_wants_a_comment_and_a_guard_in_a_header(self):
        self.assertEqual(len(style("model/a.hpp", "int x;\n")), 2)

    def test_finds_each_forbidden_pattern(self):
        for line in (
            "using namespace std;", "int x; // TODO", "\tint x;", "int x; ",
            "#include <format>", "std::cout << 1;",
        ):
            self.assertEqual(len(style("model/a.cpp", line + "\n")), 1, line)

    def test_lets_programs_print(self):
        self.assertEqual(style("examples/a.cpp", "std::cout << 1;\n"), [])

    def test_finds_local_names_that_two_files_share(self):
        def found(*files):
            programs = check_style.Programs()
            return sum(len(list(programs.problems(path, text))) for path, text in files)

        hidden = "namespace {\nstruct a {};\nconstexpr int b = 1;\nint c(int x) {\n} // namespace\n"
        self.assertEqual(found(("tests/x/a.cpp", hidden), ("tests/x/b.cpp", hidden)), 3)
        self.assertEqual(found(("model/src/p/a.cpp", hidden), ("model/src/q/b.cpp", hidden)), 3)
        self.assertEqual(found(("tests/x/a.cpp", hidden), ("tests/y/b.cpp", hidden)), 0)
        shown = hidden.replace("namespace {\n", "")
        self.assertEqual(found(("tests/x/a.cpp", shown), ("tests/x/b.cpp", hidden)), 0)
        overload = "namespace {\nint c(long x) {\n} // namespace\n"
        self.assertEqual(found(("tests/x/a.cpp", overload), ("tests/x/b.cpp", hidden)), 0)


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

    def test_accepts_names_that_exist(self):
        for line in ("scripts/test --quick", "cmake --preset release", "A=1 scripts/test"):
            self.assertEqual(self.problems(line), [], line)

    def test_finds_names_that_do_not_exist(self):
        for line in ("scripts/tset", "scripts/test --qick", "cmake --preset relaese"):
            self.assertEqual(len(self.problems(line)), 1, line)

    def test_finds_a_broken_link(self):
        page = self.root / "README.md"

        found = list(check_docs.broken_links(
            self.root, page, "[a](scripts/test) [b](gone.md) [c](https://example.org)"))

        self.assertEqual(found, ["link to gone.md, which does not exist"])

    def test_finds_a_link_to_a_missing_heading(self):
        page = self.root / "README.md"
        (self.root / "a.md").write_text("# One\n\n## Two: a `word`, and more\n")

        found = list(check_docs.broken_links(
            self.root, page, "# Here\n\n[a](a.md#two-a-word-and-more) [b](a.md#three) [c](#here) [d](#there)"))

        self.assertEqual(
            found, ["link to a.md#three, which is not a heading", "link to #there, which is not a heading"])

    def test_finds_code_that_the_program_does_not_have(self):
        (self.root / "examples").mkdir()
        (self.root / "examples/quickstart.cpp").write_text("int main() {\n  return 0;\n}\n")
        (self.root / "README.md").write_text("```cpp\nreturn 0;\n```\n\n```cpp\nreturn 1;\n```\n")
        (self.root / "examples/mini_server.cpp").write_text("int a;\n")
        (self.root / "docs").mkdir()
        (self.root / "docs/tutorial.md").write_text("```cpp\nint a;\n```\n\n```cpp\nint b;\n```\n")

        found = list(check_docs.excerpts_that_differ(self.root))

        self.assertEqual(found, [
            ("README.md", "not in examples/quickstart.cpp: return 1; ..."),
            ("docs/tutorial.md", "not in examples/mini_server.cpp: int b; ...")])

    def test_finds_output_that_the_program_does_not_print(self):
        program = self.root / "examples/quickstart"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho one\necho two\n")
        program.chmod(0o755)
        page = "```sh\nbuild/release/examples/quickstart\n```\n\n```text\n%s\n```\n"
        for shown, problems in (("one\ntwo", 0), ("two\none", 1)):
            (self.root / "README.md").write_text(page % shown)

            found = list(check_docs.output_that_differs(self.root, self.root))

            self.assertEqual(len(found), problems, shown)

    def test_finds_code_that_the_server_does_not_have(self):
        (self.root / "docs").mkdir()
        (self.root / "examples/smb_server").mkdir(parents=True)
        (self.root / "examples/smb_server/a.hpp").write_text("int a;\nint b;\n")
        (self.root / "docs/embedding.md").write_text("```cpp\nint b;\n```\n\n```cpp\nint b;\nint a;\n```\n")

        found = list(check_docs.excerpts_that_differ(self.root))

        self.assertEqual(found, [("docs/embedding.md", "not in examples/smb_server: int b; ...")])

    def test_finds_a_call_that_a_page_omits(self):
        (self.root / "docs").mkdir()
        header = self.root / "actors/include/leasebreak/coordinator.hpp"
        header.parent.mkdir(parents=True)
        header.write_text("class coordinator {\n  auto async_a(int) {\n  error_code b(\n  void c();\n};\n")
        (self.root / "docs/embedding.md").write_text("`async_a`\n")

        found = list(check_docs.calls_left_out(self.root))

        self.assertEqual(found, [("docs/embedding.md", "does not name `b`")])

    def test_finds_a_call_whose_place_a_page_does_not_show(self):
        (self.root / "docs").mkdir()
        server = self.root / "examples/smb_server"
        server.mkdir(parents=True)
        (server / "a.cpp").write_text("coordinator_->async_a(1);\nhost.coordinator().async_b();\n")
        (server / "c.cpp").write_text("")
        page = self.root / "docs/embedding.md"
        table = "| starts | `async_a` | `a.cpp` |\n| goes on | `async_b` | `%s` |\n"
        code = "```cpp\ncoordinator_->async_a(1);\n```\n```cpp\nhost.coordinator().async_b();\n```\n"

        page.write_text(code + table % "a.cpp")
        self.assertEqual(list(check_docs.calls_not_shown(self.root)), [])
        page.write_text(code.replace("async_b", "b") + table % "c.cpp")
        self.assertEqual(
            [why for _, why in check_docs.calls_not_shown(self.root)],
            ["does not show a call of async_b", "does not say that a.cpp calls async_b",
             "c.cpp does not call async_b"])

    def test_finds_a_test_that_does_not_exist(self):
        (self.root / "docs").mkdir()
        (self.root / "tests").mkdir()
        (self.root / "docs/semantics.md").write_text("`Grants.AreRight` `Grants.AreKept`\n")
        (self.root / "tests/a_test.cpp").write_text("TEST(Grants,\n  AreRight) {\n}\n")

        found = list(check_docs.tests_that_are_missing(self.root))

        self.assertEqual([why for _, why in found], ["no test Grants.AreKept"])


class Semantics(unittest.TestCase):
    """Whether each rule names its proof."""

    HEAD = "| Rule | Test | smbtorture |\n|---|---|---|\n"
    LISTED = check_semantics.names_in("smb2.lock.async.async\nsmb2.lock.range.range\nsmb2.notify.a.a\n")

    def problems(self, *cells):
        row = "| It is so | " + " | ".join(cells) + " |\n"
        return list(check_semantics.problems(
            self.HEAD + row, ["smb2.lock"], {"smb2.lock.range"}, self.LISTED))

    def test_accepts_names_that_exist(self):
        for cell in ("smb2.lock.async", "none", "smb2.lock.async, [smb2.lock.newer]", "[smb2.newer]"):
            self.assertEqual(self.problems("`Locks.AreKept`", cell), [], cell)

    def test_wants_a_test_of_the_project_and_a_cell_about_smbtorture(self):
        self.assertEqual(self.problems("", "none"), ["no test of the project: It is so"])
        self.assertEqual(
            self.problems("`Locks.AreKept`", ""), ['neither a test of smbtorture nor "none": It is so'])

    def test_finds_each_name_that_proves_nothing(self):
        for cell, why in (
            ("smb2.lock.async, asink", "smbtorture has no smb2.lock.asink"),
            ("[smb2.lock.async]", "smbtorture has smb2.lock.async, in brackets"),
            ("smb2.notify.a", "scripts/conformance does not run smb2.notify.a"),
            ("smb2.lock.range", "smb2.lock.range is expected to fail"),
        ):
            self.assertEqual(self.problems("`Locks.AreKept`", cell), [why])

    def test_finds_the_suites_of_the_script(self):
        self.assertEqual(
            check_semantics.suites_run("A=1\nSUITES=(\n  smb2.a smb2.b\n  smb2.c\n)\n"),
            ["smb2.a", "smb2.b", "smb2.c"])

    def test_parses_tables(self):
        text = self.HEAD + "| a | b | c |\n\ntext\n| Rule | Test |\n|---|---|\n| d | e |\n"

        self.assertEqual(
            list(check_semantics.rows(text)),
            [{"Rule": "a", "Test": "b", "smbtorture": "c"}, {"Rule": "d", "Test": "e"}])


class Prose(unittest.TestCase):
    def problems(self, text, path="a.md"):
        return [line for line, _ in check_prose.problems(path, text)]

    def test_accepts_plain_sentences(self):
        for text in (
            "Complete waiting operations first.", "The client that waits is told. That is all.",
            "# What an open breaks", "What does a close do?", "What a store keeps.", "The model; it has no clock.",
        ):
            self.assertEqual(self.problems(text), [], text)

    def test_finds_a_clause_that_is_the_subject(self):
        for text in (
            "Who is told has a lease.", "It ends; who asks again is refused.", "* Who has it keeps it.",
            "What is stored is read.", "It ends. What was asked of it goes on.", "That the store fails is counted.",
            "| a | Which opens are kept is known later |",
        ):
            self.assertEqual(self.problems(text), [1], text)

    def test_finds_each_unwanted_word(self):
        for word in (
            "somebody", "Nobody", "he", "whoever", "but for", "gives way", "let go", "given up", "gives it up",
            "came and went", "has its turn", "a moment", "newcomer", "parked", "anew", "the one that",
        ):
            self.assertEqual(self.problems(f"It ends\nwith {word} there."), [2], word)

    def test_looks_at_no_code_in_a_page(self):
        self.assertEqual(self.problems("`Somebody`, [a](who.md), ``\n\n```cpp\n// Nobody.\n```\n"), [])

    def test_looks_at_comments_and_strings_of_a_program(self):
        text = (
            "/// It ends when\n/// nobody is left.\nint nobody = 1'000; // Who waits is told.\n"
            "f(\"somebody\", 'x'); // f\n/* he */\n")

        self.assertEqual(sorted(set(self.problems(text, "a.cpp"))), [2, 3, 4, 5])

    def test_leaves_keys_of_json_alone(self):
        for line in (
            "o[\"nobody\"] = 1;", "o.at(\"nobody\");", "if (o.contains(\"nobody\"))", "R\"({\"nobody\": 1})\";",
            "f(\"{\\\"nobody\\\":1}\");",
        ):
            self.assertEqual(self.problems(line + "\n", "a.cpp"), [], line)
        for line in (
            "say(\"nobody\");", "o[\"a\"] = \"nobody\";", "R\"({\"a\": \"nobody\"})\";", "say(\"nobody: gone\");",
            "format(\"nobody\") + x;", "o[\"a\" + std::string(\"nobody\")];",
            "o.at(\"nobody is here\");",
        ):
            self.assertEqual(self.problems(line + "\n", "a.cpp"), [1], line)

    def test_leaves_quotations_alone(self):
        exceptions, check_prose.EXCEPTIONS = check_prose.EXCEPTIONS, ("somebody else",)
        try:
            self.assertEqual(self.problems("It says \"somebody else\"."), [])
        finally:
            check_prose.EXCEPTIONS = exceptions

    def test_looks_at_all_files_of_a_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.md").write_text("It is there.\n")
            self.assertEqual(check_prose.main([folder]), 0)
            (pathlib.Path(folder) / "b.hpp").write_text("// Somebody is there.\n")
            self.assertEqual(check_prose.main([folder]), 1)


@unittest.skipUnless(shutil.which("doxygen"), "doxygen is not installed")
class Api(unittest.TestCase):
    HEADER = """#pragma once
/// The library.
namespace leasebreak {
/// A color.
enum class color {
  none,
  red, ///< As blood.
};
/// A point.
struct point {
  int x = 0; ///< From the left.
  friend bool operator==(const point&, const point&) = default;
};
namespace detail {
class impl_ref;
}
} // namespace leasebreak
"""

    def problems(self, header):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            shutil.copytree(ROOT / "docs/api", root / "docs/api")
            (root / "docs/api/mainpage.md").write_text("# Main\n")
            for layer in ("model", "persistence", "actors", "actors/admin", "actors/testing"):
                (root / layer / "include").mkdir(parents=True)
            (root / "model/include/a.hpp").write_text(header)
            return check_api.problems(root)

    def test_accepts_documented_names(self):
        self.assertEqual(self.problems(self.HEADER), [])

    def test_finds_each_undocumented_name(self):
        for comment in ("/// A color.", "///< As blood.", "/// A point.", "///< From the left."):
            self.assertEqual(len(self.problems(self.HEADER.replace(comment, ""))), 1, comment)

    def test_finds_a_reference_to_nothing(self):
        found = self.problems(self.HEADER.replace("A point.", "A point, see @ref nothing."))

        self.assertEqual(len(found), 1)
        self.assertIn("model/include/a.hpp:9: warning", found[0])


class Exports(unittest.TestCase):
    def problems(self, *lines):
        found = check_exports.symbols("".join(f"0000000000001200 {line}\n" for line in lines))
        return len(list(check_exports.problems(found, {"file_actor"})))

    def test_accepts_public_names(self):
        for line in (
            "T leasebreak::to_errc(boost::system::error_code const&)", "V typeinfo for leasebreak::coordinator",
            "W std::vector<leasebreak::open_id>::~vector()", "W boost::asio::post()", "T _init",
            "T leasebreak::detail::start(leasebreak::detail::file_actor&)",
        ):
            self.assertEqual(self.problems(line), 0, line)

    def test_finds_private_names(self):
        for line in (
            "T leasebreak::detail::file_actor::turn()", "V vtable for leasebreak::detail::file_actor",
            "W leasebreak::detail::file_actor::~file_actor()", "T helper(int)", "B (anonymous namespace)::count",
            "W void leasebreak::detail::file_actor::send<int>(int)",
        ):
            self.assertEqual(self.problems(line), 1, line)


class Recipes(unittest.TestCase):
    OPTIONS = {"LEASEBREAK_" + name for name in (
        "ADMIN", "BENCH", "EXAMPLES", "INSTALL", "POSTGRES", "ROCKSDB", "TESTING", "TESTS", "USDT")}

    def problems(self, file, old, new):
        with tempfile.TemporaryDirectory() as folder:
            packaging = pathlib.Path(folder) / "packaging"
            shutil.copytree(ROOT / "packaging", packaging)
            shutil.copy(ROOT / "examples/quickstart.cpp", packaging / "conan/test_package/quickstart.cpp")
            text = (packaging / file).read_text()
            self.assertIn(old, text)
            (packaging / file).write_text(text.replace(old, new))
            return [
                *check_recipes.problems_of_vcpkg(packaging / "vcpkg", "0.1.0", self.OPTIONS),
                *check_recipes.problems_of_conan(ROOT, packaging / "conan", "0.1.0", self.OPTIONS)]

    def test_accepts_those_of_the_project(self):
        self.assertEqual(self.problems("vcpkg/vcpkg.json", "leasebreak", "leasebreak"), [])

    def test_finds_each_kind_of_mistake(self):
        for file, old, new in (
            ("vcpkg/vcpkg.json", "0.1.0", "0.0.9"), ("vcpkg/vcpkg.json", '"spdlog",', ""),
            ("vcpkg/vcpkg.json", '"supports"', '"suports"'),
            ("vcpkg/portfile.cmake", "LEASEBREAK_BENCH", "LEASEBREAK_BENCHES"),
            ("vcpkg/portfile.cmake", "  testing LEASEBREAK_TESTING", "  tests LEASEBREAK_TESTING"),
            ("conan/conanfile.py", '"0.1.0"', '"0.2.0"'), ("conan/conanfile.py", '"persistence", ', '"store", '),
            ("conan/conanfile.py", 'self.requires("caf/', 'self.requires("actors/'),
            ("conan/test_package/CMakeLists.txt", "quickstart.cpp", "gone.cpp"),
        ):
            self.assertEqual(len(self.problems(file, old, new)), 1, (file, old))

    def test_compares_the_inline_namespace_with_the_version(self):
        self.assertEqual(list(check_recipes.problems_of_namespace(ROOT, "0.1.7")), [])
        self.assertEqual(len(list(check_recipes.problems_of_namespace(ROOT, "0.2.0"))), 1)


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
