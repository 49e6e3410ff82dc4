//! Stops in the middle of an epoch, saves, and continues from the file; then
//! shows an error.

use std::error::Error;
use std::ops::ControlFlow;

use vae::{Config, Dataset, Net, Run, Save, Status, Trainer};

fn main() -> Result<(), Box<dyn Error>> {
    // Vectors of 64 numbers, 256 of them: stripes.
    let stripes: Vec<u8> = (0..256 * 64)
        .map(|i| if (i / 64 + i) % 8 < 4 { 0 } else { 255 })
        .collect();
    let images = Dataset::from_memory(&stripes, None, [1, 1, 64])?;
    let config = Config::default()
        .net(Net::Dense)
        .size(1, 1, 64)
        .layers([32])
        .latent(2)
        .max_batch(16);

    let mut trainer = Trainer::new(&config)?;
    let run = Run::new().every_steps(1).progress(|now, _| {
        if now.step * 2 < now.steps {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    match trainer.train_epoch(&images, run) {
        Err(stopped) if stopped.status() == Status::CANCELLED => {}
        other => return Err(format!("not stopped: {other:?}").into()),
    }
    let name = format!("checkpoint_{}.safetensors", std::process::id());
    let path = std::env::temp_dir().join(name);
    trainer.save(&path, Save::Checkpoint)?;
    drop(trainer);

    let mut trainer = Trainer::load(&path)?;
    let rest = trainer.train_epoch(&images, Run::new())?;
    let epochs = trainer.epoch()?;
    println!("the other {} steps; {epochs} epoch finished", rest.steps);
    std::fs::remove_file(&path)?;

    if let Err(error) = trainer.set_learning_rate(-1.0) {
        println!("{}: {}", error.status(), error.text());
    }
    Ok(())
}
