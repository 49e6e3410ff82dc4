# Runs two programs and fails unless both succeed and print the same.
# cmake -DFIRST=… -DSECOND=… -DFOLDER=… -P same_output.cmake
foreach(which FIRST SECOND)
  execute_process(COMMAND "${${which}}" WORKING_DIRECTORY "${FOLDER}"
    RESULT_VARIABLE result OUTPUT_VARIABLE output_${which})
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${${which}} failed: ${result}\n${output_${which}}")
  endif()
endforeach()
message("${output_FIRST}")
if(NOT output_FIRST STREQUAL output_SECOND)
  message(FATAL_ERROR "the outputs differ:\n${output_FIRST}\n${output_SECOND}")
endif()
