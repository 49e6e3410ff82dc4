"""Folders of pictures that are ambiguous, or can be read only in part."""

import os

from support import CommandTest, events, main, named, png_bytes, run


class FoldersTest(CommandTest):
    def pictures(self, *names, count=10):
        folder = self.path(*names)
        os.makedirs(folder, exist_ok=True)
        for i in range(count):
            with open(os.path.join(folder, f"{i}.png"), "wb") as file:
                file.write(png_bytes(8, 8, 1, bytes([i]) * 64))
        return folder

    def try_training(self, data, code=0):
        return run("train", "--data", data, "--out", data + "-out", "--net",
                   "dense", "--layers", 8, "--max-steps", 1, "--device", "cpu",
                   "--json", code=code)

    def test_a_picture_beside_label_folders(self):
        for label in ("cat", "dog"):
            self.pictures("stray", label, count=20)
        self.pictures("stray", count=1)
        _, err = self.try_training(self.path("stray"), code=1)
        for text in (self.path("stray"), "1 PNG files", "40 more", "0.png"):
            self.assertIn(text, err)

    def test_a_label_called_train(self):
        for label in ("car", "plane", "train"):
            self.pictures("vehicles", label)
        _, err = self.try_training(self.path("vehicles"), code=1)
        self.assertIn("may be a label or the training set", err)
        for part in ("train", "test"):
            self.pictures("sets", part)
        self.try_training(self.path("sets"))

    def test_images_of_other_formats(self):
        data = self.pictures("mixed", count=5)
        for i in range(50):
            open(os.path.join(data, f"{i}.JPG"), "w").close()
        out, _ = self.try_training(data)
        says = "5 PNG files are read, 50 images of other formats are left out"
        self.assertIn(says, named(events(out), "warning")[0]["text"])
        out, err = run("eval", "--model", data + "-out/model.safetensors",
                       "--data", data, "--json")
        self.assertIn(says, events(out)[0]["warnings"][0])
        self.assertIn(says, err)


if __name__ == "__main__":
    main()
