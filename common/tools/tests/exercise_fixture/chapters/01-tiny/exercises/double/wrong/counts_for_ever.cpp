// rejected by: Double: a negative number stays negative
// status: timeout
// says: processor time
int twice(int n) {
  volatile int sum = 0;
  for (unsigned i = 0; i != static_cast<unsigned>(n) || n < 0; ++i) sum = sum + 2;
  return sum;
}
