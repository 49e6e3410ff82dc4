"""Numbers on the command line, output that cannot be written, and error texts
about files."""

import json
import os
import struct
import subprocess

from support import (ModelTest, SMALL, VAE, main, named, png_bytes, read_bytes,
                     run, write_idx)

FAILURE, USAGE = 1, 2


class MannersTest(ModelTest):
    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def refused(self, *arguments, says, code=FAILURE, **options):
        _, err = run(*arguments, code=code, **options)
        self.assertEqual(err.count("\n"), 1, err)
        for text in says:
            self.assertIn(text, err)

    def test_numbers(self):
        for option, value in (
                ("--seed", "-1"), ("--seed", 2**64), ("--seed", "0x10"),
                ("--save-every", "-1"), ("--epochs", "1e2"),
                ("--epochs", "+1"), ("--log-every", "-1"), ("--threads", "-1"),
                ("--max-steps", "-1"), ("--batch-size", 2**32),
                ("--layers", "8,,8"), ("--layers", "8,-1"), ("--layers", "8,"),
                ("--sigma", "inf"), ("--clip", "1,5"), ("--clip", "1e999")):
            self.refused("train", "--data", self.data, "--out",
                         self.path("refused"), f"{option}={value}",
                         code=USAGE, says=[option, "is not allowed"])
        for option in ("--count", "--columns", "--seed", "--first"):
            self.refused("sample", "--model", self.model, f"{option}=-1",
                         code=USAGE, says=[option, "'-1'"])
        lines = self.train(self.path("decimal"), "--seed", "010",
                           "--max-steps", 1)
        self.assertEqual(lines[0]["config"]["seed"], 10)
        self.assertEqual(self.train(self.path("most"), "--seed", 2**64 - 1,
                                    "--max-steps", 1)[0]["config"]["seed"],
                         2**64 - 1)

    def test_numbers_in_a_configuration(self):
        for value in ("-1", str(2**64), "1.0", "010", "1e400", '"1"'):
            config = self.write("number.json", f'{{"seed": {value}}}'.encode())
            self.refused("train", "--data", self.data, "--out",
                         self.path("refused"), "--config", config,
                         says=[config])

    def test_output_that_cannot_be_written(self):
        picture = ["--out", self.path("x.png")]
        data = ["--data", self.data]
        model = ["--model", self.model]
        for arguments in (["--help"], ["--version"], ["train", "--help"],
                      ["info", self.model], ["diagnose"], ["diagnose", "--json"],
                      ["eval", *model, *data], ["sample", *model, *picture],
                      ["reconstruct", *model, *data, *picture],
                      ["interpolate", *model, *data, *picture],
                      ["encode", *model, *data, "--out", self.path("x.npy")],
                      ["train", *data, "--out", self.path("unheard"), *SMALL]):
            command = " ".join(f"'{part}'" for part in [VAE, *arguments])
            for where, why in ((">/dev/full", "No space left"),
                               (">&-", "Bad file descriptor")):
                self.refused_by_shell(f"{command} {where}", why)

    def refused_by_shell(self, command, why):
        done = subprocess.run(["sh", "-c", command], capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, FAILURE, command)
        self.assertIn(f"standard output cannot be written: {why}", done.stderr)

    def test_configuration_files(self):
        def refused(name, content, *says):
            self.refused("train", "--data", self.data, "--out",
                         self.path("refused"), "--config",
                         self.write(name, content), says=[name, *says])
        refused("empty.json", b"", "empty")
        refused("blank.json", b" \n", "empty")
        refused("utf16.json", '{"latent": 4}'.encode("utf-16"), "UTF-16")
        refused("utf16be.json", '{"latent": 4}'.encode("utf-16-be"), "UTF-16")
        refused("comma.json", b'{"latent": 4,}', "not JSON")
        refused("list.json", b"[1]", "not a JSON object")
        refused("some.yaml", b"latent: 4", "JSON object", "latent: ")
        refused("twice.json", b'{"latent": 4, "latent": 5}', '"latent" twice')
        refused("typo.json", b'{"lerning_rate": 1}', "lerning_rate")
        bom = self.write("bom.json", b'\xef\xbb\xbf{"latent": 7}')
        lines = self.train(self.path("bom"), "--config", bom, "--max-steps", 1)
        self.assertEqual(lines[0]["config"]["latent"], 4)  # from the option

    def test_files_that_are_not_images(self):
        picture = self.write("one.png", png_bytes(8, 8, 1, bytes(64)))
        self.refused("train", "--data", picture, "--out", self.path("refused"),
                     says=[picture, "PNG", "folder"])
        wide = self.path("wide")
        write_idx(wide, (2, 4, 5000), bytes(2 * 4 * 5000))
        self.refused("train", "--data", wide, "--out", self.path("refused"),
                     says=[wide, "1x4x5000", "4096"])

    def test_files_of_pytorch(self):
        saved = self.write("model.pt", b"PK\x03\x04" + bytes(60))
        self.refused("info", saved, says=[saved, "torch.save", "save_file"])
        whole = read_bytes(self.model)
        length, = struct.unpack("<Q", whole[:8])
        header = json.loads(whole[8:8 + length])
        config = self.write("m.json",
                            header.pop("__metadata__")["vae.config"].encode())
        text = json.dumps(header).encode()
        # 0x7b20: the bytes of the length are a blank and a brace.
        text += b" " * (0x7b20 - len(text))
        model = self.write("m.safetensors", struct.pack("<Q", len(text)) + text
                           + whole[8 + length:])
        self.refused("info", model, says=[model, "--config"])
        out, _ = run("info", model, "--config", config, "--json")
        self.assertEqual(json.loads(out)["kind"], "model")

    def test_duplicate_names(self):
        whole = read_bytes(self.checkpoint)
        length, = struct.unpack("<Q", whole[:8])
        text = whole[8:8 + length]
        for old, new, said in (
                (b'"vae.kind":', b'"vae.kind":"", "vae.kind":', "vae.kind"),
                (b'"__metadata__":', b'"__metadata__":{}, "__metadata__":',
                 "__metadata__"),
                (b'{\\"step\\":', b'{\\"step\\":1,\\"step\\":', "step"),
                (b'\\"latent\\":', b'\\"latent\\":4,\\"latent\\":', "latent")):
            self.assertEqual(text.count(old), 1)
            head = text.replace(old, new)
            path = self.write("twice.safetensors",
                              struct.pack("<Q", len(head)) + head
                              + whole[8 + length:])
            self.refused("info", path, says=[path + ": ", said, "twice"])

    def test_resuming_from_a_model(self):
        lines = self.train(self.path("model"), "--resume", self.model,
                           "--max-steps", 1)
        self.assertIn("not a checkpoint", named(lines, "warning")[0]["text"])
        lines = self.train(self.path("same"), "--resume", self.checkpoint,
                           "--max-steps", 1)
        self.assertEqual(named(lines, "warning"), [])

    def test_resuming_with_other_images(self):
        out, data = self.path("whole"), self.path("fewer")
        self.train(out, "--epochs", 2)
        write_idx(data, (64, 28, 28), bytes(64 * 784))
        text, _ = run("train", "--data", data, "--out", self.path("changed"),
                      "--resume", os.path.join(out, "checkpoint.safetensors"),
                      "--epochs", 3, "--json")
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertIn("changed", named(lines, "warning")[0]["text"])

    def test_checkpoint_without_updates(self):
        out = self.path("no-updates")
        self.train(out, "--learning-rate", 0, "--max-steps", 1)
        path = os.path.join(out, "checkpoint.safetensors")
        content = read_bytes(path)
        length, = struct.unpack("<Q", content[:8])
        head = content[8:8 + length].replace(b'\\"updates\\":1', b'\\"updates\\":0')
        self.assertNotEqual(head, content[8:8 + length])
        path = self.write("zero.safetensors",
                          content[:8] + head + content[8 + length:])
        out, _ = run("info", path, "--json")
        found = json.loads(out)
        self.assertEqual((found["kind"], found["updates"]), ("checkpoint", 0))

    def test_too_large_pictures_fail_before_the_work(self):
        self.refused("sample", "--model", self.model, "--count", 65536,
                     "--columns", 65536, "--out", self.path("x.png"),
                     says=["x.png", "1966082x32", "1000000"])
        nowhere = self.path("nowhere")  # the error comes before data are read
        self.refused("reconstruct", "--model", self.model, "--data", nowhere,
                     "--count", 32768, "--columns", 32768, "--out",
                     self.path("x.png"), says=["x.png", "1966082x32"])
        self.refused("interpolate", "--model", self.model, "--data", nowhere,
                     "--rows", 65536, "--out", self.path("x.png"),
                     says=["x.png", "302x1966082"])

    def test_targets_that_are_not_files(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        for target, kind in ((fifo, "pipe"), ("/dev/null", "device"),
                             (self.folder, "folder"), ("", "empty")):
            self.refused("sample", "--model", self.model, "--out", target,
                         says=[target, kind])
        folder = self.path("blocked")
        os.makedirs(os.path.join(folder, "checkpoint.safetensors"))
        self.refused("train", "--data", self.data, "--out", folder, *SMALL,
                     "--force", says=["checkpoint.safetensors", "folder"])


if __name__ == "__main__":
    main()
