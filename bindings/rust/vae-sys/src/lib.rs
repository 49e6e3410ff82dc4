//! The C interface of libvae, declared for Rust: `vae.h` and nothing more.
//!
//! For programs there is the crate `vae`, which is safe. This one holds the
//! declarations, finds the library when it is linked, and proves that both
//! mean the same: every size, alignment and offset is checked when this crate
//! is compiled, and against the library's own by [`layout::mismatch`].
//!
//! # Finding libvae
//!
//! `build.rs` looks, in this order, at
//!
//! 1. `VAE_DIR`: where libvae was installed, or the folder it was built in;
//! 2. pkg-config: `vae`, or with the feature `static` `vae-static`
//!    (`PKG_CONFIG_PATH` says where else to look).
//!
//! Where neither knows it, checking and documenting still work; linking a
//! program fails with a name that says what to do.
//!
//! # Run paths
//!
//! `cargo run` and `cargo test` find libvae.so by themselves. A program that is
//! started without Cargo needs libvae where the loader looks, or a run path.
//! Only a package's own build script can give it one: depend on `vae-sys` too,
//! and let `main` of `build.rs` be
//!
//! ```no_run
//! let folders = std::env::var("DEP_VAE_LIBDIR").unwrap_or_default();
//! println!("cargo:rustc-link-arg=-Wl,-rpath,{folders}");
//! ```
#![deny(missing_docs)]
#![allow(non_camel_case_types)]

mod constants;
mod functions;
pub mod layout;
mod structs;

pub use constants::*;
pub use functions::*;
pub use structs::*;
