# Finds LibTorch in LIBTORCH_DIR: the folder torch/ of a Python environment's
# site-packages, or an unpacked libtorch/. Gives LibTorch::cpu, LibTorch::gomp
# (the OpenMP run-time that LibTorch itself uses) and, where the folder has
# them, LibTorch::cuda with the CUDA run-time that LibTorch itself uses. LibTorch's own package file is not used: it wants a CUDA
# toolkit even for a program that stays on the CPU, and changes global flags.
# Also installed with libvae, for programs that link libvae.a.

set(_libtorch_hint "${LIBTORCH_DIR}")
if(NOT _libtorch_hint)
  set(_libtorch_hint "$ENV{LIBTORCH_DIR}")
endif()
if(NOT _libtorch_hint AND LIBTORCH_DEFAULT_DIR)
  set(_libtorch_hint "${LIBTORCH_DEFAULT_DIR}")
endif()
if(_libtorch_hint)
  get_filename_component(_libtorch_hint "${_libtorch_hint}" ABSOLUTE)
endif()
if(NOT EXISTS "${_libtorch_hint}/lib/libtorch_cpu.so")
  set(_libtorch_why "no lib/libtorch_cpu.so in '${_libtorch_hint}'. Run "
    "tools/setup of libvae, or set LIBTORCH_DIR to the folder torch/ of a "
    "Python environment or to an unpacked libtorch/")
  string(CONCAT _libtorch_why ${_libtorch_why})
else()
  set(LIBTORCH_DIR "${_libtorch_hint}" CACHE PATH
      "Folder torch/ or libtorch/ with include/ and lib/")
  # A folder that was moved, or chosen by the environment, replaces the cached.
  set_property(CACHE LIBTORCH_DIR PROPERTY VALUE "${_libtorch_hint}")
  set(LIBTORCH_DIR "${_libtorch_hint}")
  set(LibTorch_LIBRARY_DIR "${LIBTORCH_DIR}/lib")
  set(_libtorch_version_h "${LIBTORCH_DIR}/include/torch/headeronly/version.h")
  if(NOT EXISTS "${_libtorch_version_h}")
    set(_libtorch_version_h
        "${LIBTORCH_DIR}/include/torch/csrc/api/include/torch/version.h")
  endif()
  set(LibTorch_VERSION "")
  foreach(_part MAJOR MINOR PATCH)
    set(_line "")
    if(EXISTS "${_libtorch_version_h}")
      file(STRINGS "${_libtorch_version_h}" _line LIMIT_COUNT 1
           REGEX "#define TORCH_VERSION_${_part} [0-9]+")
    endif()
    string(REGEX MATCH "[0-9]+$" _number "${_line}")
    list(APPEND LibTorch_VERSION "${_number}")
  endforeach()
  list(JOIN LibTorch_VERSION "." LibTorch_VERSION)
  # LibTorch 2.x wheels bring libgomp.so.1, zip files libgomp-<hash>.so.1.
  file(GLOB _libtorch_gomp "${LibTorch_LIBRARY_DIR}/libgomp*.so*")
  list(SORT _libtorch_gomp)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_LIBRARY_DIR LibTorch_VERSION
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "${_libtorch_why}")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  # --as-needed, which some distributions make the default, would drop
  # libtorch_cuda: its devices register themselves when it is loaded.
  foreach(_language C CXX CUDA)
    set(CMAKE_${_language}_LINK_LIBRARY_USING_vae_keep_SUPPORTED TRUE)
    set(CMAKE_${_language}_LINK_LIBRARY_USING_vae_keep
        "LINKER:--push-state,--no-as-needed" "<LINK_ITEM>" "LINKER:--pop-state")
  endforeach()
  add_library(LibTorch::c10 SHARED IMPORTED)
  add_library(LibTorch::cpu SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES
    IMPORTED_LOCATION "${LibTorch_LIBRARY_DIR}/libc10.so"
    INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH_DIR}/include")
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION "${LibTorch_LIBRARY_DIR}/libtorch_cpu.so"
    INTERFACE_INCLUDE_DIRECTORIES
      "${LIBTORCH_DIR}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES LibTorch::c10)
  if(_libtorch_gomp)
    list(GET _libtorch_gomp 0 _libtorch_gomp)
    add_library(LibTorch::gomp SHARED IMPORTED)
    set_target_properties(LibTorch::gomp PROPERTIES
      IMPORTED_LOCATION "${_libtorch_gomp}")
  else()
    add_library(LibTorch::gomp INTERFACE IMPORTED)
    set_target_properties(LibTorch::gomp PROPERTIES
      INTERFACE_LINK_LIBRARIES gomp)
  endif()
  if(EXISTS "${LibTorch_LIBRARY_DIR}/libtorch_cuda.so")
    add_library(LibTorch::c10_cuda SHARED IMPORTED)
    set_target_properties(LibTorch::c10_cuda PROPERTIES
      IMPORTED_LOCATION "${LibTorch_LIBRARY_DIR}/libc10_cuda.so")
    add_library(LibTorch::torch_cuda SHARED IMPORTED)
    set_target_properties(LibTorch::torch_cuda PROPERTIES
      IMPORTED_LOCATION "${LibTorch_LIBRARY_DIR}/libtorch_cuda.so")
    # Wheels use the CUDA run-time beside them, zip files that of a toolkit.
    get_filename_component(_libtorch_cudart
      "${LIBTORCH_DIR}/../nvidia/cu13/lib/libcudart.so.13" ABSOLUTE)
    add_library(LibTorch::cudart SHARED IMPORTED)
    if(NOT EXISTS "${_libtorch_cudart}")
      find_library(LIBTORCH_CUDART NAMES libcudart.so.13
        PATHS /usr/local/cuda/lib64 DOC "The CUDA run-time of LibTorch")
      set(_libtorch_cudart "${LIBTORCH_CUDART}")
    endif()
    set_target_properties(LibTorch::cudart PROPERTIES
      IMPORTED_LOCATION "${_libtorch_cudart}")
    add_library(LibTorch::cuda INTERFACE IMPORTED)
    set_target_properties(LibTorch::cuda PROPERTIES INTERFACE_LINK_LIBRARIES
      "$<LINK_LIBRARY:vae_keep,LibTorch::torch_cuda>;LibTorch::c10_cuda;LibTorch::cudart;LibTorch::cpu")
  endif()
endif()
