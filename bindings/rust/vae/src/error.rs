//! The error type: the library's status and text. Nothing here panics.

use std::ffi::CStr;
use std::fmt;

/// The result of every call that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Kind of failure: a number of `vae.h`, which may be newer than this crate.
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
    /// A value is not allowed; the text names the allowed values.
    ARGUMENT = vae_sys::VAE_E_ARGUMENT;
    /// A buffer is too small; the text says how many bytes are needed.
    TOO_SMALL = vae_sys::VAE_E_TOO_SMALL;
    /// Valid request, not supported by this build, device or version.
    UNSUPPORTED = vae_sys::VAE_E_UNSUPPORTED;
    /// The trainer is inside another call, or this is a call from a log closure.
    BUSY = vae_sys::VAE_E_BUSY;
    /// The trainer's device was lost, a defect of libvae interrupted the commit
    /// of a step, or the process was forked; the trainer can only be dropped.
    POISONED = vae_sys::VAE_E_POISONED;
    /// Host or device memory is exhausted.
    MEMORY = vae_sys::VAE_E_MEMORY;
    /// The device does not exist or has failed.
    DEVICE = vae_sys::VAE_E_DEVICE;
    /// The operating system refused a file operation.
    FILE = vae_sys::VAE_E_FILE;
    /// The content of a file is invalid.
    FORMAT = vae_sys::VAE_E_FORMAT;
    /// Made for another version of this interface or of the file format.
    VERSION = vae_sys::VAE_E_VERSION;
    /// Stopped by a [`Canceller`](crate::Canceller) or the progress closure;
    /// completed steps count.
    CANCELLED = vae_sys::VAE_E_CANCELLED;
    /// NaN or infinity in a training step, which was not committed.
    NONFINITE = vae_sys::VAE_E_NONFINITE;
    /// A bug in libvae; please report the text.
    INTERNAL = vae_sys::VAE_E_INTERNAL;
    /// The progress closure panicked, which ended the run; completed steps count.
    /// Defined by this crate: libvae has no negative codes.
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
        // SAFETY: a static string, never NULL (vae.h).
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

/// A failed call: its status and a text.
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

    /// The error of the call that just failed on this thread.
    pub(crate) fn of_last_call(status: vae_sys::vae_status) -> Self {
        // SAFETY: never NULL, and valid until this thread's next failure.
        let text = unsafe { CStr::from_ptr(vae_sys::vae_last_error()) };
        Error::new(Status(status), text.to_string_lossy())
    }

    /// Kind of failure.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The value seen and the values allowed.
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
