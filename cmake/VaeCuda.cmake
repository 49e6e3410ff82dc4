# Finds nvcc 13 and sets CUDA up. Another nvcc (a distribution's 11.8, say) is
# named and passed over. Gives VAE_CUDA_INCLUDE_DIR and LibTorch::cuda's needs.
include_guard()

# CUDA's version, as nvcc itself tells it, into `out`; empty when it is none.
function(vae_nvcc_version nvcc out)
  execute_process(COMMAND "${nvcc}" --version OUTPUT_VARIABLE text
                  ERROR_QUIET RESULT_VARIABLE failed)
  set(version "")
  if(failed EQUAL 0 AND text MATCHES "release ([0-9]+\\.[0-9]+)")
    set(version "${CMAKE_MATCH_1}")
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

if(NOT CMAKE_CUDA_COMPILER)
  find_program(vae_nvcc_in_path nvcc NO_CACHE)
  file(GLOB vae_nvcc_of_setup
    "${PROJECT_SOURCE_DIR}/build/deps/nvcc-13*/nvidia/cu13/bin/nvcc")
  foreach(nvcc IN ITEMS "$ENV{CUDACXX}" "${vae_nvcc_in_path}"
          /usr/local/cuda/bin/nvcc /usr/local/cuda-13.0/bin/nvcc
          ${vae_nvcc_of_setup})
    if(NOT EXISTS "${nvcc}")
      continue()
    endif()
    vae_nvcc_version("${nvcc}" version)
    if(version MATCHES "^13\\.")
      set(CMAKE_CUDA_COMPILER "${nvcc}" CACHE FILEPATH "nvcc 13")
      break()
    endif()
    message(STATUS "Ignoring ${nvcc}: it is release '${version}', "
                   "libvae needs 13.x")
  endforeach()
endif()
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "The CUDA part needs nvcc 13. Run tools/setup --cuda, "
    "set CUDACXX, or configure with VAE_FLAVOUR=cpu and VAE_CHECK_CUDA=OFF.")
endif()
if(NOT TARGET LibTorch::cuda)
  message(FATAL_ERROR "The CUDA part needs a LibTorch with CUDA; "
    "'${LIBTORCH_DIR}' has no lib/libtorch_cuda.so.")
endif()

set(CMAKE_CUDA_ARCHITECTURES "75-real;80-real;90-real;90a-real;90-virtual"
    CACHE STRING "Compute capabilities")
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
enable_language(CUDA)
# Before 3.25.2, CMake does not know nvcc's option for C++20.
if(CMAKE_VERSION VERSION_LESS 3.25.2)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
find_package(CUDAToolkit 13 REQUIRED)

# Options of nvcc for all our kernels; without its warnings' severity.
set(vae_cuda_flags --fmad=false
  -Xcompiler=-Wall,-Wextra,-Wconversion,-Wshadow,-ffp-contract=off)

# What a target needs that includes CUDA's headers or has .cu files.
function(vae_cuda_options target)
  set_target_properties(${target} PROPERTIES
    CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON
    CUDA_EXTENSIONS OFF
    CUDA_VISIBILITY_PRESET hidden)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:
    ${vae_cuda_flags} $<$<BOOL:${VAE_WERROR}>:-Werror=all-warnings>>)
  # Some toolkits are nvcc alone; LibTorch's own folder then has the headers of
  # the libraries that LibTorch's headers name.
  target_include_directories(${target} SYSTEM PRIVATE
    ${CUDAToolkit_INCLUDE_DIRS} "${LIBTORCH_DIR}/../nvidia/cu13/include")
  target_link_libraries(${target} PRIVATE LibTorch::cuda)
endfunction()
