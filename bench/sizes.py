"""How large the libraries are that a program needs: ours, LibTorch's, and the
packages of the peers. Measures no time. Standard library only.
"""

import pathlib
import re
import subprocess

# Packages of the peers' Python, by what they are measured as.
PACKAGES = {"PyTorch (package torch)": ["torch"],
            "ONNX Runtime (package onnxruntime)": ["onnxruntime"],
            "JAX (packages jax, jaxlib)": ["jax", "jaxlib"]}
# Of the system, wherever it is.
SYSTEM = re.compile(r"/(ld-linux|libc|libm|libdl|librt|libpthread|libstdc\+\+|"
                    r"libgcc_s)[-.]")


def mib(path):
    path = path.resolve()
    if path.is_dir():
        return sum(f.stat().st_size for f in path.rglob("*")
                   if f.is_file() and not f.is_symlink()) / 2**20
    return path.stat().st_size / 2**20


def libraries(program):
    """Shared libraries that the loader gives to `program`."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    paths = re.findall(r"=> (/\S+) \(", done.stdout)
    return [pathlib.Path(p) for p in paths if not SYSTEM.search(p)]


def packages(python):
    done = subprocess.run(
        [python, "-c", "import sysconfig; "
         "print(sysconfig.get_paths()['purelib'])"],
        capture_output=True, text=True)
    folder = pathlib.Path(done.stdout.strip() or "/nowhere")
    for what, names in PACKAGES.items():
        found = [folder / n for n in names if (folder / n).is_dir()]
        if found:
            yield what, sum(map(mib, found))


def measure(options):
    """{what: MiB}"""
    found = libraries(options.bench)
    ours = [p for p in found if p.name.startswith("libvae")]
    result = {p.name: mib(p) for p in ours}
    result["libvae and all it needs but the system's C and C++"] = sum(
        mib(p) for p in found)
    result.update(packages(options.python))
    return result
