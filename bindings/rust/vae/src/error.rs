//! What a call returns when it fails: the library's status and text, as one
//! error type. It panics nowhere and hides nothing.

use std::ffi::CStr;
use std::fmt;

/// What every fallible call of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed: a number of `vae.h`, known to this crate or not.
///
/// ```
/// # use vae::{Config, Status};
/// let error = Config::default().latent(0).validate().unwrap_err();
/// assert_eq!(error.status(), Status::ARGUMENT);
/// assert_eq!(error.status().name(), "VAE_E_ARGUMENT");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(i32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Status = Status($number);)*
        }
    };
}

statuses! {
    /// A value is not allowed; the text says which ones are.
    ARGUMENT = vae_sys::VAE_E_ARGUMENT;
    /// A slice is too small; the text says how many bytes are needed.
    TOO_SMALL = vae_sys::VAE_E_TOO_SMALL;
    /// A reasonable wish that this build, device or version cannot fulfil.
    UNSUPPORTED = vae_sys::VAE_E_UNSUPPORTED;
    /// The library is inside another call, such as one that logs.
    BUSY = vae_sys::VAE_E_BUSY;
    /// The trainer's device was lost; only dropping it makes sense.
    POISONED = vae_sys::VAE_E_POISONED;
    /// Host or device memory is exhausted.
    MEMORY = vae_sys::VAE_E_MEMORY;
    /// There is no such device, or it failed.
    DEVICE = vae_sys::VAE_E_DEVICE;
    /// The operating system refused a file operation.
    FILE = vae_sys::VAE_E_FILE;
    /// A file's content is not what it should be.
    FORMAT = vae_sys::VAE_E_FORMAT;
    /// Made for another version of the interface or of the file format.
    VERSION = vae_sys::VAE_E_VERSION;
    /// Stopped by a [`Canceller`](crate::Canceller) or by the progress closure;
    /// steps done are kept.
    CANCELLED = vae_sys::VAE_E_CANCELLED;
    /// NaN or infinity in a training step, which was not committed.
    NONFINITE = vae_sys::VAE_E_NONFINITE;
    /// A defect of libvae itself; please report the text.
    INTERNAL = vae_sys::VAE_E_INTERNAL;
    /// The progress closure panicked, which ended the run; steps done are kept.
    /// This crate's own: libvae has no negative numbers.
    PANICKED = -1;
}

impl Status {
    /// The number in `vae.h`.
    pub fn code(self) -> i32 {
        self.0
    }

    /// The name in `vae.h`, such as "VAE_E_ARGUMENT"; "unknown status" for a
    /// number that the library does not know.
    #[doc(alias = "vae_status_name")]
    pub fn name(self) -> &'static str {
        if self == Status::PANICKED {
            return "PANICKED";
        }
        // SAFETY: never NULL and never freed, says vae.h.
        let name = unsafe { CStr::from_ptr(vae_sys::vae_status_name(self.0)) };
        name.to_str().unwrap_or("unknown status")
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failed call: its status, and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    text: String,
}

impl Error {
    pub(crate) fn new(status: Status, text: impl Into<String>) -> Self {
        let text = text.into();
        Error { status, text }
    }

    pub(crate) fn argument(text: impl Into<String>) -> Self {
        Error::new(Status::ARGUMENT, text)
    }

    /// The error of the library's call that has just failed on this thread.
    pub(crate) fn of_last_call(status: vae_sys::vae_status) -> Self {
        // SAFETY: never NULL, and valid until this thread's next failure.
        let text = unsafe { CStr::from_ptr(vae_sys::vae_last_error()) };
        Error::new(Status(status), text.to_string_lossy())
    }

    /// Why, for programs.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why, for people: the value seen and the values allowed.
    #[doc(alias = "vae_last_error")]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.status)
    }
}

impl std::error::Error for Error {}
