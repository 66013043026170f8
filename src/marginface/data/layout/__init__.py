"""Writers of small synthetic data sets in the on-disk layouts of published benchmarks."""
