# What a user can choose (cmake -D…), with defaults, and where results go.
include_guard()

set(VAE_FLAVOUR cpu CACHE STRING "cpu, or cuda: which devices libvae can use")
set_property(CACHE VAE_FLAVOUR PROPERTY STRINGS cpu cuda)
if(NOT VAE_FLAVOUR MATCHES "^(cpu|cuda)$")
  message(FATAL_ERROR
    "VAE_FLAVOUR is '${VAE_FLAVOUR}'; allowed are 'cpu' and 'cuda'.")
endif()
option(VAE_CHECK_CUDA
  "With flavour cpu: also compile the CUDA part and link lib/cuda/libvae.so" OFF)
option(VAE_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(VAE_EXAMPLES "Build the examples and the vae command"
       ${PROJECT_IS_TOP_LEVEL})
option(VAE_BENCH "Build the benchmark programs vae_bench and vae_micro"
       ${PROJECT_IS_TOP_LEVEL})
option(VAE_DOCS "Add the target 'docs' (needs Doxygen)" OFF)
option(VAE_WERROR
  "Warnings are errors; OFF for a compiler that nobody has tried yet" ON)
option(VAE_SANITIZE "Build with the address and undefined-behaviour sanitizers"
       OFF)

if(VAE_FLAVOUR STREQUAL cuda OR VAE_CHECK_CUDA)
  set(VAE_WITH_CUDA ON)
else()
  set(VAE_WITH_CUDA OFF)
endif()

if(NOT CMAKE_BUILD_TYPE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
