// vae_micro: Google Benchmark over the parts of the tile engine. Compares
// nothing: that is bench/run. Whole steps: vae_bench.
#include "micro.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  micro::add_tile_engine();
  micro::add_tiles();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
