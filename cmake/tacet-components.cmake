# SPDX-License-Identifier: MIT
# The optional parts, each a target beside tacet::tacet. tacet's own build and the installed package both include this file, so that a part
# is found in the same way in both, on the machine where it is used. Nothing is ever downloaded.
#
#   tacet_add_component(native)   tacet::native   compiles for the processor of this machine
#   tacet_add_component(io)       tacet::io       images, checkpoints, options: stb and nlohmann-json, and what else is found
#   tacet_add_component(cuda)     tacet::cuda     tensors on the GPU
#
# A part that cannot be had is not defined; tacet_<part>_missing then says what it needs. TACET_WITH_PNG, TACET_WITH_TIFF,
# TACET_WITH_JPEG and TACET_WITH_CUDNN choose: AUTO (use what is found), ON (an error when it is missing), OFF.
include_guard()

macro(tacet_add_component part)
    set(tacet_${part}_missing "")
    cmake_language(CALL tacet_add_${part})
    if(TARGET tacet_${part} AND NOT TARGET tacet::${part})
        add_library(tacet::${part} ALIAS tacet_${part})
    endif()
endmacro()

# An interface library of tacet's own build, or an imported one in a project that uses the installed package.
function(tacet_new_part part)
    if(TARGET tacet)
        add_library(tacet_${part} INTERFACE)
    else()
        add_library(tacet_${part} INTERFACE IMPORTED)
    endif()
    target_link_libraries(tacet_${part} INTERFACE tacet::tacet)
endfunction()

macro(tacet_add_native)
    if(NOT TARGET tacet_native)
        tacet_new_part(native)
        # For nvcc's host compiler, too: what is compiled for different processors does not link.
        target_compile_options(tacet_native INTERFACE
            $<$<COMPILE_LANGUAGE:CXX>:-march=native> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-march=native>)
    endif()
endmacro()

macro(tacet_add_io)
    if(NOT TARGET tacet_io)
        find_package(nlohmann_json QUIET CONFIG)
        if(NOT TARGET nlohmann_json::nlohmann_json)
            find_path(TACET_NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp)
        endif()
        find_path(TACET_STB_INCLUDE_DIR stb_image_write.h PATH_SUFFIXES stb)
        mark_as_advanced(TACET_NLOHMANN_JSON_INCLUDE_DIR TACET_STB_INCLUDE_DIR)
        if(NOT TARGET nlohmann_json::nlohmann_json AND NOT TACET_NLOHMANN_JSON_INCLUDE_DIR)
            list(APPEND tacet_io_missing "nlohmann-json (Debian and Ubuntu: apt install nlohmann-json3-dev)")
        endif()
        if(NOT TACET_STB_INCLUDE_DIR)
            list(APPEND tacet_io_missing "stb (Debian and Ubuntu: apt install libstb-dev)")
        endif()
        list(JOIN tacet_io_missing " and " tacet_io_missing)
        if(NOT tacet_io_missing)
            tacet_new_part(io)
            if(TARGET nlohmann_json::nlohmann_json)
                target_link_libraries(tacet_io INTERFACE nlohmann_json::nlohmann_json)
            else()
                target_include_directories(tacet_io SYSTEM INTERFACE ${TACET_NLOHMANN_JSON_INCLUDE_DIR})
            endif()
            target_include_directories(tacet_io SYSTEM INTERFACE ${TACET_STB_INCLUDE_DIR})
            tacet_image_library(PNG PNG::PNG)
            tacet_image_library(TIFF TIFF::TIFF)
            tacet_image_library(JPEG JPEG::JPEG)
        endif()
    endif()
endmacro()

# Adds an image library to tacet_io, as TACET_WITH_<name> says. tacet_has_<name>: whether it is used.
macro(tacet_image_library name library)
    set(TACET_WITH_${name} AUTO CACHE STRING "Use ${library}: AUTO, ON or OFF")
    set_property(CACHE TACET_WITH_${name} PROPERTY STRINGS AUTO ON OFF)
    set(tacet_has_${name} FALSE)
    if(TACET_WITH_${name})
        if(TACET_WITH_${name} STREQUAL "AUTO")
            find_package(${name} QUIET)
        else()
            find_package(${name} REQUIRED)
        endif()
        if(TARGET ${library})
            target_link_libraries(tacet_io INTERFACE ${library})
            target_compile_definitions(tacet_io INTERFACE TACET_WITH_${name}=1)
            set(tacet_has_${name} TRUE)
        endif()
    endif()
endmacro()

macro(tacet_add_cuda)
    if(NOT TARGET tacet_cuda)
        find_package(CUDAToolkit QUIET)
        if(NOT CUDAToolkit_FOUND)
            set(tacet_cuda_missing "the CUDA toolkit, which was not found (set CUDAToolkit_ROOT or put nvcc into PATH)")
        else()
            tacet_new_part(cuda)
            # CMake 3.25 accepts CMAKE_CUDA_STANDARD 20 for nvcc 13 and then passes nothing: the flag is written out.
            target_compile_options(tacet_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--expt-relaxed-constexpr>")
            target_compile_definitions(tacet_cuda INTERFACE TACET_WITH_CUDA=1)
            target_link_libraries(tacet_cuda INTERFACE CUDA::cudart CUDA::cublas)
            tacet_use_cudnn()
        endif()
    endif()
endmacro()

# Adds cuDNN to tacet_cuda, as TACET_WITH_CUDNN says. tacet_has_CUDNN: whether it is used.
macro(tacet_use_cudnn)
    set(TACET_WITH_CUDNN AUTO CACHE STRING "Use cuDNN: AUTO, ON or OFF")
    set_property(CACHE TACET_WITH_CUDNN PROPERTY STRINGS AUTO ON OFF)
    set(tacet_has_CUDNN FALSE)
    if(TACET_WITH_CUDNN)
        find_path(TACET_CUDNN_INCLUDE_DIR cudnn.h HINTS ENV CUDNN_PATH ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include)
        find_library(TACET_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 libcudnn.so.8 HINTS ENV CUDNN_PATH ${CUDAToolkit_LIBRARY_DIR}
                     PATH_SUFFIXES lib64 lib)
        mark_as_advanced(TACET_CUDNN_INCLUDE_DIR TACET_CUDNN_LIBRARY)
        if(TACET_CUDNN_INCLUDE_DIR AND TACET_CUDNN_LIBRARY)
            target_include_directories(tacet_cuda SYSTEM INTERFACE ${TACET_CUDNN_INCLUDE_DIR})
            target_link_libraries(tacet_cuda INTERFACE ${TACET_CUDNN_LIBRARY})
            target_compile_definitions(tacet_cuda INTERFACE TACET_WITH_CUDNN=1)
            set(tacet_has_CUDNN TRUE)
        elseif(NOT TACET_WITH_CUDNN STREQUAL "AUTO")
            message(FATAL_ERROR "TACET_WITH_CUDNN is ON, but cudnn.h or its library was not found: set CUDNN_PATH to where cuDNN is")
        endif()
    endif()
endmacro()
