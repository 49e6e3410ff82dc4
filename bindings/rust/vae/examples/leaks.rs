//! Creates, trains and drops small trainers, and prints the process's resident
//! memory after every 20: `trainers N rss KIB`. tests/hosts/leaks.py judges it.
//! Usage: leaks [COUNT]

use std::error::Error;

use vae::{Config, Device, Trainer};

/// Resident memory in KiB: the second number of /proc/self/statm, in pages of
/// 4 KiB.
fn resident() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).ok_or("statm has one number")?;
    Ok(pages.parse::<u64>()? * 4)
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 200,
    };
    let config = Config::default()
        .size(1, 12, 12)
        .latent(4)
        .layers([8, 16, 16])
        .max_batch(16)
        .threads(1)
        .device(Device::Cpu);
    let images: Vec<u8> = (0..16 * 144).map(|i| (i * 7 % 256) as u8).collect();
    for made in 1..=count {
        let mut trainer = Trainer::new(&config)?;
        for _ in 0..2 {
            trainer.train_step(&images)?;
        }
        drop(trainer);
        if made % 20 == 0 {
            println!("trainers {made} rss {}", resident()?);
        }
    }
    Ok(())
}
