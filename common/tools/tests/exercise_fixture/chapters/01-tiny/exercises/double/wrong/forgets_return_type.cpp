// rejected by: Double: zero stays zero
// status: compile_error
// says: answer.cpp:4
twice(int n) { return 2 * n; }
