// Whether the plain products are the ones that the program was linked with.
#pragma once

namespace vae::engine::tile {

/// Whether any product was a plain one until now.
bool plain_products_used();

}  // namespace vae::engine::tile
