# The target `docs`: the Doxygen site, in build/…/docs/html. Any warning is an
# error (docs/Doxyfile.in says so).
include_guard()

find_package(Doxygen 1.9 REQUIRED)
find_path(VAE_DOXYGEN_AWESOME_DIR doxygen-awesome.css
  PATHS /usr/share/doxygen-awesome-css /usr/share/doxygen/doxygen-awesome-css
  DOC "Folder of the documentation's theme, doxygen-awesome-css")
set(VAE_DOXYGEN_STYLESHEET "")
if(VAE_DOXYGEN_AWESOME_DIR)
  set(VAE_DOXYGEN_STYLESHEET "${VAE_DOXYGEN_AWESOME_DIR}/doxygen-awesome.css")
endif()
set(VAE_DOCS_OUTPUT "${PROJECT_BINARY_DIR}/docs")
file(MAKE_DIRECTORY "${VAE_DOCS_OUTPUT}")
configure_file("${PROJECT_SOURCE_DIR}/docs/Doxyfile.in"
               "${VAE_DOCS_OUTPUT}/Doxyfile" @ONLY)
add_custom_target(docs
  COMMAND Doxygen::doxygen "${VAE_DOCS_OUTPUT}/Doxyfile"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "Documentation: ${VAE_DOCS_OUTPUT}/html/index.html")
