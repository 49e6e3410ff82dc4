# How our own code is compiled: language, warnings, arithmetic, sanitizers.
# Applied target by target, so that code of others is never affected.
include_guard()

set(vae_warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef
                 -Wcast-qual -Wpointer-arith)
if(VAE_WERROR)
  list(APPEND vae_warnings -Werror)
endif()
set(vae_warnings_cxx -Wnon-virtual-dtor -Woverloaded-virtual)
# g++ 12 sees overlapping copies in its own std::string where there are none.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  list(APPEND vae_warnings_cxx -Wno-restrict)
endif()

# Language levels, warnings and position-independent code for any target of
# ours. Products and sums are never contracted, so that the CPU and a GPU can
# do the same arithmetic bit by bit. Nobody looks at the floating-point flags or
# at errno after a root, so that loops with a choice or a root in them may become
# vectors; no result changes.
function(vae_compile_options target)
  target_compile_features(${target} PRIVATE cxx_std_20 c_std_99)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF C_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:C,CXX>:${vae_warnings}>
    $<$<COMPILE_LANGUAGE:CXX>:${vae_warnings_cxx}>
    $<$<COMPILE_LANGUAGE:C,CXX>:-ffp-contract=off
      -fno-trapping-math -fno-math-errno>)
  target_compile_definitions(${target} PRIVATE
    $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
  if(VAE_SANITIZE)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=address,undefined
        -fno-sanitize-recover=all -fno-omit-frame-pointer>)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  endif()
endfunction()

# A directory of the library: object code that goes into libvae.so and libvae.a.
# -fopenmp only while compiling: the one libgomp linked is LibTorch's.
function(vae_add_objects target)
  add_library(${target} OBJECT)
  vae_compile_options(${target})
  target_include_directories(${target} PRIVATE
    "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
  target_compile_definitions(${target} PRIVATE
    VAE_VERSION_STRING="${PROJECT_VERSION}")
  target_link_libraries(${target} PRIVATE Microsoft.GSL::GSL)
endfunction()
