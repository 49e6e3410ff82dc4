// vae.h does not return the kind, so it is read from the file's header: eight
// bytes of length, then JSON. vae_load() checks the file.
#include "kind.hpp"

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>

namespace cli {

std::string kind_of_file(const std::string& path) {
  constexpr std::uint64_t kMostBytes = 100'000'000;
  std::ifstream file(path, std::ios::binary);
  std::uint64_t length = 0;
  file.read(reinterpret_cast<char*>(&length), sizeof length);
  if (!file || length > kMostBytes) return "";
  std::string text(length, '\0');
  file.read(text.data(), static_cast<std::streamsize>(length));
  const auto header = nlohmann::json::parse(text, nullptr, false);
  const nlohmann::json::json_pointer kind("/__metadata__/vae.kind");
  if (!file || !header.is_object() || !header.contains(kind) ||
      !header[kind].is_string()) {
    return "";
  }
  return header[kind].get<std::string>();
}

}  // namespace cli
