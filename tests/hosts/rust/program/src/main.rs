//! A user's program: a few steps, a file, and back again.

use vae::{Config, Sampling, Save, Trainer};

fn main() -> Result<(), vae::Error> {
    let config = Config::default().size(1, 8, 8).latent(2).layers([8, 16]);
    let mut trainer = Trainer::new(&config)?;
    let stripes: Vec<u8> = (0..16 * 64)
        .map(|i| if (i / 64 + i) % 8 < 4 { 0 } else { 255 })
        .collect();
    for _ in 0..5 {
        trainer.train_step_no_wait(&stripes)?;
    }
    println!("loss {:.1} after 5 steps", trainer.read_metrics()?.loss);

    let file = trainer.save_bytes(Save::Model)?;
    let again = Trainer::load_bytes(&file)?;
    let sampling = Sampling::new(4);
    assert_eq!(
        trainer.sample::<u8>(&sampling)?,
        again.sample::<u8>(&sampling)?
    );
    Ok(())
}
