// vae_micro: Google Benchmark over training steps, inference, and the parts
// that the engines are built from. Compares nothing: that is bench/run.
#include "micro.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  micro::add_trainers();
  micro::add_tile_engine();
  micro::add_tiles();
  micro::add_layers();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
