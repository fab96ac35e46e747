# TREADLE_SANITIZE=address,undefined or thread: the same flags for every stage, test and example.
if(TREADLE_SANITIZE)
  add_compile_options(-fsanitize=${TREADLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TREADLE_SANITIZE})
endif()
