# SPDX-License-Identifier: MIT
# tacet_device_test(<name> <prepare> SOURCES <files>... TAGS <tags>... LIBRARIES <targets>...)
# What runs on a device, emulated or not: one program build/<preset>/tests/<name> of the files and of the cases of tests/ops and tests/expr,
# compiled once more for the device, beside the same cases of the CPU. <prepare>(<target>) makes a target compile for the device. For every
# file of kernels there is an entry in ctest: <name>.pool, of cuda/tacet/ops/pool.cuh, runs the tests tagged [pool], and one without any
# fails. So there is for each of the other tags.
include_guard()

function(tacet_device_test name prepare)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;TAGS;LIBRARIES")
    set(here ${PROJECT_SOURCE_DIR}/tests/cuda)
    file(GLOB candidates CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/ops/*.cpp ${PROJECT_SOURCE_DIR}/tests/expr/*.cpp)
    tacet_split_cases(cases others ${candidates})
    add_library(tacet_${name}_cases OBJECT ${cases})
    target_include_directories(tacet_${name}_cases BEFORE PRIVATE ${here}/cases)
    cmake_language(CALL ${prepare} tacet_${name}_cases)
    target_link_libraries(tacet_${name}_cases PRIVATE Catch2::Catch2)
    target_compile_definitions(tacet_${name}_cases PRIVATE TACET_WITH_KERNELS=1)

    add_executable(test_${name} ${arg_SOURCES} ${here}/device_check.cpp ${here}/nmse.cpp $<TARGET_OBJECTS:tacet_${name}_cases>
        $<TARGET_OBJECTS:tacet_cases_ops> $<TARGET_OBJECTS:tacet_cases_expr>)
    # Units of fewer files than elsewhere: these come last, and one alone would keep one processor busy.
    set_target_properties(test_${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests
        UNITY_BUILD_BATCH_SIZE 4)
    cmake_language(CALL ${prepare} test_${name})
    target_link_libraries(test_${name} PRIVATE tacet_test_main tacet::kernels ${arg_LIBRARIES})
    add_dependencies(tests test_${name})

    file(GLOB kernels CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/cuda/tacet ${PROJECT_SOURCE_DIR}/cuda/tacet/*/*.cuh)
    list(FILTER kernels EXCLUDE REGEX "^core/")
    set(tags ${arg_TAGS})
    foreach(file IN LISTS kernels)
        cmake_path(GET file STEM LAST_ONLY stem)
        list(APPEND tags ${stem})
    endforeach()
    list(REMOVE_DUPLICATES tags)
    foreach(tag IN LISTS tags)
        tacet_add_test(${name}.${tag} LABELS ${name} COMMAND test_${name} "[${tag}]")
        set_tests_properties(${name}.${tag} PROPERTIES PASS_REGULAR_EXPRESSION "cases: [1-9][0-9]* passed, 0 failed")
    endforeach()
endfunction()
