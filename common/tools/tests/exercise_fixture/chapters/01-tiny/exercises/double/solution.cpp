int twice(int n) { return treadle::plus(n, n); }
