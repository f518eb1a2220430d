"""A Conan 2 recipe: conan create packaging/conan, from a checkout."""

import pathlib

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy

# What the build needs of the checkout.
FOLDERS = ("cmake", "model", "persistence", "actors", "packaging", "examples")
LIBRARIES = ("leasebreak_model", "leasebreak_persistence", "leasebreak")


class LeasebreakConan(ConanFile):
    name = "leasebreak"
    version = "0.1.0"
    license = "BSL-1.0"
    description = "Coordinates SMB leases, oplocks and byte-range locks for asynchronous file servers"
    topics = ("smb", "file-server", "lease", "actor")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "rocksdb": [True, False],
        "postgres": [True, False],
        "admin": [True, False],
        "testing": [True, False],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "rocksdb": True,
        "postgres": False,
        "admin": False,
        "testing": True,
    }

    def export_sources(self):
        root = pathlib.Path(self.recipe_folder).parents[1]
        for folder in FOLDERS:
            copy(self, f"{folder}/*", src=str(root), dst=self.export_sources_folder)
        for file in ("CMakeLists.txt", "LICENSE"):
            copy(self, file, src=str(root), dst=self.export_sources_folder)

    def configure(self):
        if self.options.shared:
            self.options.rm_safe("fPIC")

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=True, transitive_libs=True)
        self.requires("caf/[>=1.1 <1.2]")
        self.requires("spdlog/[>=1.10 <2]")
        if self.options.rocksdb:
            self.requires("rocksdb/[>=7 <11]")
        if self.options.postgres:
            self.requires("libpq/[>=15]")

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("leasebreak is built and tested on Linux only")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("rocksdb", "postgres", "admin", "testing"):
            toolchain.cache_variables[f"LEASEBREAK_{option.upper()}"] = bool(self.options.get_safe(option))
        for part in ("TESTS", "BENCH", "EXAMPLES", "USDT"):
            toolchain.cache_variables[f"LEASEBREAK_{part}"] = False
        toolchain.cache_variables["LEASEBREAK_INSTALL"] = True
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=str(pathlib.Path(self.package_folder) / "licenses"))
        CMake(self).install()

    def package_info(self):
        # The installed CMake package has the targets, their order and what they need.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/leasebreak"]
        self.cpp_info.libs = list(LIBRARIES)
