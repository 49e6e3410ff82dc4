//! A small model and training images, for several tests.
#![allow(dead_code)] // each test file uses some of it

use vae::{Config, Dataset, Device, Trainer};

pub const SIDE: usize = 12;
pub const PIXELS: usize = SIDE * SIDE;
pub const SHAPE: [u32; 3] = [1, SIDE as u32, SIDE as u32];
pub const LATENT: usize = 4;

pub fn config() -> Config {
    Config::default()
        .size(1, SIDE as u32, SIDE as u32)
        .latent(LATENT as u32)
        .layers([8, 16, 16])
        .max_batch(16)
        .seed(7)
        .threads(1)
        .device(Device::Cpu)
}

pub fn trainer() -> Trainer {
    Trainer::new(&config()).unwrap()
}

/// `count` images of stripes, each different.
pub fn stripes(count: usize) -> Vec<u8> {
    (0..count * PIXELS)
        .map(|i| ((i / PIXELS * 5 + i % SIDE * 40 + i / SIDE % SIDE * 7) % 256) as u8)
        .collect()
}

pub fn floats(pixels: &[u8]) -> Vec<f32> {
    pixels
        .iter()
        .map(|&pixel| f32::from(pixel) / 255.0)
        .collect()
}

pub fn dataset(count: usize) -> Dataset {
    Dataset::from_memory(&stripes(count), None, SHAPE).unwrap()
}

/// A path in the temporary directory, unique to this process.
pub struct Scratch(pub std::path::PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let file = format!("vae_rust_{}_{name}", std::process::id());
        Scratch(std::env::temp_dir().join(file))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
