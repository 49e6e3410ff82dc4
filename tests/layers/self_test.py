#!/usr/bin/env python3
"""Tests that layers_test.py finds each kind of mistake."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import layers_test


class Mistakes(unittest.TestCase):
    def mistake(self, path, name, quoted=True):
        return layers_test.mistake(pathlib.Path(path), name, quoted)

    def test_a_directory_below_must_not_know_one_above(self):
        self.assertIn("may not know",
                      self.mistake("src/base/x.cpp", "io/file.hpp"))
        self.assertIsNone(self.mistake("src/train/x.cpp", "io/file.hpp"))

    def test_data_reads_through_io_and_not_the_other_way(self):
        self.assertIsNone(self.mistake("src/data/x.cpp", "io/file.hpp"))
        self.assertIn("may not know",
                      self.mistake("src/io/x.cpp", "data/images.hpp"))

    def test_capi_knows_no_file_of_src(self):
        self.assertIn("may not know",
                      self.mistake("capi/x.cpp", "base/check.hpp"))
        self.assertIsNone(self.mistake("capi/x.cpp", "vae/error.hpp"))

    def test_examples_know_the_c_header_alone(self):
        self.assertIn("may not know",
                      self.mistake("examples/x.cpp", "vae/error.hpp"))
        self.assertIsNone(self.mistake("examples/x.c", "vae.h"))
        self.assertIsNone(self.mistake("examples/cpp/x.cpp", "vae/vae.hpp"))

    def test_the_benchmark_knows_the_c_header_and_its_parts_anything(self):
        self.assertIsNone(self.mistake("bench/x.cpp", "vae.h"))
        self.assertIn("may not know",
                      self.mistake("bench/x.cpp", "io/file.hpp"))
        self.assertIn("LibTorch",
                      self.mistake("bench/x.cpp", "ATen/ATen.h", False))
        self.assertIsNone(self.mistake("bench/micro/x.cpp", "io/file.hpp"))
        self.assertIsNone(self.mistake("bench/micro/x.cpp", "ATen/ATen.h",
                                       False))

    def test_only_some_files_may_name_libtorch_and_cuda(self):
        self.assertIn("LibTorch", self.mistake("src/train/x.cpp",
                                               "ATen/ATen.h", False))
        self.assertIsNone(self.mistake("src/engine/blocks/x.cpp",
                                       "ATen/ATen.h", False))
        self.assertIn("CUDA", self.mistake("src/engine/blocks/x.cpp",
                                           "ATen/cuda/CUDAContext.h", False))
        self.assertIn("CUDA", self.mistake("src/base/x.cpp",
                                           "cuda_runtime.h", False))
        self.assertIsNone(self.mistake("src/engine/cuda/x.cu",
                                       "cuda_runtime.h", False))

    def test_what_ends_the_process(self):
        def ends(line, path="src/base/x.cpp"):
            return layers_test.end_of_process(pathlib.Path(path), line)

        for line in ("  Expects(a < b);", "std::abort();", "_exit(1);",
                     "gsl::span<int> a;", "std::terminate();"):
            self.assertIn("ends the host", ends(line) or "")
        for line in ("// abort() is not called", "recording.exits(1);",
                     "static_assert(true);", " * exit() tears down"):
            self.assertIsNone(ends(line))
        self.assertIsNone(ends("exit(1);", "examples/x.cpp"))

    def test_a_quoted_include_that_names_nothing(self):
        self.assertIn("no such file",
                      self.mistake("src/base/x.cpp", "nowhere.hpp"))


if __name__ == "__main__":
    unittest.main()
