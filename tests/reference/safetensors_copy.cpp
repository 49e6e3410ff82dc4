// Reads a safetensors file and writes what it understood as another: the helper
// of safetensors_interop.py, which makes the one and compares the other.
#include <cstdio>
#include <exception>

#include "io/file.hpp"
#include "io/safetensors.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: safetensors_copy FROM TO\n");
    return 2;
  }
  try {
    const auto file =
        vae::io::read_safetensors(vae::io::read_file(argv[1]), argv[1]);
    vae::io::write_file_atomically(argv[2], vae::io::write_safetensors(file));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
