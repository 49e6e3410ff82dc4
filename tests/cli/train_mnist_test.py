"""examples/train_mnist.c: the lines and pictures of the original program."""

import os
import re

from support import (CommandTest, Picture, TRAINING_IMAGES, grid_size, main,
                     read_header, run)

STEP = re.compile(r"Train Epoch:(\d+) -- \[(\d+)/(\d+) \((\d+)%\)\] "
                  r"-- Loss:(\d+\.\d{6})")
EPOCH = re.compile(r"====> Epoch: (\d+) Average loss: (\d+\.\d{4})")
TEST = re.compile(r"====> Test set: soft loss: (\d+\.\d{4}) ")


class TrainMnistTest(CommandTest):
    def test_two_epochs(self):
        out, err = run(self.data, 2, cwd=self.folder)
        self.assertEqual(err, "")
        # Five steps an epoch: only the first is a tenth one.
        steps = STEP.findall(out)
        self.assertEqual([step[:4] for step in steps],
                         [(str(epoch), "0", str(TRAINING_IMAGES), "0")
                          for epoch in (1, 2)])
        first, second = EPOCH.findall(out)
        self.assertEqual((first[0], second[0]), ("1", "2"))
        self.assertLess(float(second[1]), float(first[1]))
        # Untrained, each of 784 pixels costs about ln 2.
        self.assertAlmostEqual(float(steps[0][4]), 543, delta=60)
        self.assertEqual(len(TEST.findall(out)), 2)
        for epoch in (1, 2):
            picture = Picture(self.path("result", f"sample_{epoch}.png"))
            self.assertEqual(picture.size, grid_size(8, 8))
            self.assert_drawn(picture)
        header = read_header(self.path("result", "model.safetensors"))
        self.assertEqual(header["encoder.3.weight"]["shape"], [128, 64, 4, 4])

    def test_mistakes(self):
        _, err = run(code=2, cwd=self.folder)
        self.assertTrue(err.startswith("usage: "), err)
        nowhere = os.path.join(self.folder, "nowhere")
        _, err = run(nowhere, code=1, cwd=self.folder)
        self.assertTrue(err.startswith("train_mnist: "), err)
        self.assertIn(nowhere, err)
        self.assertEqual(err.count("\n"), 1)


if __name__ == "__main__":
    main()
