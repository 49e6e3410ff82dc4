//! The functions of `vae.h`. Their full contracts stand in the header; here is
//! what each is for. All are unsafe: pointers must be valid as it says there.

use std::os::raw::{c_char, c_void};

#[allow(unused_imports)] // for the links in the texts
use crate::constants::*;
use crate::structs::*;

extern "C" {
    /// Fills a configuration with the original program's.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_VERSION`] for a foreign
    /// `abi_version`, which the text names with the library's.
    pub fn vae_config_init(
        config: *mut vae_config,
        struct_size: u32,
        abi_version: u32,
    ) -> vae_status;
    /// Defaults of a batch: host memory, float32, no rows.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_batch_init(batch: *mut vae_batch, struct_size: u32) -> vae_status;
    /// Defaults of an output: host memory, float32, no room.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_output_init(output: *mut vae_output, struct_size: u32) -> vae_status;
    /// Defaults of metrics: all zero, no KL per dimension wanted.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_metrics_init(metrics: *mut vae_metrics, struct_size: u32) -> vae_status;
    /// Defaults of a run: the whole dataset, nobody told.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_run_init(run: *mut vae_run, struct_size: u32) -> vae_status;
    /// Defaults of a sampling: 64 images of seed 0.
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_sampling_init(sampling: *mut vae_sampling, struct_size: u32) -> vae_status;
    /// An empty description, to be filled by [`vae_param_info`].
    ///
    /// Returns [`VAE_OK`] or [`VAE_E_ARGUMENT`].
    pub fn vae_param_init(param: *mut vae_param, struct_size: u32) -> vae_status;
    /// Checks every field. Looks for no device and opens nothing.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`] or [`VAE_E_UNSUPPORTED`], the
    /// text naming the first field that is not allowed and the values that are;
    /// [`VAE_E_VERSION`].
    pub fn vae_config_validate(config: *const vae_config) -> vae_status;
    /// Reads a JSON object whose members are the fields of vae_config.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FORMAT`] or [`VAE_E_ARGUMENT`] naming an
    /// unknown member, a wrong type or a value out of range.
    pub fn vae_config_from_json(config: *mut vae_config, json: *const c_char) -> vae_status;
    /// Writes a configuration as one JSON object.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_TOO_SMALL`] (nothing is written); as
    /// [`vae_config_validate`].
    pub fn vae_config_to_json(
        config: *const vae_config,
        text: *mut c_char,
        capacity: u64,
        needed: *mut u64,
    ) -> vae_status;
    /// Reads the configuration from a JSON file, or from a model or checkpoint
    /// that libvae wrote.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FILE`]; [`VAE_E_FORMAT`] if the file holds
    /// none; [`VAE_E_ARGUMENT`].
    pub fn vae_config_from_file(config: *mut vae_config, path: *const c_char) -> vae_status;
    /// Makes a trainer, initialised as PyTorch would, from `seed`.
    ///
    /// Returns [`VAE_OK`]; as [`vae_config_validate`]; [`VAE_E_DEVICE`] saying
    /// why the device cannot be used; [`VAE_E_MEMORY`].
    pub fn vae_create(config: *const vae_config, trainer: *mut *mut vae_trainer) -> vae_status;
    /// Makes a trainer from a file of [`vae_save`] or of PyTorch.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FILE`]; [`VAE_E_FORMAT`]; [`VAE_E_VERSION`];
    /// as [`vae_create`].
    pub fn vae_load(
        path: *const c_char,
        config: *const vae_config,
        trainer: *mut *mut vae_trainer,
    ) -> vae_status;
    /// [`vae_load`] from memory.
    ///
    /// Returns as [`vae_load`], but for [`VAE_E_FILE`].
    pub fn vae_load_memory(
        data: *const c_void,
        bytes: u64,
        config: *const vae_config,
        trainer: *mut *mut vae_trainer,
    ) -> vae_status;
    /// Writes the model or a checkpoint to a file. Waits for the device.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_FILE`] (a file that was
    /// there is as before).
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
    /// Frees a trainer, waiting for what it still has to do. Never changes
    /// [`vae_last_error`], with one exception.
    pub fn vae_destroy(trainer: *mut vae_trainer);
    /// The configuration in force: device and threads resolved, learning rate
    /// and KL weight as last set.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_VERSION`].
    pub fn vae_get_config(trainer: *mut vae_trainer, config: *mut vae_config) -> vae_status;
    /// One step of gradient descent on -ELBO (Kingma & Welling 2014, eq. 10).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`] for
    /// `kl_per_dim`; [`VAE_E_NONFINITE`] if configured. After a failure
    /// parameters, moments, counts and running statistics are as before.
    pub fn vae_train_step(
        trainer: *mut vae_trainer,
        batch: *const vae_batch,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// The same sums without learning: BatchNorm by its running statistics, z
    /// drawn by row index, so that a call is repeatable.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_eval_step(
        trainer: *mut vae_trainer,
        batch: *const vae_batch,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// Sums of the training steps since the last read; waits for the device.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`]; late
    /// failures.
    pub fn vae_read_metrics(trainer: *mut vae_trainer, metrics: *mut vae_metrics) -> vae_status;
    /// Waits until everything issued has happened.
    ///
    /// Returns [`VAE_OK`]; late failures.
    pub fn vae_synchronize(trainer: *mut vae_trainer) -> vae_status;
    /// Changes a number between steps.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_UNSUPPORTED`] for
    /// [`VAE_PHASE`].
    pub fn vae_set(trainer: *mut vae_trainer, key: i32, value: f64) -> vae_status;
    /// Reads a number.
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
    /// Codes to images: probabilities (Bernoulli) or means (Gaussian).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_decode(
        trainer: *mut vae_trainer,
        codes: *const vae_batch,
        images: *mut vae_output,
    ) -> vae_status;
    /// Draws codes from the prior and decodes them: generation.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_UNSUPPORTED`] for labels or a condition.
    pub fn vae_sample(
        trainer: *mut vae_trainer,
        sampling: *const vae_sampling,
        images: *mut vae_output,
    ) -> vae_status;
    /// Encodes, takes the mean as the code, decodes.
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
    /// Opens images by what `path` is.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_FILE`] if nothing is there; [`VAE_E_FORMAT`]
    /// naming file and offence; [`VAE_E_MEMORY`].
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
    /// What a dataset holds. Each result may be NULL if not wanted.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_dataset_info(
        dataset: *mut vae_dataset,
        count: *mut u64,
        shape_chw: *mut u32,
        classes: *mut u32,
    ) -> vae_status;
    /// Copies images `first..first + count` out, and their labels.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`] outside the set, or for labels of
    /// a set without; [`VAE_E_TOO_SMALL`].
    pub fn vae_dataset_read(
        dataset: *mut vae_dataset,
        first: u64,
        count: u64,
        images: *mut vae_output,
        labels: *mut i32,
        label_bytes: u64,
    ) -> vae_status;
    /// Frees the handle; trainers that still use the images keep them.
    pub fn vae_dataset_destroy(dataset: *mut vae_dataset);
    /// Trains through a dataset once, in an order keyed by (seed, epoch).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_CANCELLED`]; [`VAE_E_NONFINITE`]. Steps done before are kept.
    pub fn vae_train_epoch(
        trainer: *mut vae_trainer,
        dataset: *mut vae_dataset,
        run: *const vae_run,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// The metrics of a set without learning, z drawn by image index: a call is
    /// repeatable, and does not depend on the batch size but by rounding.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`];
    /// [`VAE_E_CANCELLED`].
    pub fn vae_evaluate(
        trainer: *mut vae_trainer,
        dataset: *mut vae_dataset,
        run: *const vae_run,
        metrics: *mut vae_metrics,
    ) -> vae_status;
    /// From any thread: while on, [`vae_train_epoch`] and [`vae_evaluate`] stop
    /// at the next step with [`VAE_E_CANCELLED`]; on a GPU, before the next
    /// CUDA graph of steps (graph_steps).
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_cancel(trainer: *mut vae_trainer, on: i32) -> vae_status;
    /// How many tensors there are.
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
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`] (the tensor is as before);
    /// [`VAE_E_UNSUPPORTED`] for `num_batches_tracked`, which is
    /// [`VAE_UPDATES`].
    pub fn vae_param_write(
        trainer: *mut vae_trainer,
        name: *const c_char,
        what: i32,
        data: *const c_void,
        bytes: u64,
    ) -> vae_status;
    /// Writes images as a grid in a PNG file, drawn as torchvision's save_image
    /// does: 2 black pixels around each image.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_FILE`].
    pub fn vae_write_grid(
        path: *const c_char,
        images: *const vae_batch,
        shape_chw: *const u32,
        columns: u32,
    ) -> vae_status;
    /// Writes an array as a NumPy file (.npy), which numpy.load() reads: codes,
    /// scores, parameters.
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
    /// Returns Never NULL and never to be freed; "unknown status" for others.
    pub fn vae_status_name(status: vae_status) -> *const c_char;
    /// The text of this thread's last failure.
    ///
    /// Returns Never NULL ("" before the first one), owned by the library,
    /// valid until this thread's next failure.
    pub fn vae_last_error() -> *const c_char;
    /// Version of the library, "major.minor.patch".
    ///
    /// Returns Never NULL and never to be freed.
    pub fn vae_version() -> *const c_char;
    /// [`VAE_ABI_VERSION`] that the library was compiled with.
    ///
    /// Returns The number.
    pub fn vae_abi_version() -> u32;
    /// Where the fields of every struct lie, for a host in another language to
    /// hold its own declarations against.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_layout(text: *mut c_char, capacity: u64, needed: *mut u64) -> vae_status;
    /// JSON: version, compiler, flavour, LibTorch, instruction set.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_build_info(text: *mut c_char, capacity: u64, needed: *mut u64) -> vae_status;
    /// JSON: each device, whether it can be used, and if not, why; with a
    /// trainer: what that one runs on and why.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`]; [`VAE_E_TOO_SMALL`].
    pub fn vae_diagnose(
        trainer_or_null: *mut vae_trainer,
        text: *mut c_char,
        capacity: u64,
        needed: *mut u64,
    ) -> vae_status;
    /// Who is told of noteworthy events: one for the process, none at first.
    ///
    /// Returns [`VAE_OK`]; [`VAE_E_ARGUMENT`].
    pub fn vae_set_log_callback(
        callback: vae_log_fn,
        user: *mut c_void,
        min_level: i32,
    ) -> vae_status;
}
