# SPDX-License-Identifier: MIT
# cmake --install: headers, the weights, the CMake package, the pkg-config file. Nothing installed depends on the processor.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/tacet)

install(TARGETS tacet EXPORT tacet-targets FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tacet-targets NAMESPACE tacet:: DESTINATION ${package_dir})

set(installed_with_cuda ${TACET_CUDA})
configure_package_config_file(cmake/tacet-config.cmake.in ${PROJECT_BINARY_DIR}/tacet-config.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tacet-config-version.cmake COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/tacet-config.cmake ${PROJECT_BINARY_DIR}/tacet-config-version.cmake cmake/tacet-components.cmake
    DESTINATION ${package_dir})

# The prefix is relative to the file itself, so that an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE pc_includedir)
configure_file(cmake/tacet.pc.in ${PROJECT_BINARY_DIR}/tacet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/tacet.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
install(FILES weights/blind_gaussian.safetensors DESTINATION ${CMAKE_INSTALL_DATADIR}/tacet/weights)   # default_weights() looks there
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/tacet)
