//! Variational autoencoders, trained and run inside your program: libvae for
//! Rust.
//!
//! A [`Config`] describes a model; a [`Trainer`] trains it, one call per step,
//! on images from your own memory, and encodes, decodes, samples and saves. This
//! is not a framework: users do not write layers.
//!
//! ```
//! use vae::{Config, Trainer};
//!
//! # fn main() -> Result<(), vae::Error> {
//! let config = Config::default().size(1, 8, 8).latent(2).layers([8, 16]).threads(1);
//! let mut trainer = Trainer::new(&config)?;
//!
//! let images: Vec<u8> = (0..16 * 64).map(|i| if (i / 64 + i) % 8 < 4 { 0 } else { 255 }).collect();
//! for _ in 0..10 {
//!     let metrics = trainer.train_step(&images)?;
//!     println!("loss {:.1}", metrics.loss);
//! }
//! let codes = trainer.encode(&images[..64])?;
//! let drawn: Vec<u8> = trainer.decode(&codes.mean)?;
//! assert_eq!(drawn.len(), 64);
//! # Ok(())
//! # }
//! ```
//!
//! # Rules for every call
//!
//! - It returns a [`Result`]: an [`Error`] has a [`Status`] and a text that
//!   names the value seen and the values allowed. No call panics instead.
//! - A failed call changes nothing: parameters stay finite.
//! - Arguments are borrowed for the call. Results are `Vec`s, or are written to
//!   your slices by the calls that end in `_into`.
//! - Images are contiguous `[count][channel][row][column]`, `u8` (0 to 255) or
//!   `f32` (0 to 1); [`Batch::hwc`] selects the other layout. Their number
//!   follows from the length. Losses are means per image, in nats.
//! - A [`Trainer`] may move to another thread, but is used by one at a time: it
//!   is `Send` and not `Sync`. A [`Dataset`] and a [`Canceller`] are both.
//! - Panics in your closures are caught and never unwind into the library. With
//!   `panic = "abort"` they end the process, as always.
//!
//! The crate `vae-sys` describes how libvae is found when a program is built and
//! when it runs. Its layout and version are checked once, before the first call:
//! [`Status::VERSION`] if they do not match.
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

mod about;
mod array;
mod choices;
mod config;
mod dataset;
mod error;
mod ffi;
mod log;
mod metrics;
mod model;
mod numbers;
mod params;
mod rows;
mod run;
mod trainer;

pub use about::{abi_version, build_info, diagnose, version, write_grid};
pub use array::{write_array, Element};
pub use choices::*;
pub use config::{Config, Memory};
pub use dataset::Dataset;
pub use error::{Error, Result, Status};
pub use log::{clear_log, set_log};
pub use metrics::{Metrics, Phase, Progress};
pub use model::{Encoding, Model, Sampling, Scores};
pub use params::{Number, Param};
pub use rows::{Batch, Output, Pixel};
pub use run::Run;
pub use trainer::{Canceller, Trainer};

/// The README's program, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
