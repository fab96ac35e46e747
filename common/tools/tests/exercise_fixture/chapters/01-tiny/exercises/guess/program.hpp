// The program to think about.
#pragma once
#include <string>
#include <vector>

inline std::vector<std::string> run_program() { return {"one", "two", "three"}; }
