// What kind of file a trained model is in.
#pragma once

#include <string>

namespace cli {

/// What libvae wrote into a safetensors file about it: "model", "checkpoint";
/// "" for a file of others, or none that can be read.
std::string kind_of_file(const std::string& path);

}  // namespace cli
