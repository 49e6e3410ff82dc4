//! Trains on images in files, prints the losses, and writes a grid of samples.
//! Usage: train FOLDER [EPOCHS], where FOLDER has MNIST's IDX files or PNG files

use std::ops::ControlFlow;

use vae::{Config, Dataset, Run, Sampling, Save, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: train FOLDER [EPOCHS]")?;
    let epochs: u32 = arguments.next().map_or(Ok(1), |epochs| epochs.parse())?;

    let images = Dataset::open(&folder)?;
    let [channels, height, width] = images.shape();
    let config = Config::default().size(channels, height, width).latent(16);
    let mut trainer = Trainer::new(&config)?;

    for epoch in 1..=epochs {
        let run = Run::new().every_steps(50).progress(|now, _| {
            println!("step {} of {}: loss {:.1}", now.step, now.steps, now.loss);
            ControlFlow::Continue(())
        });
        let mean = trainer.train_epoch(&images, run)?;
        println!(
            "epoch {epoch}: loss {:.1} = reconstruction {:.1} + KL {:.1}",
            mean.loss, mean.reconstruction, mean.kl
        );
    }

    let drawn: Vec<u8> = trainer.sample(&Sampling::new(64))?;
    vae::write_grid("samples.png", &drawn, trainer.shape(), 8)?;
    trainer.save("model.safetensors", Save::Model)?;
    Ok(())
}
