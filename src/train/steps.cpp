// See steps.hpp.
#include "train/steps.hpp"

namespace vae::train {

void take_steps(engine::Engine& engine, const engine::Input& input, int steps,
                Health* health) {
  const engine::RowSource& rows = input.rows;
  const bool resident = rows.place == engine::Place::resident;
  // The caller's rows have another address in every call, so loading them
  // cannot be part of a recorded graph.
  if (!resident) engine.load(input);
  const auto step = [&] {
    if (resident) engine.load(input);
    engine.gradients(false);
    // An all-reduce of State::reduced over processes would go here.
    if (health == nullptr) return engine.update();
    health->commit([&] { engine.update(); });
  };
  const engine::WorkKey key{"train",
                            rows.count,
                            steps,
                            resident ? rows.data : nullptr,
                            static_cast<std::int32_t>(rows.type),
                            input.first_image};
  engine.issue(key, [&] {
    for (int i = 0; i < steps; ++i) step();
  });
}

}  // namespace vae::train
