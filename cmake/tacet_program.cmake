# SPDX-License-Identifier: MIT
# tacet_program(<target> NAME <file name> SOURCES <files>... [LIBRARIES <targets>...])
# A program of this project, in the build folder of the directory that adds it: linked to tacet::io, with this project's warnings, and
# compiled for this machine when TACET_NATIVE is ON.
include_guard()

set(TACET_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow)

# Links a target to tacet::io and the libraries given, and sets this project's flags.
function(tacet_program_flags target)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_link_libraries(${target} PRIVATE tacet::io ${ARGN})
    if(TACET_NATIVE)
        target_link_libraries(${target} PRIVATE tacet::native)
    endif()
    if(TACET_CUDA)
        target_link_libraries(${target} PRIVATE tacet::cuda)
    endif()
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${TACET_WARNINGS}>")
    if(TACET_WERROR)
        target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
    endif()
endfunction()

# Compiles these files as CUDA where TACET_CUDA is ON: only such units launch kernels.
function(tacet_as_cuda)
    if(TACET_CUDA)
        set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CUDA)
    endif()
endfunction()

function(tacet_program target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAME" "SOURCES;LIBRARIES")
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${arg_NAME} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
    tacet_program_flags(${target} ${arg_LIBRARIES})
endfunction()
