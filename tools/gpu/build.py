"""The part `build`: configures and builds what the other parts run, from an
installed LibTorch and the folder of tools/pack-deps, without a network."""

import os
import sys

import machine
import suite as suites


def jobs():
    """A C++ file over LibTorch takes up to 2 GB of memory."""
    cores = len(os.sched_getaffinity(0))
    memory = machine.found(
        r"MemAvailable:\s+(\d+)", machine.read("/proc/meminfo")
    )
    return max(1, min(cores, int(memory or 2**21) // 2**21))


def architectures(suite):
    """Compute capabilities to compile for: the GPU's own alone is quick."""
    if suite.options.architectures:
        return suite.options.architectures
    capability = machine.gpu().get("compute_cap", "")
    number = capability.replace(".", "")
    if not number.isdigit():
        return None
    # 9.0 has instructions that only the target 90a names.
    return "90a-real" if number == "90" else f"{number}-real"


def test_program(suite):
    # Without a GPU, a rehearsal: other tests of engines take the place.
    return "gpu_tests" if suite.device == "cuda" else "engine_tests"


def configure(suite, libtorch):
    command = [
        "cmake", "--preset", "release", "-B", suite.build,
        f"-DVAE_FLAVOUR={suite.device}", f"-DLIBTORCH_DIR={libtorch}",
        f"-DPython3_EXECUTABLE={sys.executable}", "-DVAE_CHECK_CUDA=OFF",
        "-DVAE_TESTS=ON", "-DVAE_EXAMPLES=ON", "-DVAE_BENCH=ON",
        "-DVAE_DOCS=OFF", "-DVAE_WERROR=OFF",
    ]  # fmt: skip
    if suite.pack.is_dir():
        command.append(f"-DCMAKE_PREFIX_PATH={suite.pack}")
    chosen = architectures(suite) if suite.device == "cuda" else None
    if chosen:
        command.append(f"-DCMAKE_CUDA_ARCHITECTURES={chosen}")
    return suite.run(command, suite.left("build")), chosen


def targets(suite):
    """What there is to build, by name."""
    listed = suite.run(
        ["cmake", "--build", suite.build, "--target", "help"], 60
    )
    return {line.split(":")[0] for line in listed.out.splitlines()}


def run(suite):
    libtorch = suites.libtorch(suite.options)
    if libtorch is None:
        return {"wrong": ["there is no LibTorch: set LIBTORCH_DIR, or use a "
                          "python3 that has torch"]}  # fmt: skip
    if not suite.pack.is_dir():
        suite.say("no folder of tools/pack-deps: using this system's packages")
    configured, chosen = configure(suite, libtorch)
    data = {"libtorch": machine.libtorch_version(libtorch),
            "architectures": chosen, "jobs": jobs(), "wrong": [], "notes": [],
            "configure_seconds": configured.seconds}  # fmt: skip
    if configured.code != 0:
        data["wrong"].append("CMake could not configure, see suite.log")
        return data
    known = targets(suite)
    wanted = ["vae_command", test_program(suite), "vae_bench"]
    for target in wanted:
        if target not in known:
            data["wrong"].append(f"there is no target {target}")
    wanted = [target for target in wanted if target in known]
    # --quick does without the tests that need no GPU.
    asked = ["--target", *wanted] if suite.quick else []
    # -k 0: what does not compile shall not take the rest with it.
    built = suite.run(
        ["cmake", "--build", suite.build, "-j", jobs(), *asked,
         "--", "-k", "0"],
        suite.left("build"),
    )  # fmt: skip
    data["build_seconds"] = built.seconds
    if built.cut:
        data["cut"] = "the build was ended at its time limit"
    elif built.code != 0:
        failed = [line for line in built.out.splitlines()
                  if line.startswith("FAILED: ")]  # fmt: skip
        data["wrong"].append(f"{len(failed)} steps of the build failed, see "
                             "suite.log")  # fmt: skip
    names = {"vae_command": "vae"}
    for target in wanted:
        if not (suite.build / "bin" / names.get(target, target)).exists():
            data["wrong"].append(f"{target} was not built")
    if suite.device == "cpu":
        data["notes"].append("a rehearsal on the CPU: engine_tests takes the "
                             "place of gpu_tests")  # fmt: skip
    return data
