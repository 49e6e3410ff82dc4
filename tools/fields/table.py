"""The fields and choices of a configuration: the only place where they are listed.

`generate` writes vae.h, include/vae/config.hpp, the list of fields that validation,
JSON and the C conversion walk, and the bindings' declarations from this table.

Texts use the words of vae.h: `#VAE_GAUSSIAN` for a constant, `vae_train_epoch()` for
a function, `layers` in backquotes for a field.
"""
import dataclasses
from typing import Optional, Tuple


@dataclasses.dataclass(frozen=True)
class Choice:
    """An enumeration. Its values count from 1, in this order."""
    name: str                  # type in C++ and, unless given below, in the bindings
    prefix: str                # of the constants in vae.h
    doc: str
    values: Tuple              # (name in JSON, what it means)
    rust: Optional[str] = None
    csharp: Optional[str] = None
    subject: Optional[str] = None  # begins the text in vae.h; default: the field

    @property
    def in_rust(self):
        return self.rust or self.name

    @property
    def in_csharp(self):
        return self.csharp or self.name


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of vae_config and vae::Config, of the same name in JSON."""
    name: str
    # uint32, int32, uint64, double, bool, layers, the name of a Choice, or
    # c_only: a uint32_t of vae.h alone
    kind: str
    scope: str                 # "model": must agree when a file is loaded; else "run"
    doc: str
    default: str
    low: Optional[str] = None  # smallest and largest allowed; None: config.cpp checks
    high: Optional[str] = None
    below: bool = False        # `high` itself is not allowed
    zero: Optional[str] = None     # what 0, then the default, means
    off: Optional[str] = None      # bool: what false means; `doc` is what true means
    more: str = ""             # further sentences, after range and default
    c_type: str = "int32_t"    # of a bool in vae.h
    heading: Optional[str] = None  # opens a group in include/vae/config.hpp
    # Left out of models and checkpoints at its default: files of configurations
    # without it are those of versions that did not have it.
    later: bool = False


CHOICES = [
    Choice("Model", "VAE_MODEL_", "Which model is trained.", (
        ("vae", "variational autoencoder (Kingma & Welling 2014)"),
    ), rust="ModelKind", csharp="ModelKind"),
    Choice("Net", "VAE_NET_", "The network around the latent code.", (
        ("conv", "convolutions with BatchNorm and LeakyReLU, for images"),
        ("dense", "fully connected layers without BatchNorm, for vectors of any kind"),
    ), csharp="NetKind"),
    Choice("Likelihood", "VAE_", "p(x|z), computed from the decoder's output.", (
        ("bernoulli", "Bernoulli on logits; targets anywhere in [0, 1]"),
        ("gaussian", "Gaussian of fixed variance, `gaussian_sigma` squared"),
    )),
    Choice("DeviceKind", "VAE_", "Where a trainer computes.", (
        ("cpu", "the CPU and host memory"),
        ("cuda", "an NVIDIA GPU and its memory"),
        ("auto", "a GPU if one can be used, else the CPU; only in a configuration"),
    ), rust="Device", csharp="Device", subject="Device"),
    Choice("Precision", "VAE_",
           "Arithmetic of matrix products; parameters, statistics and losses are fp32.", (
               ("fp32", "IEEE single precision"),
               ("tf32", "inputs of matrix products rounded to TF32 (GPU)"),
               ("bf16", "matrix products of bfloat16 inputs, accumulated in single "
                        "precision"),
           )),
    Choice("EngineKind", "VAE_ENGINE_", "Which implementation computes the network.", (
        ("auto", "the fastest engine that supports the configuration"),
        ("blocks", "any shape on any device; the reference for the others"),
        ("fused", "fused kernels of libvae, GPU only. They also compute the matrix "
                  "products if precision is bf16, compute capability is at least 8.0, "
                  "images have one channel, and `layers` and `latent` are multiples of "
                  "8; otherwise LibTorch does. The field \"products\" of vae_diagnose() "
                  "tells which"),
        ("tile", "every layer is computed tile by tile in the cache. CPU only; "
                 "convolutions whose channels are multiples of 16, images of at most 4 "
                 "channels"),
    ), rust="Engine", csharp="Engine"),
    Choice("NonFinite", "VAE_NONFINITE_",
           "Action when the loss, gradient or a BatchNorm statistic of a training step is "
           "NaN or infinite. Such a step is never committed: parameters, moments and "
           "running statistics stay finite.", (
               ("error", "the step fails with #VAE_E_NONFINITE"),
               ("skip", "the step is counted as skipped, training continues"),
           ), csharp="NonfiniteAction"),
    Choice("Graph", "VAE_GRAPH_",
           "Whether work on a GPU is recorded as a CUDA graph and replayed, which saves "
           "launching every kernel.", (
               ("auto", "where possible; vae_diagnose() tells"),
               ("on", "always; #VAE_E_UNSUPPORTED where it is not possible"),
               ("off", "never: every kernel is launched individually"),
           ), csharp="GraphMode"),
    Choice("Optimizer", "VAE_", "How an update follows from the gradient.", (
        ("adam", "Adam (Kingma & Ba 2015), as torch.optim.Adam"),
        ("sgd", "stochastic gradient descent with momentum `beta1`, as torch.optim.SGD"),
    )),
    Choice("Schedule", "VAE_SCHEDULE_",
           "The learning rate after the warm-up, as a function of the updates.", (
               ("constant", "`learning_rate`"),
               ("cosine", "from `learning_rate` along half a cosine to `schedule_floor` "
                          "times it (Loshchilov & Hutter 2017)"),
           )),
]

FIELDS = [
    Field("model", "Model", "model", "Which model is trained", "vae", heading="model"),
    Field("net", "Net", "model", "Which network", "conv"),
    Field("channels", "uint32", "model", "Channels of an image", "1", "1", "4096",
          more="A vector that is not an image is 1 x 1 x its length."),
    Field("height", "uint32", "model", "Rows of an image", "28", "1", "4096"),
    Field("width", "uint32", "model", "Columns of an image", "28", "1", "4096",
          more="Channels x height x width is at most 16777216."),
    Field("latent", "uint32", "model", "Length of the latent code", "32", "1", "4096"),
    Field("layer_count", "c_only", "model", "Entries of `layers` in use; default 3", "3"),
    Field("condition_size", "c_only", "model", "Reserved: 0", "0"),
    Field("layers", "layers", "model",
          "#VAE_NET_CONV: output channels of the encoder's 2..8 convolutions, each "
          "1..4096. All but the last halve height and width (kernel 4, stride 2); the "
          "last keeps them (kernel 3). The decoder mirrors the encoder. #VAE_NET_DENSE: "
          "1..8 hidden sizes, each 1..65536", "64, 128, 128"),
    Field("likelihood", "Likelihood", "model", "p(x|z)", "bernoulli",
          heading="objective: reconstruction + kl_weight * KL"),
    Field("sum_gradient", "bool", "run",
          "the gradient is of the loss summed over the batch, as in the original", "true",
          off="of its mean", more="Reported losses are always means."),
    Field("gaussian_sigma", "double", "run",
          "Standard deviation of #VAE_GAUSSIAN, in units of a pixel's [0, 1]", "1",
          "1e-15", "1e15"),  # its square and the square's inverse are finite in float32
    Field("kl_weight", "double", "run", "Weight of the KL divergence (beta of beta-VAE)",
          "1", "0", "1e30"),
    Field("learning_rate", "double", "run", "Adam's step size", "0.001", "0", "1e30",
          heading="optimizer: Adam (Kingma & Ba 2015), as torch.optim.Adam"),
    Field("beta1", "double", "run", "Decay of Adam's mean of the gradient", "0.9", "0",
          "1", below=True),
    Field("beta2", "double", "run", "Decay of Adam's mean of the squared gradient",
          "0.999", "0", "1", below=True),
    # A smaller epsilon is zero in float32 and would give 0 / 0 in Adam.
    Field("epsilon", "double", "run", "Added to Adam's divisor", "1e-8", "1e-37", "1e30"),
    Field("weight_decay", "double", "run",
          "Added to the gradient (L2, as in PyTorch's Adam)", "0", "0", "1e30",
          more="Each element of the sum is limited to +-1e18."),
    Field("clip_norm", "double", "run", "The whole gradient is scaled down to this norm",
          "0", "0", "1e30", zero="no clipping"),
    Field("seed", "uint64", "run", "Of initialisation, noise and data order", "0",
          heading="how it runs"),
    Field("max_batch", "uint32", "run", "Most images of a training step", "64", "1",
          "65536", more="The first step allocates memory for them. Inference takes any "
                        "count."),
    Field("samples", "uint32", "run", "Codes drawn per image in training: only 1", "1"),
    Field("threads", "uint32", "run", "CPU threads of this trainer", "0", "0", "1024",
          zero="LibTorch's choice"),
    Field("keep_gradients", "bool", "run",
          "vae_param_read() can read gradients after a step", "false", off="it cannot",
          c_type="uint32_t"),
    Field("device", "DeviceKind", "run", "Where it computes", "auto"),
    Field("device_index", "int32", "run", "Which GPU", "0", "0", "1023"),
    Field("precision", "Precision", "run", "Arithmetic of matrix products", "fp32"),
    Field("engine", "EngineKind", "run", "What computes the network", "auto"),
    Field("nonfinite", "NonFinite", "run",
          "What a training step does that is NaN or infinite", "error"),
    Field("deterministic", "bool", "run", "deterministic algorithms on a GPU", "false",
          off="any", more="The CPU is always deterministic."),
    Field("graph", "Graph", "run", "Recording on a GPU", "auto",
          more="No effect on the CPU."),
    Field("graph_steps", "uint32", "run",
          "Training steps of vae_train_epoch() per CUDA graph", "0", "0", "64", zero="8",
          more="Cancellation and progress callbacks happen between graphs."),
    Field("optimizer", "Optimizer", "run", "How an update follows from the gradient",
          "adam", heading="optimizer and schedules", later=True),
    Field("schedule", "Schedule", "run", "The learning rate after the warm-up",
          "constant", later=True),
    Field("schedule_floor", "double", "run",
          "Share of the learning rate at the end of #VAE_SCHEDULE_COSINE", "0", "0", "1",
          later=True),
    Field("schedule_updates", "uint64", "run",
          "Update at which #VAE_SCHEDULE_COSINE ends, more than `warmup_updates`; the "
          "rate stays there", "0", later=True),
    Field("warmup_updates", "uint64", "run",
          "Updates over which the learning rate rises linearly to its full value", "0",
          zero="no warm-up", later=True),
    Field("kl_warmup_updates", "uint64", "run",
          "Updates over which the KL weight rises linearly from 0 to `kl_weight`", "0",
          zero="no warm-up", later=True,
          more="Evaluation uses the full weight."),
    Field("kl_cycle_updates", "uint64", "run",
          "Updates after which the KL weight's warm-up begins again (Fu et al. 2019), at "
          "least `kl_warmup_updates`", "0", zero="never", later=True),
]

# The first field that a host compiled with an older vae.h may lack.
FIRST_OPTIONAL = "device"
