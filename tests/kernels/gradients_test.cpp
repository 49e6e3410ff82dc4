// The gradient, collected in the flat buffer from a table of partial and exact
// sums, against the same additions here. Emulated only: on a GPU the whole pass
// is compared with the reference.
#include "engine/cuda/gemm_kernels.hpp"
#include "kernels/gemm_support.hpp"

namespace vae::engine {
namespace {

using cuda::GradientTask;

constexpr float kUntouched = 12345;
constexpr double kSecond = 1000;  // addend of every exact sum

/// A piece of the gradient: partial sums, or exact ones if splits is 0.
struct Piece {
  std::int32_t splits, count;
};
/// One number to four of a thread, one thread to all of a block; splits around
/// the eight that are asked for at once.
#ifdef VAE_FEW_SHAPES
const std::vector<Piece> kPieces{{1, 1024}, {9, 4}, {0, 1}, {0, 600}};
#else
const std::vector<Piece> kPieces{{1, 1024}, {3, 4},    {0, 1},   {8, 1020},
                                 {9, 64},   {17, 128}, {0, 600}, {0, 40},
                                 {2, 512},  {7, 8},    {0, 1024}};
#endif

/// A table over kPieces, with gaps between them in the flat buffer, and what
/// collecting it should give.
struct Table {
  explicit Table(bool accumulate) : adds(accumulate) {
    for (const Piece& piece : kPieces) add(piece);
    flat.resize(index(end), kUntouched);
  }

  void add(const Piece& piece) {
    const auto seed = static_cast<std::uint32_t>(places.size()) + 1;
    const std::int64_t first = end;
    places.push_back(first);
    end += (piece.count + 3) / 4 * 4 + 4;  // a gap of four at least
    flat.resize(index(end), kUntouched);
    if (adds) {
      const auto old = random_floats(piece.count, 100 + seed);
      std::copy(old.begin(), old.end(), flat.begin() + first);
    }
    expected.resize(index(end), kUntouched);
    const std::int64_t stride = piece.count + 4;
    const auto numbers = random_floats(
        piece.splits == 0 ? piece.count : piece.splits * stride, seed);
    for (std::int32_t i = 0; i < piece.count; ++i) {
      float sum = 0;
      for (std::int32_t s = 0; s < piece.splits; ++s)
        sum += numbers[index(s * stride + i)];
      if (piece.splits == 0)
        sum = static_cast<float>(double{numbers[index(i)]} + kSecond);
      expected[index(first + i)] = adds ? flat[index(first + i)] + sum : sum;
    }
    GradientTask task{};
    task.stride = stride, task.first = first;
    task.splits = piece.splits, task.count = piece.count;
    if (piece.splits == 0) {
      std::vector<ExactSum> sums = no_sums(piece.count);
      for (std::size_t i = 0; i < sums.size(); ++i)
        add_exactly(sums[i], double{numbers[i]}), add_exactly(sums[i], kSecond);
      exact.push_back(On<ExactSum>(kernel_device(), sums));
      task.exact = exact.back().data();
    } else {
      partial.push_back(On<float>(kernel_device(), numbers));
      task.partial = partial.back().data();
    }
    tasks.push_back(task);
  }

  bool adds;
  std::int64_t end = 4;  // a gap at the beginning too
  std::vector<std::int64_t> places;
  std::vector<float> flat = std::vector<float>(4, kUntouched);
  std::vector<float> expected = flat;
  std::vector<On<float>> partial;
  std::vector<On<ExactSum>> exact;
  std::vector<GradientTask> tasks;
};

struct Collected {
  std::vector<float> flat;
  std::vector<double> squares;
};
Collected collect(const Table& table, cuda::Clear clear = {}) {
  const On<float> flat(kernel_device(), table.flat);
  const On<GradientTask> tasks(kernel_device(), table.tasks);
  const auto count = static_cast<std::int64_t>(table.tasks.size());
  const On<double> squares(kernel_device(), count);
  cuda::collect_gradients({tasks.data(), flat.data(), squares.data(),
                           static_cast<std::int32_t>(count), table.adds, clear},
                          0, nullptr);
  require_launched();
  return {flat.read(), squares.read()};
}

}  // namespace

TEST_CASE("a gradient is the sum of its splits in their order, to the bit") {
  const Table table(false);
  const Collected got = collect(table);
  CHECK(same_bytes(got.flat, table.expected));
}

TEST_CASE("a gradient is added to the batch before, to the bit") {
  const Table table(true);
  const Collected got = collect(table);
  CHECK(same_bytes(got.flat, table.expected));
}

TEST_CASE("each task leaves the squared norm of what it has written") {
  for (const bool accumulate : {false, true}) {
    const Table table(accumulate);
    const Collected got = collect(table);
    double all = 0, exact = 0;
    for (std::size_t t = 0; t < kPieces.size(); ++t) {
      double square = 0;
      for (std::int32_t i = 0; i < kPieces[t].count; ++i)
        square +=
            std::pow(double{table.expected[index(table.places[t] + i)]}, 2);
      CAPTURE(t);
      // A thread adds at most four squares in float, a warp 32 threads: the
      // terms are positive, so some ten roundings of 2^-24 remain.
      CHECK(got.squares[t] == doctest::Approx(square).epsilon(6e-7));
      all += got.squares[t], exact += square;
    }
    CHECK(all == doctest::Approx(exact).epsilon(6e-7));
  }
}

TEST_CASE("an overflowed sum gives NaN in the gradient and in the norm") {
  Table table(false);
  std::vector<ExactSum> sums = no_sums(3);
  add_exactly(sums[1], HUGE_VAL);
  const On<ExactSum> broken(kernel_device(), sums);
  GradientTask& task = table.tasks[2];  // of one number
  task.exact = broken.data() + 1;
  const Collected got = collect(table);
  CHECK(std::isnan(got.flat[index(task.first)]));
  CHECK(std::isnan(got.squares[2]));
  CHECK_FALSE(std::isnan(got.squares[0] + got.squares[1] + got.squares[3]));
}

TEST_CASE("the sums of the next batch start from zero") {
  const Table table(false);
  const auto threads = static_cast<std::int64_t>(table.tasks.size()) * 256;
  for (const std::int64_t count : {std::int64_t{1}, threads - 1, 3 * threads}) {
    CAPTURE(count);
    const On<ExactSum> sums(kernel_device(), count + 1);  // all bits set
    collect(table, {sums.data(), static_cast<std::int32_t>(count)});
    const std::vector<ExactSum> left = sums.read();
    bool zero = true;
    for (std::int64_t i = 0; i < count; ++i)
      zero = zero && left[index(i)].low == 0 && left[index(i)].high == 0;
    CHECK(zero);
    CHECK_EQ(left.back().low, ~0ull);
    CHECK_EQ(left.back().high, ~0ull);
  }
}

}  // namespace vae::engine
