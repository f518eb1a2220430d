# A port for an overlay: vcpkg install leasebreak --overlay-ports=packaging/vcpkg, from a checkout.
# A registry's port would get the sources of a release instead.
set(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../..")

vcpkg_check_features(OUT_FEATURE_OPTIONS options FEATURES
  admin LEASEBREAK_ADMIN
  postgres LEASEBREAK_POSTGRES
  rocksdb LEASEBREAK_ROCKSDB
  testing LEASEBREAK_TESTING)

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS ${options}
  -DLEASEBREAK_TESTS=OFF -DLEASEBREAK_BENCH=OFF -DLEASEBREAK_EXAMPLES=OFF -DLEASEBREAK_USDT=OFF
  -DLEASEBREAK_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/leasebreak)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
