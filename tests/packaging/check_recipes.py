#!/usr/bin/env python3
"""Checks what can be checked of the recipes for vcpkg and Conan without these programs.

usage: check_recipes.py ROOT

* Both have the project's version, licence and dependencies.
* The options that they set exist in CMakeLists.txt.
* The folders that they copy exist, and so do the sources of the test package.
* The inline namespace of the headers has the number of the SONAME.
* The Python files parse, and the JSON file has only keys that vcpkg knows.
"""

import ast
import json
import pathlib
import re
import sys

# docs/vcpkg.schema.json of vcpkg: those that a port may need.
VCPKG_KEYS = {
    "name", "version-semver", "port-version", "description", "homepage", "documentation", "license", "supports",
    "dependencies", "default-features", "features",
}
VCPKG_FEATURE_KEYS = {"description", "dependencies", "supports", "license"}
# What leasebreak_dependencies.cmake looks for, as vcpkg and Conan name it.
NEEDED = {"vcpkg": ("boost-asio", "boost-json", "caf", "spdlog"), "conan": ("boost", "caf", "spdlog")}


def names(dependencies):
    return {d if isinstance(d, str) else d["name"] for d in dependencies}


def problems_of_vcpkg(folder, version, options):
    manifest = json.loads((folder / "vcpkg.json").read_text(encoding="utf-8"))
    port = (folder / "portfile.cmake").read_text(encoding="utf-8")
    for key in sorted(set(manifest) - VCPKG_KEYS):
        yield f"vcpkg.json: unknown key {key}"
    if manifest["version-semver"] != version:
        yield f"vcpkg.json: version {manifest['version-semver']}, not {version}"
    for name in NEEDED["vcpkg"]:
        if name not in names(manifest["dependencies"]):
            yield f"vcpkg.json: no dependency {name}"
    chosen = dict(re.findall(r"^  (\w+) (LEASEBREAK_\w+)", port, re.MULTILINE))
    for name, feature in manifest["features"].items():
        for key in sorted(set(feature) - VCPKG_FEATURE_KEYS):
            yield f"vcpkg.json: unknown key {key} of the feature {name}"
        if name not in chosen:
            yield f"portfile.cmake: no option for the feature {name}"
    for option in sorted({*re.findall(r"LEASEBREAK_\w+", port)} - options):
        yield f"portfile.cmake: no option {option}"


def constant(tree, name):
    """The value of a constant, or of an attribute of the recipe's class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return ast.literal_eval(node.value)
    raise KeyError(name)


def problems_of_conan(root, folder, version, options):
    text = (folder / "conanfile.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    if constant(tree, "version") != version:
        yield f"conanfile.py: version {constant(tree, 'version')}, not {version}"
    for name in constant(tree, "FOLDERS"):
        if not (root / name).is_dir():
            yield f"conanfile.py: no folder {name}"
    required = set(re.findall(r'self\.requires\("([\w-]+)/', text))
    for name in NEEDED["conan"]:
        if name not in required:
            yield f"conanfile.py: does not require {name}"
    if set(constant(tree, "options")) != set(constant(tree, "default_options")):
        yield "conanfile.py: the options and their defaults differ"
    for name in set(constant(tree, "options")) - {"shared", "fPIC"}:
        if f"LEASEBREAK_{name.upper()}" not in options:
            yield f"conanfile.py: no option LEASEBREAK_{name.upper()}"
    test = folder / "test_package"
    ast.parse((test / "conanfile.py").read_text(encoding="utf-8"))
    for source in re.findall(r"(\w+\.cpp)", (test / "CMakeLists.txt").read_text(encoding="utf-8")):
        if not (test / source).is_file():
            yield f"test_package: no file {source}"


def problems_of_namespace(root, version):
    """The inline namespace has the number of the SONAME."""
    text = (root / "model/include/leasebreak/model/export.hpp").read_text(encoding="utf-8")
    wanted = "v" + "_".join(version.split(".")[:2])
    if not re.search(rf"^#define LEASEBREAK_ABI {wanted}$", text, re.MULTILINE):
        yield f"export.hpp: LEASEBREAK_ABI is not {wanted}"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    project = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    version = re.search(r"^project\(leasebreak VERSION ([\d.]+)", project, re.MULTILINE)[1]
    options = set(re.findall(r"option\((LEASEBREAK_\w+)", project))
    found = [
        *problems_of_vcpkg(root / "packaging/vcpkg", version, options),
        *problems_of_conan(root, root / "packaging/conan", version, options),
        *problems_of_namespace(root, version),
    ]
    for line in found:
        print(line)
    print(f"version {version}, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
