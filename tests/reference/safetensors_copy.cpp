// Reads a safetensors file and writes its content to another: for
// safetensors_interop.py, which writes the first and compares the second.
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
