//! The trainer: a model in training, driven by the host step by step or epoch
//! by epoch. It has no thread of its own.

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
/// What trains or evaluates is here and needs `&mut`; all else, encoding to
/// saving, is in [`Model`], which it derefs to and which a progress closure gets
/// too. What the library does not allow in there does not compile:
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
/// It may go to another thread, but serves one at a time:
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

// SAFETY: a trainer belongs to no thread; it is used by one at a time, as `&mut`
// and `!Sync` see to. The handle that is shared is only for cancelling.
unsafe impl Send for Trainer {}

impl Deref for Trainer {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl Trainer {
    /// Makes a trainer, initialised as PyTorch would, from the seed.
    #[doc(alias = "vae_create")]
    pub fn new(config: &Config) -> Result<Trainer> {
        let config = config.to_raw()?;
        // SAFETY: an initialised struct that outlives the call.
        Trainer::made(|raw| unsafe { vae_sys::vae_create(&config, raw) })
    }

    /// Makes a trainer from a file that libvae wrote: model and settings as in
    /// the file, the device chosen anew. A checkpoint goes on where it was; with
    /// the same engine, LibTorch, processor type and thread count on the CPU, bit
    /// for bit.
    #[doc(alias = "vae_load")]
    pub fn load(path: impl AsRef<Path>) -> Result<Trainer> {
        let path = ffi::c_path(path.as_ref())?;
        // SAFETY: a zero-terminated path; no configuration is allowed.
        Trainer::made(|raw| unsafe { vae_sys::vae_load(path.as_ptr(), null(), raw) })
    }

    /// The same with a configuration, whose model fields must agree with the
    /// file, and which everything else is taken from. A file that libvae did not
    /// write, such as PyTorch's, needs one.
    #[doc(alias = "vae_load")]
    pub fn load_with(path: impl AsRef<Path>, config: &Config) -> Result<Trainer> {
        let path = ffi::c_path(path.as_ref())?;
        let config = config.to_raw()?;
        // SAFETY: a zero-terminated path, an initialised struct.
        Trainer::made(|raw| unsafe { vae_sys::vae_load(path.as_ptr(), &config, raw) })
    }

    /// [`Trainer::load`] from the bytes of a file, which are not kept.
    #[doc(alias = "vae_load_memory")]
    pub fn load_bytes(file: &[u8]) -> Result<Trainer> {
        let (data, bytes) = (file.as_ptr().cast(), file.len() as u64);
        // SAFETY: bytes of the size that is told; no configuration is allowed.
        Trainer::made(|raw| unsafe { vae_sys::vae_load_memory(data, bytes, null(), raw) })
    }

    /// [`Trainer::load_with`] from the bytes of a file, which are not kept.
    #[doc(alias = "vae_load_memory")]
    pub fn load_bytes_with(file: &[u8], config: &Config) -> Result<Trainer> {
        let config = config.to_raw()?;
        let (data, bytes) = (file.as_ptr().cast(), file.len() as u64);
        // SAFETY: bytes of the size that is told, an initialised struct.
        Trainer::made(|raw| unsafe { vae_sys::vae_load_memory(data, bytes, &config, raw) })
    }

    fn made(make: impl FnOnce(*mut *mut vae_trainer) -> vae_status) -> Result<Trainer> {
        let mut raw = null_mut();
        ffi::call(|| make(&mut raw))?;
        let mut trainer = Trainer {
            model: Model::around(raw),
            handle: Arc::new(Handle(Mutex::new(Address(raw)))),
        };
        trainer.model.learn()?;
        Ok(trainer)
    }

    /// One step of gradient descent on 1 to `max_batch` images (at least 2 if
    /// the convolutions leave one pixel). Waits for it: the metrics are of this
    /// step alone. After a failure all is as before.
    #[doc(alias = "vae_train_step")]
    pub fn train_step<'a>(&mut self, images: impl Into<Batch<'a>>) -> Result<Metrics> {
        let images = images.into().raw(self.row(), "images")?;
        self.measured(|raw, metrics| unsafe { vae_sys::vae_train_step(raw, &images, metrics) })
    }

