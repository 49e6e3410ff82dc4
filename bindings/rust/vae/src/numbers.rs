//! Settings and counts of a trainer, which may change between steps.

use vae_sys::{VAE_EPOCH, VAE_KL_WEIGHT, VAE_LEARNING_RATE, VAE_STEP, VAE_UPDATES};

use crate::error::{Error, Result};
use crate::ffi;
use crate::model::Model;

/// Settings and counts.
impl Model {
    fn get(&self, key: i32) -> Result<f64> {
        let mut value = 0.0;
        // SAFETY: a valid trainer.
        ffi::call(|| unsafe { vae_sys::vae_get(self.raw(), key, &mut value) })?;
        Ok(value)
    }

    fn set(&self, key: i32, value: f64) -> Result<()> {
        // SAFETY: a valid trainer.
        ffi::call(|| unsafe { vae_sys::vae_set(self.raw(), key, value) })
    }

    /// The learning rate before schedules.
    #[doc(alias = "vae_get")]
    pub fn learning_rate(&self) -> Result<f64> {
        self.get(VAE_LEARNING_RATE)
    }

    /// Sets the learning rate, 0 to 1e30.
    #[doc(alias = "vae_set")]
    pub fn set_learning_rate(&self, rate: f64) -> Result<()> {
        self.set(VAE_LEARNING_RATE, rate)
    }

    /// Weight of the KL divergence.
    #[doc(alias = "vae_get")]
    pub fn kl_weight(&self) -> Result<f64> {
        self.get(VAE_KL_WEIGHT)
    }

    /// Sets the weight of the KL divergence, 0 to 1e30.
    #[doc(alias = "vae_set")]
    pub fn set_kl_weight(&self, weight: f64) -> Result<()> {
        self.set(VAE_KL_WEIGHT, weight)
    }

    /// Steps issued; part of the key of the noise.
    #[doc(alias = "vae_get")]
    pub fn step(&self) -> Result<u64> {
        Ok(self.get(VAE_STEP)? as u64)
    }

    /// Sets the steps issued.
    #[doc(alias = "vae_set")]
    pub fn set_step(&self, step: u64) -> Result<()> {
        self.set(VAE_STEP, exact(step, "step")?)
    }

    /// Updates applied (Adam's t).
    #[doc(alias = "vae_get")]
    pub fn updates(&self) -> Result<u64> {
        Ok(self.get(VAE_UPDATES)? as u64)
    }

    /// Sets the updates applied.
    #[doc(alias = "vae_set")]
    pub fn set_updates(&self, updates: u64) -> Result<()> {
        self.set(VAE_UPDATES, exact(updates, "updates")?)
    }

    /// Epochs finished; part of the key of the data order.
    #[doc(alias = "vae_get")]
    pub fn epoch(&self) -> Result<u64> {
        Ok(self.get(VAE_EPOCH)? as u64)
    }

    /// Sets the epochs finished, and restarts that epoch from its first image.
    #[doc(alias = "vae_set")]
    pub fn set_epoch(&self, epoch: u64) -> Result<()> {
        self.set(VAE_EPOCH, exact(epoch, "epoch")?)
    }
}

/// A count as a double. Error if a double cannot represent it exactly.
fn exact(count: u64, what: &str) -> Result<f64> {
    const LARGEST: u64 = 1 << f64::MANTISSA_DIGITS;
    if count > LARGEST {
        let text = format!("{what} is {count}; allowed are 0 to {LARGEST}");
        return Err(Error::argument(text));
    }
    Ok(count as f64)
}
