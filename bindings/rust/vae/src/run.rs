//! Options of a run over a dataset, and the callback that calls the host's
//! progress closure. No panic unwinds into the library.

use std::any::Any;
use std::fmt;
use std::mem::{forget, size_of, MaybeUninit};
use std::ops::ControlFlow;
use std::os::raw::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

use vae_sys::{vae_progress, vae_run};

use crate::error::{Error, Result, Status};
use crate::ffi;
use crate::metrics::Progress;
use crate::model::Model;

type Closure<'a> = dyn FnMut(&Progress, &Model) -> ControlFlow<()> + 'a;

/// Options of a pass over a dataset, and its progress callback.
///
/// ```
/// use std::ops::ControlFlow;
///
/// let mut losses = Vec::new();
/// let run = vae::Run::new().every_steps(1).progress(|progress, _| {
///     losses.push(progress.loss);
///     ControlFlow::Continue(())
/// });
/// # drop(run);
/// ```
#[derive(Default)]
pub struct Run<'a> {
    batch_size: Option<u64>,
    max_steps: Option<u64>,
    every_steps: Option<u32>,
    progress: Option<Box<Closure<'a>>>,
}

impl<'a> Run<'a> {
    /// The whole dataset, no progress callback.
    #[doc(alias = "vae_run_init")]
    pub fn new() -> Self {
        Run::default()
    }

    /// Images per step, 1 to `max_batch`; 0 (default): `max_batch`.
    #[must_use]
    pub fn batch_size(mut self, images: u64) -> Self {
        self.batch_size = Some(images);
        self
    }

    /// Maximum number of steps; 0 (default): no limit. The next run continues
    /// from there.
    #[must_use]
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.max_steps = Some(steps);
        self
    }

    /// The closure is called after so many steps and at the end; 0: only at the
    /// end; default 10.
    #[must_use]
    pub fn every_steps(mut self, steps: u32) -> Self {
        self.every_steps = Some(steps);
        self
    }

    /// Progress callback: a closure, called on the thread of the run.
    ///
    /// It receives the trainer as a [`Model`], which can encode, decode, sample,
    /// save, read and set, but not train or evaluate. [`ControlFlow::Break`] ends
    /// the run with [`Status::CANCELLED`], a caught panic with
    /// [`Status::PANICKED`]. Completed steps count, and the trainer stays usable.
    #[must_use]
    pub fn progress(
        mut self,
        closure: impl FnMut(&Progress, &Model) -> ControlFlow<()> + 'a,
    ) -> Self {
        self.progress = Some(Box::new(closure));
        self
    }

    /// Passes the C struct to `call`; a panic of the closure becomes an error.
    pub(crate) fn go<R>(
        mut self,
        model: &Model,
        call: impl FnOnce(*const vae_run) -> Result<R>,
    ) -> Result<R> {
        let mut raw: vae_run = ffi::initialised(vae_sys::vae_run_init)?;
        raw.batch_size = self.batch_size.unwrap_or(raw.batch_size);
        raw.max_steps = self.max_steps.unwrap_or(raw.max_steps);
        raw.every_steps = self.every_steps.unwrap_or(raw.every_steps);
        let closure = match self.progress.as_mut() {
            Some(closure) => closure,
            None => return call(&raw),
        };
        let mut callback = Callback {
            closure,
            model,
            panic: None,
        };
        let user: *mut Callback = &mut callback;
        raw.progress = Some(on_progress);
        raw.user = user.cast();
        let result = call(&raw);
        match callback.panic {
            None => result,
            Some(text) => Err(Error::new(
                Status::PANICKED,
                format!("the progress closure panicked: {text}"),
            )),
        }
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("batch_size", &self.batch_size)
            .field("max_steps", &self.max_steps)
            .field("every_steps", &self.every_steps)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

/// The `user` of the library's callback.
struct Callback<'r, 'a> {
    closure: &'r mut Closure<'a>,
    model: &'r Model,
    panic: Option<String>,
}

/// # Safety
/// `progress` is valid, and `user` is the one that [`Run::go`], which is still
/// running, passed to the library.
unsafe extern "C" fn on_progress(progress: *const vae_progress, user: *mut c_void) -> i32 {
    // SAFETY: `go` does not access it during the call.
    let callback = unsafe { &mut *user.cast::<Callback>() };
    // SAFETY: the caller guarantees it.
    let progress = Progress::from(&unsafe { copied(progress) });
    if callback.panic.is_some() {
        return 1; // a closure that panicked is not called again
    }
    let Callback { closure, model, .. } = callback;
    match catch_unwind(AssertUnwindSafe(|| closure(&progress, model))) {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(payload) => {
            callback.panic = Some(forget_panic(payload));
            1
        }
    }
}

/// A copy of the library's struct. Fields that an older library does not have
/// are zero.
///
/// # Safety
/// `progress` has as many bytes as its `struct_size` says.
unsafe fn copied(progress: *const vae_progress) -> vae_progress {
    let mut copy = MaybeUninit::<vae_progress>::zeroed();
    // SAFETY: at most the size of `copy`; it consists of numbers, for which any
    // bytes are valid.
    unsafe {
        let bytes = ((*progress).struct_size as usize).min(size_of::<vae_progress>());
        let to: *mut u8 = copy.as_mut_ptr().cast();
        progress.cast::<u8>().copy_to_nonoverlapping(to, bytes);
        copy.assume_init()
    }
}

/// The text of a caught panic. Drops its payload; a panic of the destructor is
/// ignored.
pub(crate) fn forget_panic(payload: Box<dyn Any + Send>) -> String {
    let text = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "(no text)".to_owned(),
    };
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        forget(again);
    }
    text
}
