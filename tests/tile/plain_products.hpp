// Whether the program was linked with the plain products.
#pragma once

namespace vae::engine::tile {

/// Whether a plain product was called.
bool plain_products_used();

}  // namespace vae::engine::tile
