# SPDX-License-Identifier: MIT
# Turns on the CUDA language (preset cuda only).
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(TACET_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(TACET_NVCC)
    if(NOT TACET_NVCC)
        message(FATAL_ERROR "TACET_CUDA is ON, but nvcc was not found: put it into PATH or set CMAKE_CUDA_COMPILER")
    endif()
    set(CMAKE_CUDA_COMPILER "${TACET_NVCC}" CACHE FILEPATH "CUDA compiler")
endif()
# Never "native": that fails to configure on a machine without a GPU.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 86 89 90 CACHE STRING "GPU architectures to compile for")
endif()
enable_language(CUDA)
