//! The trainer: a model and its optimizer, trained step by step or epoch by
//! epoch. It has no thread of its own.

use std::ops::Deref;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, PoisonError};

use vae_sys::{vae_status, vae_trainer};

use crate::config::Config;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::ffi;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::rows::Batch;
use crate::run::Run;

/// A model and its optimizer in training.
///
/// Training and evaluation are here and need `&mut`. Everything else, such as
/// encoding and saving, is in [`Model`], to which a trainer derefs and which a
/// progress closure receives. Calls that the library does not allow inside a
/// closure do not compile:
///
/// ```compile_fail,E0499
/// # use std::ops::ControlFlow::Continue;
/// # fn f(mut trainer: vae::Trainer, images: vae::Dataset) -> Result<(), vae::Error> {
/// trainer.train_epoch(&images, vae::Run::new().progress(|_, _| {
///     trainer.train_step(&[0u8; 784]);
///     Continue(())
/// }))?;
/// # Ok(())
/// # }
/// ```
///
/// It may move to another thread, but is used by one at a time:
///
/// ```
/// fn may_go<T: Send>() {}
/// may_go::<vae::Trainer>();
/// ```
///
/// ```compile_fail,E0277
/// fn may_be_shared<T: Sync>() {}
/// may_be_shared::<vae::Trainer>();
/// ```
#[derive(Debug)]
pub struct Trainer {
    model: Model,
    handle: Arc<Handle>,
}

// SAFETY: a trainer is not bound to a thread, and `&mut` and `!Sync` ensure that
// one uses it at a time. The shared handle is used only for cancelling.
unsafe impl Send for Trainer {}

impl Deref for Trainer {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl Trainer {
    /// Creates a trainer. Parameters are initialised from the seed with PyTorch's
    /// distributions.
    #[doc(alias = "vae_create")]
    pub fn new(config: &Config) -> Result<Trainer> {
        let config = config.to_raw()?;
        // SAFETY: an initialised struct.
        Trainer::create(|raw| unsafe { vae_sys::vae_create(&config, raw) })
    }

    /// Creates a trainer from a file that libvae wrote. Model and settings are
    /// those of the file; the device is selected again. Training continues from a
    /// checkpoint bit for bit on the CPU with the same engine, LibTorch, CPU type
    /// and thread count.
    #[doc(alias = "vae_load")]
    pub fn load(path: impl AsRef<Path>) -> Result<Trainer> {
        let path = ffi::c_path(path.as_ref())?;
        // SAFETY: a zero-terminated path; the configuration may be NULL.
        Trainer::create(|raw| unsafe { vae_sys::vae_load(path.as_ptr(), null(), raw) })
    }

    /// The same with a configuration. Its model fields must agree with the file;
    /// all other settings are taken from it. Files that libvae did not write, such
    /// as PyTorch's, need one.
    #[doc(alias = "vae_load")]
    pub fn load_with(path: impl AsRef<Path>, config: &Config) -> Result<Trainer> {
        let path = ffi::c_path(path.as_ref())?;
        let config = config.to_raw()?;
        // SAFETY: a zero-terminated path and an initialised struct.
        Trainer::create(|raw| unsafe { vae_sys::vae_load(path.as_ptr(), &config, raw) })
    }

    /// [`Trainer::load`] from the bytes of a file.
    #[doc(alias = "vae_load_memory")]
    pub fn load_bytes(file: &[u8]) -> Result<Trainer> {
        let (data, bytes) = (file.as_ptr().cast(), file.len() as u64);
        // SAFETY: `data` has `bytes` bytes; the configuration may be NULL.
        Trainer::create(|raw| unsafe { vae_sys::vae_load_memory(data, bytes, null(), raw) })
    }

    /// [`Trainer::load_with`] from the bytes of a file.
    #[doc(alias = "vae_load_memory")]
    pub fn load_bytes_with(file: &[u8], config: &Config) -> Result<Trainer> {
        let config = config.to_raw()?;
        let (data, bytes) = (file.as_ptr().cast(), file.len() as u64);
        // SAFETY: `data` has `bytes` bytes; an initialised struct.
        Trainer::create(|raw| unsafe { vae_sys::vae_load_memory(data, bytes, &config, raw) })
    }

    fn create(make: impl FnOnce(*mut *mut vae_trainer) -> vae_status) -> Result<Trainer> {
        let mut raw = null_mut();
        ffi::call(|| make(&mut raw))?;
        let mut trainer = Trainer {
            model: Model::new(raw),
            handle: Arc::new(Handle(Mutex::new(Address(raw)))),
        };
        trainer.model.load_info()?;
        Ok(trainer)
    }

    /// One training step on 1 to `max_batch` images; at least 2 if BatchNorm sees
    /// a single pixel. Waits for the device; the metrics are those of this step.
    /// A failed step changes nothing.
    #[doc(alias = "vae_train_step")]
    pub fn train_step<'a>(&mut self, images: impl Into<Batch<'a>>) -> Result<Metrics> {
        let images = images.into().raw(self.row(), "images")?;
        self.measured(|raw, metrics| unsafe { vae_sys::vae_train_step(raw, &images, metrics) })
    }

