//! The log closure of the process. It is stored here and not in the library, so
//! that it can be replaced while another thread is running it.

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

/// Sets the log closure of the process, and replaces the previous one.
///
/// It is called on any thread that calls the library, by one thread at a time,
/// with one line of text. It must not call the library: such calls fail with
/// [`Status::BUSY`](crate::Status::BUSY). A panic in it is caught and ignored.
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
        // SAFETY: `on_message` is a function and ignores its `user`.
        vae_sys::vae_set_log_callback(Some(on_message), null_mut(), min_level.into())
    };
    if !inside() {
        store(Some(Arc::new(closure)));
    }
    ffi::call(enable)
}

/// Removes the closure, which is the initial state.
#[doc(alias = "vae_set_log_callback")]
pub fn clear_log() -> Result<()> {
    // SAFETY: the callback and its user may be NULL.
    ffi::call(|| unsafe {
        vae_sys::vae_set_log_callback(None, null_mut(), LogLevel::Warning.into())
    })?;
    store(None);
    Ok(())
}

fn store(closure: Option<Arc<Closure>>) {
    let mut current = CLOSURE.write().unwrap_or_else(PoisonError::into_inner);
    let previous = std::mem::replace(&mut *current, closure);
    drop(current);
    drop(previous); // without the lock, because its destructor is host code
}

/// # Safety
/// `text` is zero-terminated and valid during the call.
unsafe extern "C" fn on_message(level: i32, text: *const c_char, _user: *mut c_void) {
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
