//! Metrics and progress of training. Nothing is computed here.

use std::mem::size_of;

use vae_sys::{vae_metrics, vae_progress};

use crate::error::Result;
use crate::ffi;

/// Metrics of training: means per image, in nats.
///
/// With grey pixels as Bernoulli targets the losses are "soft losses": they
/// compare models, but are no bound of a likelihood.
#[doc(alias = "vae_metrics_init")]
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// `reconstruction` + KL weight * `kl`.
    pub loss: f64,
    /// -log p(x|z), summed over pixels.
    pub reconstruction: f64,
    /// KL(q(z|x) || N(0, I)), unweighted.
    pub kl: f64,
    /// Squared error per pixel of the reconstruction.
    pub mse: f64,
    /// Norm of the gradient before clipping, root mean square over steps; 0 in
    /// evaluation.
    pub gradient_norm: f64,
    /// Latent dimensions whose mean has a variance above 0.01 over the images.
    pub active_units: u32,
    /// Training steps or evaluated batches.
    pub steps: u64,
    /// Images of committed steps.
    pub images: u64,
    /// Steps that were not committed.
    pub skipped_steps: u64,
    /// Those of them that had NaN or infinity.
    pub nonfinite_steps: u64,
    /// Wall time inside the library.
    pub seconds: f64,
    /// KL of each latent dimension.
    pub kl_per_dim: Vec<f64>,
}

impl Metrics {
    /// The metrics that `call` fills in, with a buffer for `latent` dimensions.
    pub(crate) fn of(
        latent: usize,
        call: impl FnOnce(*mut vae_metrics) -> Result<()>,
    ) -> Result<Metrics> {
        let mut kl_per_dim: Vec<f64> = ffi::zeros(latent)?;
        let mut raw = ffi::initialised(vae_sys::vae_metrics_init)?;
        raw.kl_per_dim = kl_per_dim.as_mut_ptr();
        raw.kl_bytes = (latent * size_of::<f64>()) as u64;
        call(&mut raw)?;
        Ok(Metrics {
            loss: raw.loss,
            reconstruction: raw.reconstruction,
            kl: raw.kl,
            mse: raw.mse,
            gradient_norm: raw.gradient_norm,
            active_units: raw.active_units,
            steps: raw.steps,
            images: raw.images,
            skipped_steps: raw.skipped_steps,
            nonfinite_steps: raw.nonfinite_steps,
            seconds: raw.seconds,
            kl_per_dim,
        })
    }
}

/// The kind of run that reports progress.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// [`Trainer::train_epoch`](crate::Trainer::train_epoch).
    Train,
    /// [`Trainer::evaluate`](crate::Trainer::evaluate).
    Evaluate,
    /// A kind that this crate does not know.
    Other(u32),
}

impl Phase {
    fn of(number: u32) -> Phase {
        match number {
            vae_sys::VAE_PHASE_TRAIN => Phase::Train,
            vae_sys::VAE_PHASE_EVALUATE => Phase::Evaluate,
            other => Phase::Other(other),
        }
    }

    /// The number in `vae.h`.
    pub fn code(self) -> u32 {
        match self {
            Phase::Train => vae_sys::VAE_PHASE_TRAIN,
            Phase::Evaluate => vae_sys::VAE_PHASE_EVALUATE,
            Phase::Other(number) => number,
        }
    }
}

/// State of a run. Losses are means since the run began.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Training or evaluation.
    pub phase: Phase,
    /// Index of the current epoch.
    pub epoch: u64,
    /// Completed steps of this epoch or evaluation.
    pub step: u64,
    /// Total steps of this epoch or evaluation.
    pub steps: u64,
    /// Images processed in this run.
    pub images: u64,
    /// As in [`Metrics`].
    pub loss: f64,
    /// As in [`Metrics`].
    pub reconstruction: f64,
    /// As in [`Metrics`].
    pub kl: f64,
    /// Wall time since the run began.
    pub seconds: f64,
}

impl From<&vae_progress> for Progress {
    fn from(raw: &vae_progress) -> Progress {
        Progress {
            phase: Phase::of(raw.phase),
            epoch: raw.epoch,
            step: raw.step,
            steps: raw.steps,
            images: raw.images,
            loss: raw.loss,
            reconstruction: raw.reconstruction,
            kl: raw.kl,
            seconds: raw.seconds,
        }
    }
}
