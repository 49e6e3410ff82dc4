//! The C interface of libvae, declared for Rust: `vae.h` and nothing more.
//!
//! Programs use the safe crate `vae`. This one holds the declarations, finds the
//! library at link time, and checks that both agree: every size, alignment and
//! offset is checked when this crate is compiled, and [`layout::mismatch`]
//! compares them with the library's.
//!
//! # Finding libvae
//!
//! `build.rs` looks, in this order, at
//!
//! 1. `VAE_DIR`: the prefix libvae was installed to, or its build directory;
//! 2. pkg-config: `vae`, or with the feature `static` `vae-static`
//!    (`PKG_CONFIG_PATH` says where else to look).
//!
//! If neither finds it, `cargo check` and `cargo doc` still work; linking a
//! program fails, and the missing library's name says what to do.
//!
//! # Run paths
//!
//! `cargo run` and `cargo test` find libvae.so. A program that is started without
//! Cargo needs libvae in the loader's search path, or a run path. Only the
//! program's own build script can set one: depend on `vae-sys` too, and write in
//! `main` of `build.rs`
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
