//! The conformance program (tests/hosts/conformance.md): every language's prints
//! the same text and writes the same files to the current directory.

use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::process::ExitCode;

use vae::{
    Config, Dataset, Device, ElementType, Metrics, Output, Progress, Run, Sampling, Save, Trainer,
    What,
};

const SIDE: usize = 12;
const PIXELS: usize = SIDE * SIDE;
const IMAGES: usize = 96;
const LATENT: usize = 4;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let bytes = discs();
    let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let config = Config::default()
        .size(1, SIDE as u32, SIDE as u32)
        .latent(LATENT as u32)
        .layers([8, 16, 16])
        .seed(7)
        .max_batch(16)
        .threads(1)
        .device(Device::Cpu);
    println!("config {}", config.to_json()?);

    let mut a = Trainer::new(&config)?;
    train_steps(&mut a, &bytes, &floats)?;
    let images = dataset(&bytes)?;
    epochs(&mut a, &images, &bytes, &floats)?;
    let nine = inference(&a, &bytes, &floats)?;
    params(&a)?;
    files(&mut a, &images, &nine)?;
    errors(&config, &mut a, &images, &bytes)?;
    let after = a.train_step(&bytes[16 * PIXELS..32 * PIXELS])?;
    println!("after {}", metrics(&after));
    a.save("after.safetensors", Save::Model)?;
    Ok(())
}

fn train_steps(a: &mut Trainer, bytes: &[u8], floats: &[f32]) -> Outcome<()> {
    for s in 0..8 {
        let rows = 16 * (s % 6) * PIXELS..16 * (s % 6 + 1) * PIXELS;
        let step = match s % 2 {
            0 => a.train_step(&bytes[rows])?,
            _ => a.train_step(&floats[rows])?,
        };
        println!("step {s} {}", metrics_with_dims(&step));
    }
    a.train_step_no_wait(&bytes[..16 * PIXELS])?;
    println!("sums {}", metrics(&a.read_metrics()?));
    a.set_learning_rate(0.0005)?;
    a.set_kl_weight(0.5)?;
    let counts = [a.step()? as f64, a.updates()? as f64, a.epoch()? as f64];
    let settings = [&[a.learning_rate()?, a.kl_weight()?], &counts[..]].concat();
    println!("settings{}", listed(&settings));
    Ok(())
}

fn dataset(bytes: &[u8]) -> Outcome<Dataset> {
    let labels: Vec<i32> = (0..IMAGES as i32).map(|n| n % 3).collect();
    let images = Dataset::from_memory(bytes, Some(&labels), [1, SIDE as u32, SIDE as u32])?;
    let [channels, height, width] = images.shape();
    let (count, classes) = (images.len(), images.classes());
    println!("dataset {count} {channels} {height} {width} {classes}");
    let (mut last, mut labels) = ([0f32; 2 * PIXELS], [0; 2]);
    images.read_into(94..96, &mut last, Some(&mut labels))?;
    println!("read {} {} {}", sum_f32(&last), labels[0], labels[1]);
    Ok(images)
}

fn epochs(a: &mut Trainer, images: &Dataset, bytes: &[u8], floats: &[f32]) -> Outcome<()> {
    let mut failed = None;
    let run = Run::new().every_steps(2).progress(|progress, model| {
        println!("{}", progress_line(progress));
        if progress.step == 4 {
            match model.sample::<u8>(&Sampling::new(2).seed(5)) {
                Ok(drawn) => println!("inside {}", sum(&drawn)),
                Err(error) => failed = Some(error),
            }
        }
        ControlFlow::Continue(())
    });
    let epoch = a.train_epoch(images, run)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    println!("epoch {}", metrics(&epoch));

    let run = Run::new().batch_size(10).every_steps(0);
    let run = run.progress(|progress, _| {
        println!("{}", progress_line(progress));
        ControlFlow::Continue(())
    });
    println!("evaluate {}", metrics_with_dims(&a.evaluate(images, run)?));
    println!(
        "eval_step {}",
        metrics(&a.eval_step(&floats[..10 * PIXELS])?)
    );
    let scores = a.score(&bytes[..3 * PIXELS])?;
    println!(
        "score{}{}",
        listed(&scores.reconstruction),
        listed(&scores.kl)
    );
    Ok(())
}

fn inference(a: &Trainer, bytes: &[u8], floats: &[f32]) -> Outcome<Vec<u8>> {
    let codes = a.encode(&bytes[..5 * PIXELS])?;
    println!("mean{}", listed(&codes.mean));
    println!("logvar{}", listed(&codes.logvar));
    vae::write_array("codes.npy", &codes.mean, &[5, LATENT as u64])?;
    let decoded: Vec<f32> = a.decode(&codes.mean)?;
    println!("decode {}", sum_f32(&decoded));
    let sampling = Sampling::new(9).seed(3).first(2).temperature(0.8);
    let nine: Vec<u8> = a.sample(&sampling)?;
    println!("sample {}", sum(&nine));
    let again: Vec<f32> = a.reconstruct(&floats[..4 * PIXELS])?;
    println!("reconstruct {}", sum_f32(&again));
    Ok(nine)
}

