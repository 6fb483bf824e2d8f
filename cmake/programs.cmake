# The one binary, and the programs that are no room's: simulations, benches.
add_executable(odradek ${CMAKE_SOURCE_DIR}/src/main.c)
target_link_libraries(odradek PRIVATE broker cli env_posix)

foreach(part sim bench)
  if(EXISTS ${CMAKE_SOURCE_DIR}/cmake/${part}.cmake)
    include(cmake/${part}.cmake)
  endif()
endforeach()
