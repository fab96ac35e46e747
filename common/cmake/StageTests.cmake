# The shared tests against one stage: every file whose first stage, by tests/stages.txt, is this one or an earlier.
#
# One executable a stage, as a unity build in groups of ten; Catch2's main and the headers that no stage changes are
# compiled once for all. Without that, twenty stages would take many minutes to build.
#
# `make test` leaves out the files that can see nothing which their stage has changed: it writes those that are left to
# selection/STAGE.txt in the build folder. Without such a file a stage has all of its tests.
find_package(Catch2 REQUIRED)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)

if(TARGET Catch2::Catch2WithMain)
  add_library(catch_main INTERFACE)
  target_link_libraries(catch_main INTERFACE Catch2::Catch2WithMain)
else()
  add_library(catch_main STATIC ${treadle_SOURCE_DIR}/common/testing/catch_main.cpp)
  target_link_libraries(catch_main PUBLIC Catch2::Catch2)
endif()

# What of the test kit is code of its own. It knows no stage, so it is compiled once; as objects and not as a library,
# for it stands before functions of the C++ library.
file(GLOB kit CONFIGURE_DEPENDS ${treadle_SOURCE_DIR}/common/testing/kit/*.cpp)
add_library(test_kit OBJECT ${kit})
target_include_directories(test_kit PRIVATE ${treadle_SOURCE_DIR}/common)
target_compile_options(test_kit PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)

# How every test is compiled. A precompiled header is good only for who compiles as it was compiled.
set(test_options -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A unity build includes the tests, so that g++ takes each for a header, in which a coroutine's frame may not hold a local
  # type. No frame of a test is used by two of them.
  list(APPEND test_options -Wno-subobject-linkage)
endif()

# A failed assertion names its line by itself, so debug lines serve a debugger and the sanitizers' reports alone, and cost a
# sixth of a test's compilation.
option(TREADLE_DEBUG_TESTS "Debug lines in the tests, for a debugger" OFF)
if(NOT TREADLE_DEBUG_TESTS AND NOT TREADLE_SANITIZE)
  list(APPEND test_options -g0)
endif()
set(test_definitions CATCH_CONFIG_FAST_COMPILE)

file(GENERATE OUTPUT ${treadle_BINARY_DIR}/test_headers.cpp CONTENT "// Only for its precompiled header.\n")
add_library(test_headers OBJECT ${treadle_BINARY_DIR}/test_headers.cpp)
target_include_directories(test_headers PRIVATE ${treadle_SOURCE_DIR}/common)
target_link_libraries(test_headers PRIVATE catch_main fmt::fmt Threads::Threads)
target_compile_options(
  test_headers PRIVATE ${test_options} $<$<CXX_COMPILER_ID:GNU>:-foptimize-sibling-calls>)  # as the stages ask of g++
target_compile_definitions(test_headers PRIVATE ${test_definitions})
target_precompile_headers(
  test_headers PRIVATE ${treadle_SOURCE_DIR}/common/testing/catch.hpp
  <algorithm> <array> <atomic> <chrono> <concepts> <coroutine> <csignal> <exception> <functional> <memory> <mutex>
  <optional> <source_location> <span> <stdexcept> <string> <string_view> <system_error> <thread> <type_traits> <utility>
  <variant> <vector>)

function(treadle_stage_tests chapter)
  get_filename_component(stage ${chapter} NAME)
  string(REGEX MATCH "^[0-9]+" number ${stage})
  file(STRINGS ${treadle_SOURCE_DIR}/tests/stages.txt rows REGEX "^[0-9][0-9] ")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${treadle_SOURCE_DIR}/tests/stages.txt)
  set(selection ${treadle_BINARY_DIR}/selection/${stage}.txt)
  set(selected)
  if(EXISTS ${selection})
    file(STRINGS ${selection} selected)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${selection})
  endif()
  set(place 0)
  foreach(row IN LISTS rows)
    string(REGEX MATCH "^([0-9][0-9]) +([^ ]+)" _ "${row}")
    set(first ${CMAKE_MATCH_1})
    set(file ${treadle_SOURCE_DIR}/tests/${CMAKE_MATCH_2})
    # A group has the same files at every stage and in every selection, less those that are left out.
    math(EXPR group "${place} / 10")
    math(EXPR place "${place} + 1")
    set_source_files_properties(${file} PROPERTIES UNITY_GROUP ${group})
    if(first LESS_EQUAL number AND (NOT EXISTS ${selection} OR CMAKE_MATCH_2 IN_LIST selected))
      list(APPEND files ${file})
    endif()
  endforeach()
  if(NOT files)
    message(STATUS "${stage} has no test of its own to run")
    return()
  endif()
  add_executable(tests-${stage} ${files} $<TARGET_OBJECTS:test_kit>)
  target_include_directories(tests-${stage} PRIVATE ${treadle_SOURCE_DIR}/common)
  target_link_libraries(tests-${stage} PRIVATE treadle::${stage} catch_main)
  target_compile_options(tests-${stage} PRIVATE ${test_options})
  target_compile_definitions(tests-${stage} PRIVATE ${test_definitions})
  target_precompile_headers(tests-${stage} REUSE_FROM test_headers)
  set_target_properties(
    tests-${stage} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${treadle_BINARY_DIR}/tests
                              UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  add_test(NAME tests-${stage} COMMAND tests-${stage})
endfunction()
