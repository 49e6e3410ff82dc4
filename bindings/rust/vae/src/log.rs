//! The process' one log closure. It lives here and not in the library, so that
//! it can be replaced while another thread is inside it.

use std::cell::Cell;
use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;
use std::sync::{Arc, PoisonError, RwLock};

use crate::choices::LogLevel;
use crate::error::Result;
use crate::ffi;

type Closure = dyn Fn(LogLevel, &str) + Send + Sync;

static CLOSURE: RwLock<Option<Arc<Closure>>> = RwLock::new(None);

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the log closure.
pub(crate) fn inside() -> bool {
    INSIDE.with(Cell::get)
}

/// Sets the closure that receives log messages: one for the process, in
/// place of the one before.
///
/// It is called by any thread that calls the library, one at a time, with one
/// line of text. It may not call the library: such calls fail with
/// [`Status::BUSY`](crate::Status::BUSY). A panic in it is caught and forgotten.
///
/// ```
/// # fn main() -> Result<(), vae::Error> {
/// vae::set_log(vae::LogLevel::Info, |level, text| eprintln!("{level:?}: {text}"))?;
/// # vae::clear_log()
/// # }
/// ```
#[doc(alias = "vae_set_log_callback")]
pub fn set_log<F>(min_level: LogLevel, closure: F) -> Result<()>
where
    F: Fn(LogLevel, &str) + Send + Sync + 'static,
{
    let enable = || unsafe {
        // SAFETY: `told` is there as long as the process and looks at no user.
        vae_sys::vae_set_log_callback(Some(told), null_mut(), min_level.into())
    };
    if !inside() {
        store(Some(Arc::new(closure)));
    }
    ffi::call(enable)
}

/// Removes the closure, which is the initial state.
#[doc(alias = "vae_set_log_callback")]
pub fn clear_log() -> Result<()> {
    // SAFETY: no callback, no user.
    ffi::call(|| unsafe {
        vae_sys::vae_set_log_callback(None, null_mut(), LogLevel::Warning.into())
    })?;
    store(None);
    Ok(())
}

fn store(closure: Option<Arc<Closure>>) {
    let mut place = CLOSURE.write().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::replace(&mut *place, closure);
    drop(place);
    drop(before); // outside of the lock: it is the host's code
}

/// # Safety
/// `text` is zero-terminated and valid during the call.
unsafe extern "C" fn told(level: i32, text: *const c_char, _user: *mut c_void) {
    let closure = CLOSURE
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let closure = match closure {
        Some(closure) => closure,
        None => return,
    };
    let level = LogLevel::try_from(level).unwrap_or(LogLevel::Detail);
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    INSIDE.with(|inside| inside.set(true));
    let outcome = catch_unwind(AssertUnwindSafe(move || closure(level, &text)));
    INSIDE.with(|inside| inside.set(false));
    if let Err(payload) = outcome {
        crate::run::forget_panic(payload);
    }
}
