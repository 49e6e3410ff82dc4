#!/usr/bin/env python3
"""What tools/fields/generate writes is what stands in the tree, a change by hand is
found, and a new field reaches every declaration."""
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATE = "tools/fields/generate"


def files():
    """Every file that has a region, relative to the root."""
    sys.path.insert(0, str(ROOT / "tools/fields"))
    loader = importlib.machinery.SourceFileLoader("generate", str(ROOT / GENERATE))
    spec = importlib.util.spec_from_loader("generate", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    header = (ROOT / "capi/vae.h").read_text(encoding="utf-8")
    return ["capi/vae.h", *module.regions(header)]


class FieldsTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="vae-fields-")
        self.addCleanup(place.cleanup)
        self.root = pathlib.Path(place.name)
        shutil.copytree(ROOT / "tools/fields", self.root / "tools/fields")
        for path in files():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, self.root / path)

    def run_generate(self, *options, root=None):
        return subprocess.run(
            [sys.executable, "-B", (root or self.root) / GENERATE, *options], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def change(self, path, old, new):
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        self.assertIn(old, text)
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def test_the_tree_is_what_is_generated(self):
        done = self.run_generate("--check", root=ROOT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_change_by_hand_is_found_and_undone(self):
        path = "bindings/rust/vae-sys/src/structs.rs"
        self.change(path, "pub latent: u32", "pub latent: u64")
        done = self.run_generate("--check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(path, done.stdout)
        self.assertIn("-    pub latent: u64,", done.stdout)
        self.assertEqual(self.run_generate().stdout, f"wrote {path}\n")
        self.assertEqual(self.run_generate("--check").returncode, 0)

    def test_a_new_field_reaches_every_declaration(self):
        self.change("tools/fields/table.py", '    Field("latent",',
                    '    Field("dropout", "double", "run", "Share of units left out", '
                    '"0.25", "0", "1", below=True),\n    Field("latent",')
        self.assertEqual(self.run_generate().returncode, 0)
        for path, text in {
                "capi/vae.h": "  double dropout;",
                "include/vae/config.hpp": "double dropout = 0.25;",
                "src/base/config_fields.hpp":
                    'visit(Field{"dropout", Scope::run}, Below{0.0, 1.0}, '
                    '&Config::dropout);',
                "capi/config_fields.hpp":
                    'visit("dropout", &vae_config::dropout, &Config::dropout);',
                "capi/vae_layout.cpp": "FIELD(vae_config, dropout),",
                "bindings/rust/vae-sys/src/structs.rs": "pub dropout: f64,",
                "bindings/rust/vae-sys/src/layout.rs": "dropout: 28, 8;",
                "bindings/rust/vae/src/config.rs": "dropout: f64 = 0.25,",
                "bindings/csharp/Vae/NativeStructs.cs": "internal double dropout;",
                "bindings/csharp/Vae/VaeConfig.cs": "native.dropout = Dropout;"}.items():
            written = (self.root / path).read_text(encoding="utf-8")
            self.assertIn(text, written, path)

    def test_a_missing_region_is_an_error(self):
        self.change("capi/vae_layout.cpp", "[end of structs]", "")
        done = self.run_generate("--check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('capi/vae_layout.cpp: 0 regions are called "structs"',
                      done.stderr)


if __name__ == "__main__":
    unittest.main()
