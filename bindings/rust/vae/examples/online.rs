//! Trains on samples that arrive one by one while the host does other work: a
//! ring buffer holds the newest, and a step is run when enough of them are new.
//! Usage: online [SAMPLES]

use std::collections::VecDeque;
use std::error::Error;
use std::sync::mpsc::{sync_channel, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use vae::{Config, Trainer};

const SIDE: usize = 16;
const PIXELS: usize = SIDE * SIDE;
const BATCH: usize = 32;
const RING: usize = 4 * BATCH;

type Sample = [u8; PIXELS];

/// The newest samples, and how many of them no step has used.
#[derive(Default)]
struct Ring {
    samples: VecDeque<Sample>,
    fresh: usize,
}

impl Ring {
    fn push(&mut self, sample: Sample) {
        if self.samples.len() == RING {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        self.fresh += 1;
    }

    /// The newest samples as one batch, once enough of them are new.
    fn batch(&mut self) -> Option<Vec<u8>> {
        if self.fresh < BATCH {
            return None;
        }
        self.fresh = 0;
        let newest = self.samples.iter().rev().take(BATCH);
        Some(newest.flatten().copied().collect())
    }
}

/// Takes the samples that have arrived, without waiting; false at the end.
fn take_arrived(arriving: &Receiver<Sample>, ring: &mut Ring) -> bool {
    while ring.fresh < BATCH {
        match arriving.try_recv() {
            Ok(sample) => ring.push(sample),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
    true
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(4000), |count| count.parse())?;
    let config = Config::default()
        .size(1, SIDE as u32, SIDE as u32)
        .latent(4)
        .layers([8, 16, 16])
        .max_batch(BATCH as u32)
        .threads(1);
    let mut trainer = Trainer::new(&config)?;

    // Bounded: a producer that is faster than training waits.
    let (send, arriving) = sync_channel(RING);
    let producer = thread::spawn(move || {
        let sensor = (0..count).map(disc);
        for sample in sensor {
            if send.send(sample).is_err() {
                return; // the receiver was dropped
            }
            thread::sleep(Duration::from_micros(200));
        }
    });

    let mut ring = Ring::default();
    let (mut turns, mut steps, mut longest) = (0u64, 0u64, Duration::ZERO);
    while take_arrived(&arriving, &mut ring) {
        let turn = Instant::now();
        if let Some(batch) = ring.batch() {
            trainer.train_step_no_wait(&batch)?;
            steps += 1;
            if steps % 25 == 0 {
                let mean = trainer.read_metrics()?; // of the last 25 steps
                println!("step {steps}: loss {:.1}, KL {:.1}", mean.loss, mean.kl);
            }
        }
        turns += 1; // here the host draws its frame, answers a request, ...
        longest = longest.max(turn.elapsed());
        thread::sleep(Duration::from_millis(1));
    }
    producer.join().map_err(|_| "the producer panicked")?;
    println!("{turns} turns of the host, {steps} steps, the longest turn {longest:?}");

    let codes = trainer.encode(&disc(3))?;
    println!("the code of one more sample: {:.2?}", codes.mean);
    Ok(())
}

/// A disc at a position that depends on `n`.
fn disc(n: usize) -> Sample {
    let (cx, cy, r) = (5 + n % 6, 5 + n / 6 % 6, 2 + n / 36 % 3);
    let mut sample = [0; PIXELS];
    for (place, pixel) in sample.iter_mut().enumerate() {
        let (x, y) = (place % SIDE, place / SIDE);
        if x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) <= r * r {
            *pixel = 255;
        }
    }
    sample
}
