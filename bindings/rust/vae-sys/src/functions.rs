//! The functions of `vae.h`, in short; the header has the full contracts. All are
//! unsafe: pointers must be valid as the header requires.

use std::os::raw::{c_char, c_void};

#[allow(unused_imports)] // for the links in the texts
use crate::constants::*;
use crate::structs::*;

extern "C" {
    /// Defaults of a configuration: the original program's.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_VERSION`] if
    /// `abi_version` is not the library's.
    pub fn vae_config_init(
        config: *mut vae_config,
        struct_size: u32,
        abi_version: u32,
    ) -> vae_status;
    /// Defaults of a batch: host memory, float32, no rows.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_batch_init(batch: *mut vae_batch, struct_size: u32) -> vae_status;
    /// Defaults of an output: host memory, float32, no buffer.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_output_init(output: *mut vae_output, struct_size: u32) -> vae_status;
    /// Defaults of metrics: all zero, no buffer for the KL per dimension.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_metrics_init(metrics: *mut vae_metrics, struct_size: u32) -> vae_status;
    /// Defaults of a run: the whole dataset, no progress callback.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_run_init(run: *mut vae_run, struct_size: u32) -> vae_status;
    /// Defaults of a sampling: 64 images of seed 0.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_sampling_init(sampling: *mut vae_sampling, struct_size: u32) -> vae_status;
    /// An empty struct for [`vae_param_info`].
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_param_init(param: *mut vae_param, struct_size: u32) -> vae_status;
    /// Checks every field. Does not look for devices or open files.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`] or [`VAE_E_UNSUPPORTED`] with a
    /// text that names the first bad field and its allowed values;
    /// [`VAE_E_VERSION`].
    pub fn vae_config_validate(config: *const vae_config) -> vae_status;
    /// How much memory a trainer will hold at most in training: an estimate,
    /// before it is created. Either pointer may be null, not both.
    ///
    /// Returns [`VAE_OK`]; the failures of [`vae_config_validate`];
    /// [`VAE_E_UNSUPPORTED`] if no engine supports the configuration.
    pub fn vae_config_memory(
        config: *const vae_config,
        host_bytes: *mut u64,
        device_bytes: *mut u64,
    ) -> vae_status;
    /// Reads a JSON object whose members are the fields of vae_config.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FORMAT`] or [`VAE_E_ARGUMENT`] for an
    /// unknown member, a wrong type or a value out of range, which the text
    /// names.
    pub fn vae_config_from_json(config: *mut vae_config, json: *const c_char) -> vae_status;
    /// Writes a configuration as one JSON object.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_TOO_SMALL`] (nothing is written); the
    /// failures of [`vae_config_validate`].
    pub fn vae_config_to_json(
        config: *const vae_config,
        text: *mut c_char,
        capacity: u64,
        needed: *mut u64,
    ) -> vae_status;
    /// Reads the configuration from a JSON file, or from a model or checkpoint
    /// that libvae wrote.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FILE`]; [`VAE_E_FORMAT`] if the file
    /// contains no configuration; [`VAE_E_ARGUMENT`].
    pub fn vae_config_from_file(config: *mut vae_config, path: *const c_char) -> vae_status;
    /// Creates a trainer. Initial values follow PyTorch's rules and depend on
    /// `seed`.
    ///
    /// Returns [`VAE_OK`]; the failures of [`vae_config_validate`];
    /// [`VAE_E_DEVICE`] if the device cannot be used, with the reason;
    /// [`VAE_E_MEMORY`].
    pub fn vae_create(config: *const vae_config, trainer: *mut *mut vae_trainer) -> vae_status;
    /// Creates a trainer from a file of [`vae_save`] or of PyTorch.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FILE`]; [`VAE_E_FORMAT`]; [`VAE_E_VERSION`];
    /// the failures of [`vae_create`].
    pub fn vae_load(
        path: *const c_char,
        config: *const vae_config,
        trainer: *mut *mut vae_trainer,
    ) -> vae_status;
    /// [`vae_load`] from memory.
    ///
    /// Returns as [`vae_load`], except [`VAE_E_FILE`].
    pub fn vae_load_memory(
        data: *const c_void,
        bytes: u64,
        config: *const vae_config,
        trainer: *mut *mut vae_trainer,
    ) -> vae_status;
    /// Writes the model or a checkpoint to a file. Waits for the device.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_FILE`] (an existing file
    /// is unchanged).
    pub fn vae_save(trainer: *mut vae_trainer, path: *const c_char, what: i32) -> vae_status;
    /// [`vae_save`] to memory: the same bytes.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`] (nothing is
    /// written).
    pub fn vae_save_memory(
        trainer: *mut vae_trainer,
        what: i32,
        data: *mut c_void,
        capacity: u64,
        needed: *mut u64,
    ) -> vae_status;
    /// Waits for the trainer's outstanding work and frees the trainer. Does not
    /// change [`vae_last_error`].
    pub fn vae_destroy(trainer: *mut vae_trainer);
    /// The configuration in use: device and threads as resolved, learning rate
    /// and KL weight as last set.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_VERSION`].
    pub fn vae_get_config(trainer: *mut vae_trainer, config: *mut vae_config) -> vae_status;
    /// One step of gradient descent on -ELBO (Kingma & Welling 2014, eq. 10).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`] for
    /// `kl_per_dim`; [`VAE_E_NONFINITE`] if configured. A failed step does not
    /// change parameters, moments, counts or running statistics.
    pub fn vae_train_step(
        trainer: *mut vae_trainer,
        batch: *const vae_batch,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// The metrics of a batch without training. BatchNorm uses its running
    /// statistics. The noise depends on the row index alone, so a call is
    /// repeatable.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_eval_step(
        trainer: *mut vae_trainer,
        batch: *const vae_batch,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// The metrics of all training steps since the last read. Waits for the
    /// device.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`]; failures of
    /// outstanding work.
    pub fn vae_read_metrics(trainer: *mut vae_trainer, metrics: *mut vae_metrics) -> vae_status;
    /// Waits for all outstanding work.
    ///
    /// Returns [`VAE_OK`]; failures of outstanding work.
    pub fn vae_synchronize(trainer: *mut vae_trainer) -> vae_status;
    /// Changes a setting or counter between steps.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_UNSUPPORTED`] for
    /// [`VAE_PHASE`].
    pub fn vae_set(trainer: *mut vae_trainer, key: i32, value: f64) -> vae_status;
    /// Reads a setting or counter.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_UNSUPPORTED`] for
    /// [`VAE_PHASE`].
    pub fn vae_get(trainer: *mut vae_trainer, key: i32, value: *mut f64) -> vae_status;
    /// Mean and log-variance of q(z|x), float32 `[count][latent]` each.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_encode(
        trainer: *mut vae_trainer,
        images: *const vae_batch,
        mean: *mut vae_output,
        logvar: *mut vae_output,
    ) -> vae_status;
    /// Decodes codes to images: probabilities (Bernoulli) or means (Gaussian).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_decode(
        trainer: *mut vae_trainer,
        codes: *const vae_batch,
        images: *mut vae_output,
    ) -> vae_status;
    /// Draws codes from the prior and decodes them.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_UNSUPPORTED`] for labels or a condition.
    pub fn vae_sample(
        trainer: *mut vae_trainer,
        sampling: *const vae_sampling,
        images: *mut vae_output,
    ) -> vae_status;
    /// Encodes images and decodes the means.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_reconstruct(
        trainer: *mut vae_trainer,
        images: *const vae_batch,
        output: *mut vae_output,
    ) -> vae_status;
    /// -log p(x|z) and KL(q(z|x) || N(0, I)) of each image, in nats.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_score(
        trainer: *mut vae_trainer,
        batch: *const vae_batch,
        reconstruction: *mut vae_output,
        kl: *mut vae_output,
    ) -> vae_status;
    /// Reads images from a file or directory.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FILE`] if nothing is there or it cannot be
    /// read; [`VAE_E_FORMAT`] with the file and the problem, also for a
    /// directory that fits two of these cases; [`VAE_E_MEMORY`].
    pub fn vae_dataset_open(
        path: *const c_char,
        labels_path: *const c_char,
        dataset: *mut *mut vae_dataset,
    ) -> vae_status;
    /// Copies images, and labels if there are any, from host memory.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_MEMORY`].
    pub fn vae_dataset_from_memory(
        all: *const vae_batch,
        shape_chw: *const u32,
        dataset: *mut *mut vae_dataset,
    ) -> vae_status;
    /// Size and shape of a dataset. Each result may be NULL.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_dataset_info(
        dataset: *mut vae_dataset,
        count: *mut u64,
        shape_chw: *mut u32,
        classes: *mut u32,
    ) -> vae_status;
    /// Copies images `[first, first + count)` and their labels to the host.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`] if the range exceeds the dataset,
    /// or for labels of a dataset without labels; [`VAE_E_TOO_SMALL`].
    pub fn vae_dataset_read(
        dataset: *mut vae_dataset,
        first: u64,
        count: u64,
        images: *mut vae_output,
        labels: *mut i32,
        label_bytes: u64,
    ) -> vae_status;
    /// Frees the handle. Trainers that still use the images keep them alive.
    pub fn vae_dataset_destroy(dataset: *mut vae_dataset);
    /// Trains one epoch, in a random order given by (seed, epoch).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_CANCELLED`]; [`VAE_E_NONFINITE`]. Steps completed before a
    /// failure are kept.
    pub fn vae_train_epoch(
        trainer: *mut vae_trainer,
        dataset: *mut vae_dataset,
        run: *const vae_run,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// The metrics of a dataset without training. The noise depends on the
    /// image index alone: a call is repeatable, and the batch size changes only
    /// rounding.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_CANCELLED`].
    pub fn vae_evaluate(
        trainer: *mut vae_trainer,
        dataset: *mut vae_dataset,
        run: *const vae_run,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// Sets or clears a request to stop; may be called from any thread. While
    /// it is set, [`vae_train_epoch`] and [`vae_evaluate`] stop before the next
    /// step with [`VAE_E_CANCELLED`]; on a GPU, before the next CUDA graph
    /// (`graph_steps`).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_cancel(trainer: *mut vae_trainer, on: i32) -> vae_status;
    /// The number of tensors.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_param_count(trainer: *mut vae_trainer, count: *mut u32) -> vae_status;
    /// Name, type and shape of a tensor.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_param_info(
        trainer: *mut vae_trainer,
        index: u32,
        param: *mut vae_param,
    ) -> vae_status;
    /// Copies a tensor to host memory, in PyTorch's order.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_UNSUPPORTED`] for a gradient without `keep_gradients`.
    pub fn vae_param_read(
        trainer: *mut vae_trainer,
        name: *const c_char,
        what: i32,
        data: *mut c_void,
        bytes: u64,
    ) -> vae_status;
    /// Replaces a tensor from host memory, in PyTorch's order.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`] (the tensor is unchanged);
    /// [`VAE_E_UNSUPPORTED`] for `num_batches_tracked`, which follows
    /// [`VAE_UPDATES`].
    pub fn vae_param_write(
        trainer: *mut vae_trainer,
        name: *const c_char,
        what: i32,
        data: *const c_void,
        bytes: u64,
    ) -> vae_status;
    /// Writes images as a grid to a PNG file. As in torchvision's save_image,
    /// each image has a border of 2 black pixels. The grid has at most 1000000
    /// pixels per side and 268435456 in total.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_FILE`].
    pub fn vae_write_grid(
        path: *const c_char,
        images: *const vae_batch,
        shape_chw: *const u32,
        columns: u32,
    ) -> vae_status;
    /// Writes an array, such as codes or scores, to a NumPy file (.npy) that
    /// numpy.load() can read.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_FILE`].
    pub fn vae_write_array(
        path: *const c_char,
        data: *const c_void,
        bytes: u64,
        dtype: i32,
        shape: *const u64,
        rank: u32,
    ) -> vae_status;
    /// The name of a status: "VAE_E_ARGUMENT".
    ///
    /// Returns a static string, never NULL; "unknown status" for an unknown
    /// value.
    pub fn vae_status_name(status: vae_status) -> *const c_char;
    /// The text of the calling thread's last failure.
    ///
    /// Returns never NULL ("" before the first failure). Owned by the library
    /// and valid until this thread's next failure.
    pub fn vae_last_error() -> *const c_char;
    /// Version of the library, "major.minor.patch".
    ///
    /// Returns a static string, never NULL.
    pub fn vae_version() -> *const c_char;
    /// [`VAE_ABI_VERSION`] of the library.
    ///
    /// Returns the version.
    pub fn vae_abi_version() -> u32;
    /// Sizes and field offsets of all structs, so that a binding in another
    /// language can check its own declarations.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_layout(text: *mut c_char, capacity: u64, needed: *mut u64) -> vae_status;
    /// JSON: version, compiler, flavour, LibTorch, instruction set.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_build_info(text: *mut c_char, capacity: u64, needed: *mut u64) -> vae_status;
    /// JSON: for each device whether it can be used and, if not, why; for a
    /// trainer its device and engine, and why they were chosen.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_diagnose(
        trainer_or_null: *mut vae_trainer,
        text: *mut c_char,
        capacity: u64,
        needed: *mut u64,
    ) -> vae_status;
    /// Sets the log callback of the process; initially there is none.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_set_log_callback(
        callback: vae_log_fn,
        user: *mut c_void,
        min_level: i32,
    ) -> vae_status;
}
