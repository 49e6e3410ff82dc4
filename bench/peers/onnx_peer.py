"""Times ONNX Runtime using the network: encoder or decoder. The graph is what
PyTorch exports of the tests' reference module. Exported once, it is kept in
build/bench: a program that uses ONNX Runtime needs no PyTorch to begin.
"""

import hashlib
import os
import pathlib
import sys
import time
import warnings

import common

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"
sys.path.insert(0, str(REFERENCE))
OUTPUTS = {"encode": ["mean", "logvar"], "decode": ["images"]}


def make_module(torch, options):
    """From bytes to mean and logvar, or from codes to images in [0, 1]."""
    from pytorch_vae import Vae

    net = Vae(dict(zip(("channels", "height", "width"), options.shape))).eval()

    class Module(torch.nn.Module):
        def forward(self, rows):
            if options.mode == "decode":
                return net.output(net.logits(rows))
            x = rows.view(-1, *options.shape).to(torch.float32) / 255
            return net.encode(x)

    module = Module()
    module.net = net  # its parameters are the module's
    return module


def kept_graph(options, rows):
    """The exported graph's file, made if it is not there."""
    key = hashlib.sha256((REFERENCE / "pytorch_vae.py").read_bytes())
    key.update(pathlib.Path(__file__).read_bytes())
    shape = "x".join(map(str, options.shape))
    name = f"{options.mode}-{shape}-{key.hexdigest()[:16]}.onnx"
    file = REFERENCE.parents[1] / "build" / "bench" / name
    if file.exists():
        return file
    common.need("onnx", "onnx")  # PyTorch's exporter wants it
    torch, outputs = common.need("torch", "torch"), OUTPUTS[options.mode]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    with warnings.catch_warnings(), torch.no_grad():
        # The newer exporter needs one more package and gives the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            make_module(torch, options), (torch.from_numpy(rows),), str(part),
            input_names=["rows"], output_names=outputs, opset_version=17,
            dynamo=False,
            dynamic_axes={name: {0: "count"} for name in ["rows", *outputs]})
    part.rename(file)
    return file


class Work:
    """Calls with outputs allocated once."""

    def __init__(self, onnxruntime, options, graph, rows):
        import numpy as np

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        if options.device == "cuda":
            name = "CUDAExecutionProvider"
            if name not in onnxruntime.get_available_providers():
                raise common.Skip("this ONNX Runtime has no CUDA")
            # By itself it would round what is asked for in fp32.
            providers = [(name, {"use_tf32": 0})]
        self.session = onnxruntime.InferenceSession(
            str(graph), settings, providers=providers)
        shape = (len(rows), *([common.LATENT] if options.mode == "encode"
                              else options.shape))
        self.binding, self.results = self.session.io_binding(), []
        self.binding.bind_cpu_input("rows", rows)
        for name in OUTPUTS[options.mode]:
            self.results.append(np.empty(shape, np.float32))
            self.binding.bind_output(name, "cpu", 0, np.float32, shape,
                                     self.results[-1].ctypes.data)

    def __call__(self, calls):
        for _ in range(calls):
            self.session.run_with_iobinding(self.binding)


def run(options):
    if options.precision != "fp32":
        raise common.Skip("its graph is of fp32")
    onnxruntime = common.need("onnxruntime", "onnxruntime")
    rows = common.rows_of_call(options)
    graph = kept_graph(options, rows)
    began = time.perf_counter()
    work = Work(onnxruntime, options, graph, rows)
    return {**common.measure(options, work, began),
            "build": {"onnxruntime": onnxruntime.__version__}}
