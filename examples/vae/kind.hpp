// The kind of a model's file.
#pragma once

#include <string>

namespace cli {

/// "model" or "checkpoint" if libvae wrote the file; "" for other or unreadable
/// files.
std::string kind_of_file(const std::string& path);

}  // namespace cli
