# SPDX-License-Identifier: MIT
# Target coverage (preset coverage): runs the tests and reports which lines of the headers they reach, in coverage/index.html.
find_program(TACET_GCOVR gcovr)
mark_as_advanced(TACET_GCOVR)
if(TACET_GCOVR)
    set(report ${PROJECT_BINARY_DIR}/coverage)
    add_custom_target(coverage
        COMMAND find ${PROJECT_BINARY_DIR} -name "*.gcda" -delete
        COMMAND ${CMAKE_CTEST_COMMAND} -j 2 --output-on-failure -LE "install|docs|static"
        COMMAND ${CMAKE_COMMAND} -E make_directory ${report}
        COMMAND ${TACET_GCOVR} --root ${PROJECT_SOURCE_DIR} --filter "${PROJECT_SOURCE_DIR}/include/tacet/" --exclude-throw-branches
            --html-details ${report}/index.html --json-summary ${report}/summary.json --print-summary ${PROJECT_BINARY_DIR}
        DEPENDS tests WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM)
    if(TARGET examples)
        add_dependencies(coverage examples)
    endif()
else()
    message(STATUS "no target coverage: gcovr was not found (apt install gcovr)")
endif()
