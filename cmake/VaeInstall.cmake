# What `cmake --install` gives: headers, both libraries, the vae command, a CMake
# package and pkg-config files. All of it can be moved afterwards, LibTorch aside, whose
# place is remembered and can be overridden (see vaeConfig.cmake.in).
include_guard()
include(CMakePackageConfigHelpers)

install(TARGETS vae vae_static
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(VAE_EXAMPLES)
  set_target_properties(vae_command PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS vae_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(FILES capi/vae.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY include/vae DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(FILES LICENSE THIRD_PARTY_NOTICES
        DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libvae")

set(vae_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/vae")
configure_package_config_file(cmake/vaeConfig.cmake.in
  "${PROJECT_BINARY_DIR}/vaeConfig.cmake"
  INSTALL_DESTINATION "${vae_package_dir}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/vaeConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/vaeConfig.cmake"
  "${PROJECT_BINARY_DIR}/vaeConfigVersion.cmake"
  cmake/FindLibTorch.cmake
  DESTINATION "${vae_package_dir}")

# pkg-config: one file for each library, since with both in one folder
# `pkg-config --static` would still pick libvae.so.
file(RELATIVE_PATH vae_pc_prefix
  "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig"
  "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" vae_pc_prefix "${vae_pc_prefix}")
get_target_property(vae_pc_gomp LibTorch::gomp IMPORTED_LOCATION)
if(NOT vae_pc_gomp)
  set(vae_pc_gomp "-lgomp")
else()
  get_filename_component(vae_pc_gomp "${vae_pc_gomp}" NAME)
  set(vae_pc_gomp "-l:${vae_pc_gomp}")
endif()
set(vae_pc_torch "-ltorch_cpu -lc10")
set(vae_pc_rpath "-Wl,-rpath,\${libtorch}")
if(VAE_FLAVOUR STREQUAL cuda)
  get_target_property(vae_pc_cudart LibTorch::cudart IMPORTED_LOCATION)
  set(vae_pc_torch
    "-ltorch_cuda -lc10_cuda ${vae_pc_torch} ${vae_pc_cudart}")
  get_filename_component(vae_pc_cudart "${vae_pc_cudart}" DIRECTORY)
  string(APPEND vae_pc_rpath " -Wl,-rpath,${vae_pc_cudart}")
endif()
string(CONCAT vae_pc_private
  "-L\${libtorch} -Wl,--push-state,--no-as-needed ${vae_pc_torch} "
  "-Wl,--pop-state ${vae_pc_gomp} -lpng -lz -lstdc++ -lm ${vae_pc_rpath}")
foreach(name vae vae-static)
  configure_file(cmake/${name}.pc.in "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
