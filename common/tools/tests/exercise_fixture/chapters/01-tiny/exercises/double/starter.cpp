int twice(int) {
  return 0;  // TODO: twice n
}
