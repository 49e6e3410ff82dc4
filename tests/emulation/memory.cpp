// See memory.hpp.
#include "emulation/memory.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

namespace vae::emulation {
namespace {

constexpr std::size_t kAlignment = 256;  // and the canaries' least size
constexpr std::size_t kReserved = std::size_t{512} << 20;

// Signalling NaNs, of double and, in the lower half, of float, because even
// adding to one changes its bits.
constexpr std::uint64_t kCanary = 0xFFF5A5A5FFA5A5A5u;

std::size_t rounded(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

class Arena {
 public:
  static Arena& only() {
    // Never destroyed, because devices may free memory at the end of the
    // program.
    static Arena& arena = *new Arena;
    return arena;
  }

  void open() {
    if (opened_++ == 0) protect(PROT_READ | PROT_WRITE);
  }
  void close() {
    if (--opened_ == 0) protect(PROT_NONE);
  }

  void* take(std::size_t bytes) {
    if (bytes > kReserved) return nullptr;
    const std::size_t size = kAlignment + rounded(bytes) + kAlignment;
    const std::size_t start = gap_of(size);
    if (start + size > kReserved) return nullptr;
    const Piece piece{start, size, bytes};
    pieces_[start] = piece;
    const OpenMemory opened;
    restore(piece);
    std::memset(memory(piece), 0, bytes);
    return memory(piece);
  }

  void give_back(const void* memory) {
    const auto offset =
        static_cast<std::size_t>(static_cast<const std::byte*>(memory) - base_);
    const auto found = pieces_.find(offset - kAlignment);
    const OpenMemory opened;
    if (broken(found->second)) {
      // Nobody looked after a launch, and a deleter cannot throw.
      std::fprintf(stderr, "emulated device: a kernel wrote beside %zu bytes\n",
                   found->second.bytes);
      std::abort();
    }
    for (std::size_t i = 0; i < found->second.size; ++i)
      put_canary(found->second.start + i);
    pieces_.erase(found);
  }

  std::string broken_pieces() {
    const OpenMemory opened;
    std::ostringstream text;
    for (const auto& [start, piece] : pieces_) {
      if (!broken(piece)) continue;
      text << (text.tellp() > 0 ? ", " : "") << "a kernel wrote "
           << (broken(piece, 0, kAlignment) ? "before" : "behind") << " the "
           << piece.bytes << " bytes at " << memory(piece);
      restore(piece);
    }
    return text.str();
  }

 private:
  struct Piece {
    std::size_t start, size;  // with canaries
    std::size_t bytes;        // as requested
  };

  Arena()
      : base_(static_cast<std::byte*>(
            mmap(nullptr, kReserved, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (base_ == MAP_FAILED) std::abort();
  }

  void protect(int how) const {
    if (mprotect(base_, kReserved, how) != 0) std::abort();
  }
  std::byte* memory(const Piece& piece) const {
    return base_ + piece.start + kAlignment;
  }

  /// Where `size` bytes fit between two pieces, or after the last.
  std::size_t gap_of(std::size_t size) const {
    std::size_t end = 0;
    for (const auto& [start, piece] : pieces_) {
      if (start - end >= size) break;
      end = start + piece.size;
    }
    return end;
  }

  static std::byte canary(std::size_t offset) {
    return static_cast<std::byte>(kCanary >> (offset % 8 * 8));
  }
  void put_canary(std::size_t offset) const { base_[offset] = canary(offset); }

  void restore(const Piece& piece) const {
    for (std::size_t i = 0; i < kAlignment; ++i) put_canary(piece.start + i);
    for (std::size_t i = kAlignment + piece.bytes; i < piece.size; ++i)
      put_canary(piece.start + i);
  }
  bool broken(const Piece& piece, std::size_t first, std::size_t end) const {
    for (std::size_t i = piece.start + first; i < piece.start + end; ++i)
      if (base_[i] != canary(i)) return true;
    return false;
  }
  bool broken(const Piece& piece) const {
    return broken(piece, 0, kAlignment) ||
           broken(piece, kAlignment + piece.bytes, piece.size);
  }

  std::byte* base_;
  int opened_ = 0;
  std::map<std::size_t, Piece> pieces_;
};

}  // namespace

OpenMemory::OpenMemory() { Arena::only().open(); }
OpenMemory::~OpenMemory() { Arena::only().close(); }

std::shared_ptr<void> allocate(std::int64_t bytes) {
  void* memory = Arena::only().take(static_cast<std::size_t>(bytes));
  if (memory == nullptr) return nullptr;
  return {memory, [](void* p) { Arena::only().give_back(p); }};
}

std::string written_beside() { return Arena::only().broken_pieces(); }

}  // namespace vae::emulation
