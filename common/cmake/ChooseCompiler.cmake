# Which compiler: the one that CXX or CMAKE_CXX_COMPILER names, else clang 19, else what CMake finds. g++ 12 builds all
# of this tree and miscompiles coroutines that readers will write (see common/COMPILERS.md), so it comes last.
if(NOT DEFINED CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  find_program(TREADLE_CLANG NAMES clang++-19 clang++-18 clang++-17 clang++-16)
  if(TREADLE_CLANG)
    set(CMAKE_CXX_COMPILER ${TREADLE_CLANG})
    message(STATUS "Compiler: ${TREADLE_CLANG}, as g++ 12 miscompiles some coroutines; CXX= chooses another")
  endif()
endif()