fn params(a: &Trainer) -> Outcome<()> {
    for param in a.params() {
        let (element, sum) = match param.element {
            ElementType::Int64 => {
                let numbers: Vec<i64> = a.read_param(&param.name, What::Value)?;
                let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
                (3, sum(&bytes))
            }
            _ => (2, sum_f32(&a.read_param(&param.name, What::Value)?)),
        };
        let sizes: Vec<String> = param.shape.iter().map(i64::to_string).collect();
        let shape = match sizes.len() {
            0 => "scalar".to_owned(),
            _ => sizes.join("x"),
        };
        let (name, trainable) = (&param.name, u8::from(param.trainable));
        println!(
            "param {name} {element} {trainable} {} {shape} {sum}",
            param.elements
        );
    }
    let moment: Vec<f32> = a.read_param("encoder.0.weight", What::Moment1)?;
    println!("moment {}", sum_f32(&moment));
    a.write_param("fc11.bias", What::Value, &[0.125f32; LATENT])?;
    let written: Vec<f32> = a.read_param("fc11.bias", What::Value)?;
    println!("written {}", sum_f32(&written));
    Ok(())
}

fn files(a: &mut Trainer, images: &Dataset, nine: &[u8]) -> Outcome<()> {
    a.save("model.safetensors", Save::Model)?;
    a.save("checkpoint.safetensors", Save::Checkpoint)?;
    let checkpoint = a.save_bytes(Save::Checkpoint)?;
    if checkpoint != fs::read("checkpoint.safetensors")? {
        return Err("the checkpoint in memory is not that of the file".into());
    }
    println!("saved {} {}", checkpoint.len(), sum(&checkpoint));
    vae::write_grid("grid.png", nine, [1, SIDE as u32, SIDE as u32], 3)?;

    let mut b = Trainer::load("checkpoint.safetensors")?;
    for trainer in [a, &mut b] {
        let three = trainer.train_epoch(images, Run::new().max_steps(3))?;
        println!("continued {}", metrics(&three));
    }
    let c = Trainer::load_bytes(&fs::read("model.safetensors")?)?;
    let four: Vec<u8> = c.sample(&Sampling::new(4).seed(1))?;
    println!("reloaded {}", sum(&four));
    Ok(())
}

fn errors(config: &Config, a: &mut Trainer, images: &Dataset, bytes: &[u8]) -> Outcome<()> {
    fn show<T>(result: vae::Result<T>) -> Outcome<()> {
        match result {
            Ok(_) => Err("a call that should fail did not".into()),
            Err(error) => {
                println!("error {}: {}", error.status(), error.text());
                Ok(())
            }
        }
    }
    show(Trainer::new(&config.clone().latent(0)))?;
    let mut four = [0f32; 4 * LATENT];
    show(a.encode_into(&bytes[..5 * PIXELS], &mut four, Output::none()))?;
    show(a.read_param::<f32>("fc11.bias", What::Gradient))?;
    show(Trainer::load("missing.safetensors"))?;
    show(Trainer::load("grid.png"))?;
    let canceller = a.canceller();
    canceller.cancel()?;
    show(a.train_epoch(images, Run::new()))?;
    canceller.clear()?;
    Ok(())
}

/// 96 discs on noise, as the specification draws them.
fn discs() -> Vec<u8> {
    let mut state = 12345u32;
    let mut pixels = Vec::with_capacity(IMAGES * PIXELS);
    for n in 0..IMAGES as i32 {
        let (cx, cy, r2) = (3 + n % 6, 3 + n / 6 % 6, 4 + 5 * (n / 36));
        for place in 0..PIXELS as i32 {
            let (x, y) = (place % SIDE as i32, place / SIDE as i32);
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            let noise = (state >> 24) as u8;
            let inside = (x - cx).pow(2) + (y - cy).pow(2) <= r2;
            pixels.push(if inside { 255 - noise / 4 } else { noise / 8 });
        }
    }
    pixels
}

fn metrics(m: &Metrics) -> String {
    format!(
        "loss {} reconstruction {} kl {} mse {} norm {} active {} steps {} images {} \
         skipped {} nonfinite {}",
        hex(m.loss),
        hex(m.reconstruction),
        hex(m.kl),
        hex(m.mse),
        hex(m.gradient_norm),
        m.active_units,
        m.steps,
        m.images,
        m.skipped_steps,
        m.nonfinite_steps
    )
}

fn metrics_with_dims(m: &Metrics) -> String {
    format!("{} dims{}", metrics(m), listed(&m.kl_per_dim))
}

fn progress_line(p: &Progress) -> String {
    let (loss, reconstruction, kl) = (hex(p.loss), hex(p.reconstruction), hex(p.kl));
    format!(
        "progress {} {} {} {} {} {loss} {reconstruction} {kl}",
        p.phase.code(),
        p.epoch,
        p.step,
        p.steps,
        p.images
    )
}

/// Each number after a space.
fn listed<T: Copy + Into<f64>>(numbers: &[T]) -> String {
    numbers.iter().fold(String::new(), |mut text, &number| {
        let _ = write!(text, " {}", hex(number.into()));
        text
    })
}

/// FNV-1a of 64 bits.
fn sum(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(14695981039346656037u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1099511628211)
    });
    format!("{hash:016x}")
}

fn sum_f32(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    sum(&bytes)
}

/// A double as `%a` of the GNU C library prints it.
fn hex(number: f64) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if !number.is_finite() {
        return format!("{sign}{}", if number.is_nan() { "nan" } else { "inf" });
    }
    let bits = number.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i64);
    let (lead, power) = match (exponent, fraction) {
        (0, 0) => (0, 0),
        (0, _) => (0, -1022),
        _ => (1, exponent - 1023),
    };
    let digits = format!("{fraction:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{sign}0x{lead}{point}{digits}p{power:+}")
}