    /// The same without waiting for a GPU; at most two steps are queued. A late
    /// failure is returned by the next call that waits;
    /// [`Trainer::read_metrics`] returns the metrics.
    #[doc(alias = "vae_train_step")]
    pub fn train_step_no_wait<'a>(&mut self, images: impl Into<Batch<'a>>) -> Result<()> {
        let images = images.into().raw(self.row(), "images")?;
        // SAFETY: a valid trainer, a borrowed view; the metrics may be NULL.
        ffi::call(|| unsafe { vae_sys::vae_train_step(self.raw(), &images, null_mut()) })
    }

    /// The metrics of any number of images without training. The noise depends on
    /// the row index alone, so a call is repeatable.
    #[doc(alias = "vae_eval_step")]
    pub fn eval_step<'a>(&mut self, images: impl Into<Batch<'a>>) -> Result<Metrics> {
        let images = images.into().raw(self.row(), "images")?;
        self.measured(|raw, metrics| unsafe { vae_sys::vae_eval_step(raw, &images, metrics) })
    }

    /// Means over the training steps since the last read; waits for the device.
    #[doc(alias = "vae_read_metrics")]
    pub fn read_metrics(&mut self) -> Result<Metrics> {
        self.measured(|raw, metrics| unsafe { vae_sys::vae_read_metrics(raw, metrics) })
    }

    /// Trains one epoch, in a random order given by seed and epoch. Returns the
    /// means over the steps of this call.
    ///
    /// The next call continues a run that was stopped ([`Canceller`], progress
    /// closure, `max_steps`). [`Trainer::read_metrics`] includes all steps, also
    /// those of a failed run. The last batch may be smaller; a last batch of one
    /// image is left out if BatchNorm cannot use it.
    #[doc(alias = "vae_train_epoch")]
    pub fn train_epoch(&mut self, dataset: &Dataset, run: Run<'_>) -> Result<Metrics> {
        run.go(&self.model, |run| {
            self.measured(|raw, metrics| unsafe {
                vae_sys::vae_train_epoch(raw, dataset.raw(), run, metrics)
            })
        })
    }

    /// The metrics of a dataset without training. The noise depends on the image
    /// index alone, so a call is repeatable.
    #[doc(alias = "vae_evaluate")]
    pub fn evaluate(&mut self, dataset: &Dataset, run: Run<'_>) -> Result<Metrics> {
        run.go(&self.model, |run| {
            self.measured(|raw, metrics| unsafe {
                vae_sys::vae_evaluate(raw, dataset.raw(), run, metrics)
            })
        })
    }

    /// An object that can stop runs from any thread.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            handle: Arc::clone(&self.handle),
        }
    }

    /// The metrics that `function` fills in. It receives this trainer, which is
    /// valid, and initialised metrics with a buffer for the KL per dimension.
    fn measured(
        &self,
        function: impl FnOnce(*mut vae_trainer, *mut vae_sys::vae_metrics) -> vae_status,
    ) -> Result<Metrics> {
        Metrics::of(self.latent(), |metrics| {
            ffi::call(|| function(self.raw(), metrics))
        })
    }
}

impl Drop for Trainer {
    // C: vae_destroy
    fn drop(&mut self) {
        self.handle.close();
        // SAFETY: created by the library. `close` has detached all cancellers, and
        // no call is running, because calls borrow the trainer.
        unsafe { vae_sys::vae_destroy(self.raw()) }
    }
}

/// The trainer's address; NULL once it is being destroyed.
#[derive(Debug)]
struct Address(*mut vae_trainer);

// SAFETY: only passed to vae_cancel(), which any thread may call.
unsafe impl Send for Address {}

/// Shared by a trainer and its cancellers. The lock is held only during
/// vae_cancel(), which is one store, and never during a run. So dropping a
/// trainer waits for no more than that.
#[derive(Debug)]
struct Handle(Mutex<Address>);

impl Handle {
    fn cancel(&self, on: bool) -> Result<()> {
        let address = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if address.0.is_null() {
            return Ok(());
        }
        // SAFETY: not destroyed before the lock is released.
        ffi::call(|| unsafe { vae_sys::vae_cancel(address.0, on.into()) })
    }

    fn close(&self) {
        let mut address = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        address.0 = null_mut();
    }
}

/// Stops a trainer's runs from any thread. It may outlive the trainer.
///
/// ```
/// # use vae::{Config, Dataset, Run, Status, Trainer};
/// # fn main() -> Result<(), vae::Error> {
/// # let config = Config::default().size(1, 8, 8).layers([4, 4]).threads(1);
/// # let images = Dataset::from_memory(&[0u8; 640], None, [1, 8, 8])?;
/// # let mut trainer = Trainer::new(&config)?;
/// let canceller = trainer.canceller();
/// std::thread::spawn(move || canceller.cancel()).join().unwrap()?;
/// let stopped = trainer.train_epoch(&images, Run::new()).unwrap_err();
/// assert_eq!(stopped.status(), Status::CANCELLED);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Canceller {
    handle: Arc<Handle>,
}

impl Canceller {
    /// Until [`Canceller::clear`], [`Trainer::train_epoch`] and
    /// [`Trainer::evaluate`] stop before the next step with
    /// [`Status::CANCELLED`](crate::Status::CANCELLED). Does nothing after the
    /// trainer was dropped.
    #[doc(alias = "vae_cancel")]
    pub fn cancel(&self) -> Result<()> {
        self.handle.cancel(true)
    }

    /// Allows runs again.
    #[doc(alias = "vae_cancel")]
    pub fn clear(&self) -> Result<()> {
        self.handle.cancel(false)
    }
}
