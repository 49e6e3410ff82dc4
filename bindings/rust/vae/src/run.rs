//! Runs through a dataset, and the way from the library's callback to the
//! host's closure. No panic passes through it.

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

    /// Images of a step, 1 to `max_batch`; 0 (default): `max_batch`.
    #[must_use]
    pub fn batch_size(mut self, images: u64) -> Self {
        self.batch_size = Some(images);
        self
    }

    /// Stops after so many steps; 0 (default): no limit. The next run goes on
    /// there.
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
    /// It gets the trainer as a [`Model`]: to encode, decode, sample, save, get
    /// and set, but not to train or evaluate. [`ControlFlow::Break`] ends the
    /// run with [`Status::CANCELLED`]; a panic ends it with
    /// [`Status::PANICKED`] and goes no further. Steps done are kept, and the
    /// trainer is as good as before.
    #[must_use]
    pub fn progress(
        mut self,
        closure: impl FnMut(&Progress, &Model) -> ControlFlow<()> + 'a,
    ) -> Self {
        self.progress = Some(Box::new(closure));
        self
    }

    /// Hands the run to `call`, and the closure's panic to the caller.
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
        let mut listener = Listener {
            closure,
            model,
            panic: None,
        };
        let user: *mut Listener = &mut listener;
        raw.progress = Some(told);
        raw.user = user.cast();
        let result = call(&raw);
        match listener.panic {
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

/// What the library's callback finds behind its `user`.
struct Listener<'r, 'a> {
    closure: &'r mut Closure<'a>,
    model: &'r Model,
    panic: Option<String>,
}

/// # Safety
/// `progress` and `user` are what the library was given by [`Run::go`], which
/// is still running.
unsafe extern "C" fn told(progress: *const vae_progress, user: *mut c_void) -> i32 {
    // SAFETY: `go` touches its listener only after the call.
    let listener = unsafe { &mut *user.cast::<Listener>() };
    // SAFETY: as the caller promises.
    let progress = Progress::from(&unsafe { copied(progress) });
    if listener.panic.is_some() {
        return 1; // it is not called again
    }
    let Listener { closure, model, .. } = listener;
    match catch_unwind(AssertUnwindSafe(|| closure(&progress, model))) {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(payload) => {
            listener.panic = Some(forget_panic(payload));
            1
        }
    }
}

/// What the library knows of its struct; zeros for what it does not.
///
/// # Safety
/// `progress` has as many bytes as its `struct_size` says.
unsafe fn copied(progress: *const vae_progress) -> vae_progress {
    let mut copy = MaybeUninit::<vae_progress>::zeroed();
    // SAFETY: as promised, and no more than there is room for; numbers only.
    unsafe {
        let bytes = ((*progress).struct_size as usize).min(size_of::<vae_progress>());
        let to: *mut u8 = copy.as_mut_ptr().cast();
        progress.cast::<u8>().copy_to_nonoverlapping(to, bytes);
        copy.assume_init()
    }
}

/// The text of a caught panic. Its payload is dropped, even if that panics.
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
