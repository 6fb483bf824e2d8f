# One ctest program per tests/sim/x_sim.c, linked with the harness and every room there is. SEEDS=from-to in the
# environment chooses the seeds; HACKING.md tells how to replay one.
file(GLOB simulations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim/*_sim.c)
if(simulations)
  add_library(sim_harness STATIC ${CMAKE_SOURCE_DIR}/tests/sim/harness.c)
  target_include_directories(sim_harness PUBLIC ${CMAKE_SOURCE_DIR}/tests/sim)
  target_link_libraries(sim_harness PUBLIC env_sim)
  foreach(simulation ${simulations})
    get_filename_component(program ${simulation} NAME_WE)
    add_executable(${program} ${simulation})
    # register_sim plays on the seam alone, so it builds before there is a broker.
    if(program STREQUAL "register_sim")
      target_link_libraries(${program} PRIVATE sim_harness)
    elseif(program STREQUAL "group_sim") # the coordinator's machine alone
      target_sources(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim/group_judge.c)
      target_link_libraries(${program} PRIVATE sim_harness coord)
    elseif(program STREQUAL "log_sim") # the store alone
      target_sources(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim/log_model.c ${CMAKE_SOURCE_DIR}/tests/sim/log_acts.c)
      target_link_libraries(${program} PRIVATE sim_harness store)
    else()
      target_sources(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim/server.c)
      target_link_libraries(${program} PRIVATE sim_harness broker client store)
    endif()
    add_test(NAME ${program} COMMAND ${program})
    set_tests_properties(${program} PROPERTIES TIMEOUT 600 LABELS sim)
  endforeach()
endif()
