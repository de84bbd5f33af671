//! Rooms, voices, and cancellers side by side: one table. Started by `cargo xtask bench-echo`.

mod acoustics;
mod contenders;
mod hour;
mod measure;
mod scene;
mod scenes;
mod speex;
mod table;
mod voices;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use contenders::Contender;
use measure::Figures;
use scene::{BOTH_FROM, BOTH_TO, NEAR_FROM, Scene};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use table::Row;

/// Measures echo cancellers in rooms that are made from text, and prints one table.
#[derive(Parser)]
struct Arguments {
    /// Voices from WAV files instead of espeak-ng: a file or a folder in it is a voice; at least two.
    wav_folder: Option<PathBuf>,
    /// Only scenes whose names begin so; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only these; all when none is given.
    #[arg(long, value_name = "NAME")]
    contender: Vec<Contender>,
    /// Further sets of the five rooms: other voices, rooms and clocks.
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    further: u64,
    /// The number from which the further sets are made.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// Leave out the rooms at 48 kHz.
    #[arg(long)]
    only_16k: bool,
    /// Instead: an hour with clocks 80 ppm apart, both ways.
    #[arg(long)]
    hour: bool,
    /// Where to keep what is made on the way.
    #[arg(long, value_name = "FOLDER")]
    scratch: PathBuf,
    /// The Python that has pystoi.
    #[arg(long, value_name = "PROGRAM")]
    python: PathBuf,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let voices = match &arguments.wav_folder {
        Some(folder) => voices::from_folder(folder)?,
        None => voices::spoken(&arguments.scratch.join("voices"))?,
    };
    if arguments.hour {
        return Ok(if hour::run(&voices)? {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let contenders: &[Contender] = if arguments.contender.is_empty() {
        &contenders::ALL
    } else {
        &arguments.contender
    };
    let mut rows = Vec::new();
    let mut jobs = Jobs::new(&arguments.scratch.join("sound"))?;
    for (scene, rate) in plan(&arguments) {
        eprintln!(
            "{} at {rate} Hz: {} hears {}",
            scene.name,
            voices[scene.near % voices.len()].name,
            voices[scene.far % voices.len()].name
        );
        let sound = scene.sound(&voices, rate)?;
        for contender in contenders {
            let run = contender.run(rate, &sound.far, &sound.mic)?;
            let figures = measure::figures(&scene, &sound, &run, rate);
            jobs.add(&sound.near, &figures, rate)?;
            rows.push(Row {
                scene: scene.clone(),
                rate,
                contender: *contender,
                figures,
                near_only: 0.0,
                both: 0.0,
            });
        }
    }
    let scores = jobs.scores(&arguments.python)?;
    for (row, score) in rows.iter_mut().zip(scores.chunks_exact(2)) {
        (row.near_only, row.both) = (score[0], score[1]);
    }
    table::print(&rows);
    Ok(ExitCode::SUCCESS)
}

/// Scenes and rates.
fn plan(arguments: &Arguments) -> Vec<(Scene, u32)> {
    let mut plan: Vec<(Scene, u32)> = scenes::rooms(0)
        .into_iter()
        .map(|scene| (scene, 16_000))
        .collect();
    for seed in arguments.seed..arguments.seed + arguments.further {
        plan.extend(scenes::rooms(seed).into_iter().map(|scene| (scene, 16_000)));
    }
    plan.extend(scenes::stress().into_iter().map(|scene| (scene, 16_000)));
    if !arguments.only_16k {
        plan.extend(scenes::rooms(0).into_iter().map(|scene| (scene, 48_000)));
    }
    let wanted = |scene: &Scene| {
        arguments
            .only
            .iter()
            .any(|name| scene.name.starts_with(name.as_str()))
    };
    plan.retain(|(scene, _)| arguments.only.is_empty() || wanted(scene));
    plan
}

/// Sounds whose intelligibility is to be found.
struct Jobs {
    folder: PathBuf,
    lines: Vec<String>,
}

impl Jobs {
    fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            lines: Vec::new(),
        })
    }

    /// Near end alone, and both.
    fn add(&mut self, near: &[f32], figures: &Figures, rate: u32) -> Result<()> {
        let number = self.lines.len();
        let (clean, heard) = (
            self.folder.join(format!("{number}-near.f32")),
            self.folder.join(format!("{number}-out.f32")),
        );
        write(&clean, near)?;
        write(&heard, &figures.aligned)?;
        for (from, to) in [
            (NEAR_FROM as f64 + 1.0, BOTH_FROM as f64 - 0.2),
            (BOTH_FROM as f64 + 2.0, BOTH_TO as f64),
        ] {
            self.lines.push(format!(
                "{}\t{}\t{rate}\t{from}\t{to}\n",
                clean.display(),
                heard.display()
            ));
        }
        Ok(())
    }

    /// In the order in which they were added. The sounds are gone afterwards.
    fn scores(self, python: &Path) -> Result<Vec<f64>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/estoi.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", python.display()))?;
        let mut input = child.stdin.take().context("the script takes input")?;
        let text = self.lines.concat();
        let feeding = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output().context("waiting for the script")?;
        feeding
            .join()
            .map_err(|_| anyhow::anyhow!("feeding the script"))??;
        ensure!(output.status.success(), "estoi.py failed");
        let scores: Vec<f64> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| {
                line.parse()
                    .with_context(|| format!("estoi.py says {line}"))
            })
            .collect::<Result<_>>()?;
        ensure!(
            scores.len() == self.lines.len(),
            "estoi.py gave {} figures of {}",
            scores.len(),
            self.lines.len()
        );
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("removing {}", self.folder.display()))?;
        Ok(scores)
    }
}

fn write(path: &Path, samples: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}