    /// The same without waiting for a GPU, on which at most two steps run ahead.
    /// Failures that are seen late come from the next call that waits;
    /// [`Trainer::read_metrics`] has the sums.
    #[doc(alias = "vae_train_step")]
    pub fn train_step_no_wait<'a>(&mut self, images: impl Into<Batch<'a>>) -> Result<()> {
        let images = images.into().raw(self.row(), "images")?;
        // SAFETY: views of what is borrowed for this call; no metrics.
        ffi::call(|| unsafe { vae_sys::vae_train_step(self.raw(), &images, null_mut()) })
    }

    /// The metrics of any number of images without learning; z is drawn by row
    /// index, so that a call is repeatable.
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

    /// Trains through a dataset once, in an order keyed by seed and epoch, and
    /// gives the means over this call's steps.
    ///
    /// A run that is stopped ([`Canceller`], progress closure, `max_steps`) goes
    /// on where it stopped at the next call; what was done by a run that fails is
    /// part of [`Trainer::read_metrics`], as are all steps. The last batch may be
    /// smaller; a single last image that BatchNorm cannot take is left out.
    #[doc(alias = "vae_train_epoch")]
    pub fn train_epoch(&mut self, dataset: &Dataset, run: Run<'_>) -> Result<Metrics> {
        run.go(&self.model, |run| {
            self.measured(|raw, metrics| unsafe {
                vae_sys::vae_train_epoch(raw, dataset.raw(), run, metrics)
            })
        })
    }

    /// The metrics of a dataset without learning; z is drawn by image index, so
    /// that a call is repeatable.
    #[doc(alias = "vae_evaluate")]
    pub fn evaluate(&mut self, dataset: &Dataset, run: Run<'_>) -> Result<Metrics> {
        run.go(&self.model, |run| {
            self.measured(|raw, metrics| unsafe {
                vae_sys::vae_evaluate(raw, dataset.raw(), run, metrics)
            })
        })
    }

    /// What can stop a run from any thread.
    pub fn canceller(&self) -> Canceller {
        Canceller {
            handle: Arc::clone(&self.handle),
        }
    }

    /// The metrics that `function` fills in. Its pointers are this trainer, which
    /// lives, and initialised metrics with a buffer for the KL of each dimension.
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
        // SAFETY: made by the library; no canceller reaches it any more, and
        // nobody is inside a call, which would borrow it.
        unsafe { vae_sys::vae_destroy(self.raw()) }
    }
}

/// The trainer's address, or NULL once it is to be destroyed.
#[derive(Debug)]
struct Address(*mut vae_trainer);

// SAFETY: only vae_cancel() is called with it, which any thread may.
unsafe impl Send for Address {}

/// What cancellers share with their trainer. The lock is held for the length of
/// vae_cancel(), one store, and never during a run: dropping a trainer waits for
/// no more than that.
#[derive(Debug)]
struct Handle(Mutex<Address>);

impl Handle {
    fn cancel(&self, on: bool) -> Result<()> {
        let address = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if address.0.is_null() {
            return Ok(());
        }
        // SAFETY: not destroyed, and not before the lock is given back.
        ffi::call(|| unsafe { vae_sys::vae_cancel(address.0, on.into()) })
    }

    fn close(&self) {
        let mut address = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        address.0 = null_mut();
    }
}

/// Stops a trainer's runs from any thread, and may outlive it.
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
    /// From now on, [`Trainer::train_epoch`] and [`Trainer::evaluate`] stop at
    /// the next step with [`Status::CANCELLED`](crate::Status::CANCELLED): a
    /// level, until [`Canceller::clear`]. Without its trainer it does nothing.
    #[doc(alias = "vae_cancel")]
    pub fn cancel(&self) -> Result<()> {
        self.handle.cancel(true)
    }

    /// Runs may run again.
    #[doc(alias = "vae_cancel")]
    pub fn clear(&self) -> Result<()> {
        self.handle.cancel(false)
    }
}
