// rejected by: Double: three, or any number, becomes twice as much
// status: wrong
// says: twice(n) must be n + n for every n
int twice(int n) { return n * n; }
