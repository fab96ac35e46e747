show "build/dev/chapters/06-metrics/examples/trample"
