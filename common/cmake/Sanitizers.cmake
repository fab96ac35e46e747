# TREADLE_SANITIZE=address,undefined or thread: the same flags for every stage, test and example.
if(TREADLE_SANITIZE)
  add_compile_options(-fsanitize=${TREADLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TREADLE_SANITIZE})
endif()

# The test kit counts allocations by an `operator new` of its own, and stands before functions of the C library. clang's
# thread sanitizer does the same; as a shared library it lets the kit come first and is called by it.
if(TREADLE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  separate_arguments(arguments UNIX_COMMAND "${CMAKE_CXX_COMPILER_ARG1}")  # the rest of `CXX="ccache clang++-19"`
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${arguments} -print-file-name=libclang_rt.tsan-${CMAKE_SYSTEM_PROCESSOR}.so
                  OUTPUT_VARIABLE tsan_runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(EXISTS ${tsan_runtime})
    get_filename_component(tsan_place ${tsan_runtime} DIRECTORY)
    add_link_options(-shared-libsan -Wl,-rpath,${tsan_place})
  endif()
endif()
