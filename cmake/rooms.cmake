# One static library per room of docs/layers.txt, linked along its arrows; one test program per src/ROOM/**/x_test.c.
# A room needs no list of files and no registration.

# What a room needs from outside the house.
set(ODRADEK_LIBS_record z zstd lz4 snappy)
set(ODRADEK_LIBS_wire jansson)
set(ODRADEK_LIBS_env_posix Threads::Threads)
set(ODRADEK_LIBS_broker pcre2-8 crypto)
set(ODRADEK_LIBS_cli jansson pcre2-8 crypto)

# schema/*.api and *.rec -> gen/proto/*.h and gen/proto/*.c (part of the room wire)
function(odradek_generate_protocol)
  file(GLOB schemas CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schema/*.api ${CMAKE_SOURCE_DIR}/schema/*.rec)
  set(out ${CMAKE_BINARY_DIR}/gen)
  add_custom_command(
    OUTPUT ${out}/proto/tables.c
    COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/schemac --out ${out}/proto ${CMAKE_SOURCE_DIR}/schema
    DEPENDS ${schemas} ${CMAKE_SOURCE_DIR}/tools/schemac
    COMMENT "schemac: protocol structs and tables")
  add_custom_command(
    OUTPUT ${out}/handlers.c
    COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/handlersc ${CMAKE_SOURCE_DIR}/schema ${out}/handlers.c
    DEPENDS ${schemas} ${CMAKE_SOURCE_DIR}/tools/handlersc ${out}/proto/tables.c)
  add_custom_target(protocol DEPENDS ${out}/proto/tables.c)
endfunction()

function(odradek_room name)
  set(dependencies ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.c$|_fuzz\\.c$")
  list(FILTER tests INCLUDE REGEX "_test\\.c$")
  if(name STREQUAL wire)
    list(APPEND sources ${CMAKE_BINARY_DIR}/gen/proto/tables.c)
  elseif(name STREQUAL broker)
    list(APPEND sources ${CMAKE_BINARY_DIR}/gen/handlers.c)
  endif()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE) # header only
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/gen)
  target_link_libraries(${name} ${scope} ${dependencies} ${ODRADEK_LIBS_${name}})
  if(name STREQUAL wire OR wire IN_LIST dependencies)
    add_dependencies(${name} protocol)
  endif()
  foreach(test ${tests})
    odradek_test(${test} ${name} env_sim env_posix)
  endforeach()
  if(ODRADEK_FUZZ)
    file(GLOB_RECURSE fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*_fuzz.c)
    foreach(fuzzer ${fuzzers})
      get_filename_component(program ${fuzzer} NAME_WE)
      add_executable(${program} ${fuzzer})
      target_link_libraries(${program} PRIVATE ${name} env_sim)
      target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()

# A cmocka program; the simulator and the real environment are at hand for every test.
function(odradek_test source room)
  get_filename_component(program ${source} NAME_WE)
  add_executable(${program} ${source})
  set(libraries ${room} ${ARGN})
  list(REMOVE_DUPLICATES libraries)
  target_link_libraries(${program} PRIVATE ${libraries} cmocka)
  add_test(NAME ${program} COMMAND ${program})
  set_tests_properties(${program} PROPERTIES TIMEOUT 300)
endfunction()

function(odradek_rooms layers)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${layers})
  file(STRINGS ${layers} lines REGEX "^[a-z_]+ +->")
  foreach(line ${lines})
    string(REGEX REPLACE "^([a-z_]+) +->.*" "\\1" name "${line}")
    string(REGEX REPLACE "^[a-z_]+ +-> *" "" rest "${line}")
    string(REGEX REPLACE " *pure *$" "" rest "${rest}")
    separate_arguments(dependencies UNIX_COMMAND "${rest}")
    if(NOT name STREQUAL main)
      odradek_room(${name} ${dependencies})
    endif()
  endforeach()
endfunction()
