#!/usr/bin/env python3
"""Tests of check_includes.py: it finds each kind of violation, and nothing else."""

import pathlib
import tempfile
import unittest

import check_includes


class Includes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for rule in check_includes.RULES:
            (self.root / rule.folder).mkdir(parents=True, exist_ok=True)

    def tearDown(self):
        self.folder.cleanup()

    def found(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return check_includes.violations(self.root)

    def test_model_may_use_the_standard_library_and_itself(self):
        text = "#include <leasebreak/model/ids.hpp>\n#include <vector>\n"

        self.assertEqual(self.found("model/src/a.cpp", text), [])

    def test_model_may_not_use_a_higher_layer(self):
        for header in (
            "leasebreak/persistence/lock_store.hpp", "leasebreak/coordinator.hpp",
            "boost/asio.hpp", "caf/actor.hpp", "spdlog/spdlog.h", "unistd.h",
        ):
            found = self.found("model/src/a.cpp", f"#include <{header}>\n")

            self.assertEqual(len(found), 1, header)
            self.assertIn(f"model/src/a.cpp:1: <{header}>", found[0])

    def test_model_may_not_use_threads_or_files(self):
        for header in ("thread", "mutex", "fstream", "random"):
            found = self.found("model/include/leasebreak/model/a.hpp", f"#include <{header}>\n")

            self.assertEqual(len(found), 1, header)

    def test_persistence_may_not_use_the_actors(self):
        found = self.found("persistence/src/a.cpp", "#include <leasebreak/coordinator.hpp>\n")

        self.assertEqual(len(found), 1)

    def test_client_libraries_stay_in_the_files_of_their_store(self):
        self.assertEqual(
            self.found("persistence/src/rocksdb_store.cpp", "#include <rocksdb/db.h>\n"), [])

        found = self.found("persistence/src/memory_store.cpp", "#include <rocksdb/db.h>\n")

        self.assertEqual(len(found), 1)

    def test_public_headers_of_the_stores_hide_their_libraries(self):
        found = self.found(
            "persistence/include/leasebreak/persistence/rocksdb_store.hpp",
            "#include <rocksdb/db.h>\n")

        self.assertEqual(len(found), 1)

    def test_public_headers_of_the_coordinator_hide_caf(self):
        self.assertEqual(self.found("actors/src/a.cpp", "#include <caf/actor.hpp>\n"), [])

        found = self.found("actors/include/leasebreak/a.hpp", "#include <caf/actor.hpp>\n")

        self.assertEqual(len(found), 1)

    def test_examples_use_the_public_interface_alone(self):
        found = self.found(
            "examples/a.cpp", '#include "../actors/src/a.hpp"\n#include <caf/actor.hpp>\n')

        self.assertEqual(len(found), 2)

    def test_quoted_headers_are_files_of_the_same_folder(self):
        (self.root / "actors/src").mkdir()
        (self.root / "actors/src/b.hpp").write_text("#pragma once\n")

        found = self.found("actors/src/a.cpp", '#include "b.hpp"\n#include "c.hpp"\n')

        self.assertEqual(found, ["actors/src/a.cpp:2: <c.hpp> is no file of this folder"])


if __name__ == "__main__":
    unittest.main()
