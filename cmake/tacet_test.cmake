# SPDX-License-Identifier: MIT
# tacet_test(<name> SOURCES <files>...)
# One program build/<preset>/tests/<name> of all the files, and for every file one entry <name>.<stem of the file> in ctest, so that the
# programs link once and a failure still names the file; cases tagged [.], which take minutes, run by name alone. A file that handles
# threads itself gets the label "threads".
include_guard()

# Threads by their names in the standard library and in tacet: what the thread sanitizer has to see.
set(tacet_thread_words "std::j?thread|std::async|set_num_threads|parallel_for|parallel_ranges|Prefetch")

# Where tests run side by side these begin first: one that takes long and begins last is waited for.
set(tacet_long_tests denoise.memory denoise.any_denoiser denoise.denoise emulation.models emulation.swin_block emulation.trainer
    programs.noise2noise_resume programs.quickstart train.memory)

# tacet_add_test(<entry> COMMAND <command>... LABELS <labels>...)
# An entry of ctest. Tests may not hang; by exit code 77 they say that they skipped everything.
function(tacet_add_test entry)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "COMMAND;LABELS")
    add_test(NAME ${entry} COMMAND ${arg_COMMAND})
    set_tests_properties(${entry} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS "${arg_LABELS}")
    if(entry IN_LIST tacet_long_tests)
        set_tests_properties(${entry} PROPERTIES COST 1000)
    endif()
endfunction()

# Sets <out> to the files of the list that this build takes (TACET_TEST_LABEL).
function(tacet_choose_tests out)
    set(chosen "")
    foreach(file IN LISTS ARGN)
        if(TACET_TEST_LABEL STREQUAL "threads")
            file(STRINGS ${file} lines REGEX "${tacet_thread_words}" LIMIT_COUNT 1)
            if(NOT lines)
                continue()
            endif()
        endif()
        list(APPEND chosen ${file})
    endforeach()
    set(${out} "${chosen}" PARENT_SCOPE)
endfunction()

# Sets <cases> to the files with cases of operations (support/op_case.hpp), <others> to the rest. Cases are a library of objects,
# tacet_cases_<name>, because benchmarks/ops times the same ones; it has no use for the tests of the table itself.
function(tacet_split_cases cases others)
    set(with "")
    set(without "")
    foreach(file IN LISTS ARGN)
        file(STRINGS ${file} table REGEX "op_case.hpp" LIMIT_COUNT 1)
        if(table AND NOT file MATCHES "coverage.cpp$")
            list(APPEND with ${file})
        else()
            list(APPEND without ${file})
        endif()
    endforeach()
    set(${cases} "${with}" PARENT_SCOPE)
    set(${others} "${without}" PARENT_SCOPE)
endfunction()

function(tacet_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
    tacet_choose_tests(sources ${arg_SOURCES})
    if(NOT sources)
        return()
    endif()
    tacet_split_cases(cases others ${sources})
    tacet_program(test_${name} NAME ${name} SOURCES ${others} LIBRARIES tacet_test_main)
    target_precompile_headers(test_${name} REUSE_FROM tacet_test_header)
    if(cases)
        add_library(tacet_cases_${name} OBJECT ${cases})
        tacet_program_flags(tacet_cases_${name} tacet_test_main)
        set_target_properties(tacet_cases_${name} PROPERTIES TACET_TIMED ON)
        target_precompile_headers(tacet_cases_${name} REUSE_FROM tacet_cases_header)
        target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:tacet_cases_${name}>)
    endif()
    add_dependencies(tests test_${name})
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM LAST_ONLY stem)
        file(STRINGS ${source} lines REGEX "${tacet_thread_words}" LIMIT_COUNT 1)
        set(labels ${name})
        if(lines)
            list(APPEND labels threads)
        endif()
        tacet_add_test(${name}.${stem} COMMAND test_${name} --filenames-as-tags "[#${stem}]~[.]" LABELS ${labels})
    endforeach()
endfunction()

# tacet_add_script(<entry> SCRIPT <file> [ARGUMENTS <arguments>...] LABELS <labels>...)
# An entry of ctest that is a Python script; where there is no Python it says that it skips.
function(tacet_add_script entry)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCRIPT" "ARGUMENTS;LABELS")
    if(Python3_FOUND)
        tacet_add_test(${entry} COMMAND ${Python3_EXECUTABLE} -B ${arg_SCRIPT} ${arg_ARGUMENTS} LABELS ${arg_LABELS})
    else()
        tacet_add_test(${entry} COMMAND ${CMAKE_COMMAND} -E echo "SKIPPED: Python 3 was not found" LABELS ${arg_LABELS})
        set_tests_properties(${entry} PROPERTIES SKIP_REGULAR_EXPRESSION "^SKIPPED:")
    endif()
endfunction()

# Writes the flags by which a file that uses tacet::io compiles, one a line, for the tests that call the compiler themselves.
function(tacet_flags_file file)
    if(NOT TARGET tacet_flags)
        add_library(tacet_flags OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/support/flags.cpp)
        target_link_libraries(tacet_flags PRIVATE tacet::io)
    endif()
    list(JOIN TACET_WARNINGS "\n" warnings)
    set(others $<REMOVE_DUPLICATES:$<TARGET_PROPERTY:tacet_flags,INCLUDE_DIRECTORIES>>)
    # Ours stand first; the compiler's own must not be named again, which would break #include_next.
    set(others "$<FILTER:${others},EXCLUDE,^(${PROJECT_SOURCE_DIR}/.*|/usr/(local/)?include(/[a-z0-9_]+-linux-gnu)?)$>")
    file(GENERATE OUTPUT ${file} CONTENT "-std=c++20
${warnings}
-I${PROJECT_SOURCE_DIR}/include
-I${PROJECT_SOURCE_DIR}/cuda
$<$<BOOL:${others}>:-isystem$<JOIN:${others},\n-isystem>>
$<$<BOOL:$<TARGET_PROPERTY:tacet_flags,COMPILE_DEFINITIONS>>:-D$<JOIN:$<TARGET_PROPERTY:tacet_flags,COMPILE_DEFINITIONS>,\n-D>>
")
endfunction()
