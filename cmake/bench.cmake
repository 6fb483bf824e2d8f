# Programs that measure; they are run by make bench-*, not by CTest.
add_executable(bench_wire EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/bench/bench_wire.c)
target_link_libraries(bench_wire PRIVATE wire)
add_executable(bench_validate EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/bench/bench_validate.c)
target_link_libraries(bench_validate PRIVATE record)
