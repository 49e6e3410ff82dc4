// The C++ API of libvae, in the order in which to read it. LibTorch does not
// appear here; tensor overloads are in vae/torch.hpp.
#pragma once

// clang-format off
#include "vae/error.hpp"    // IWYU pragma: export
#include "vae/config.hpp"   // IWYU pragma: export
#include "vae/rows.hpp"     // IWYU pragma: export
#include "vae/trainer.hpp"  // IWYU pragma: export
#include "vae/spans.hpp"    // IWYU pragma: export
#include "vae/dataset.hpp"  // IWYU pragma: export
#include "vae/image.hpp"    // IWYU pragma: export
#include "vae/array.hpp"    // IWYU pragma: export
#include "vae/about.hpp"    // IWYU pragma: export
// clang-format on
