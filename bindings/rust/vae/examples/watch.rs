//! A worker thread trains; the main thread prints the progress and stops it after
//! some seconds. Then the main thread uses the trainer.
//! Usage: watch [SECONDS]

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::mpsc::{channel, Sender};
use std::thread;
use std::time::{Duration, Instant};

use vae::{Config, Dataset, Progress, Run, Save, Status, Trainer};

const SIDE: usize = 16;

/// Trains until it is cancelled, and returns the trainer.
fn work(mut trainer: Trainer, images: &Dataset, news: &Sender<Progress>) -> vae::Result<Trainer> {
    loop {
        let run = Run::new().every_steps(4).progress(|now, _| {
            match news.send(*now) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()), // the main thread has ended
            }
        });
        match trainer.train_epoch(images, run) {
            Ok(_) => {}
            Err(stopped) if stopped.status() == Status::CANCELLED => return Ok(trainer),
            Err(error) => return Err(error),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(2), |seconds| seconds.parse())?;
    let pixels: Vec<u8> = (0..1024).flat_map(stripes).collect();
    let side = SIDE as u32;
    let images = Dataset::from_memory(&pixels, None, [1, side, side])?;
    let config = Config::default()
        .size(1, side, side)
        .latent(4)
        .layers([8, 16, 16])
        .threads(1);
    let trainer = Trainer::new(&config)?;
    let canceller = trainer.canceller();

    let (send, news) = channel();
    let worker = thread::spawn(move || work(trainer, &images, &send));

    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        match news.recv_timeout(Duration::from_millis(50)) {
            Ok(now) if now.step == now.steps => {
                println!(
                    "epoch {}: loss {:.1}, KL {:.1}",
                    now.epoch, now.loss, now.kl
                );
            }
            Ok(_) => {}                              // in the middle of an epoch
            Err(_) if worker.is_finished() => break, // it failed: see below
            Err(_) => println!("... still training"),
        }
    }
    canceller.cancel()?;
    let trainer = worker.join().map_err(|_| "the worker panicked")??;
    canceller.clear()?;

    // A checkpoint continues in the middle of the epoch.
    let bytes = trainer.save_bytes(Save::Checkpoint)?;
    println!(
        "stopped after {} steps; a checkpoint has {} bytes",
        trainer.step()?,
        bytes.len()
    );
    Ok(())
}

/// An image of stripes, each different.
fn stripes(n: usize) -> impl Iterator<Item = u8> {
    (0..SIDE * SIDE).map(move |place| {
        let (x, y) = (place % SIDE, place / SIDE);
        match (x * (1 + n % 3) + y * (n / 3 % 3) + n) % 8 {
            0..=3 => 0,
            _ => 255,
        }
    })
}
