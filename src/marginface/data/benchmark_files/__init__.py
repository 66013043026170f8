"""Lists and other files of benchmarks, as they are published."""
