//! Voices: spoken by espeak-ng, or read from a folder of WAV files.

use anyhow::{Context, Result, bail, ensure};
use media::audio::Resampler;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody who speaks, at some sample rate.
pub(crate) struct Voice {
    pub(crate) name: String,
    rate: u32,
    samples: Vec<f32>,
}

/// A voice of espeak-ng, its pitch (0 to 99), its speed (words a minute) and what it says.
struct Spoken(&'static str, u32, u32, &'static str);

const SPOKEN: &[Spoken] = &[
    Spoken(
        "en-us",
        45,
        165,
        "The parcel was left beside the green door before breakfast. Tell me please whether it is still there. I am home at about seven, then we can unpack it together. It has been far colder this week than anybody thought. Is the lamp in the garage switched off? My brother wants to ring you after lunch and settle the hour. Several people went past the gate last night, and none of them stopped.",
    ),
    Spoken(
        "en-gb-scotland+f3",
        65,
        160,
        "Hello, yes, I hear you quite clearly. Somebody in a blue jacket is waiting at the gate. Shall we ask him to stay for ten more minutes? The dog sleeps under the kitchen table. No, nobody has touched the lamp since yesterday evening.",
    ),
    Spoken(
        "en-gb+f4",
        60,
        175,
        "Good afternoon, I am from the delivery service. There is a heavy box for your neighbour, but nobody answers on the second floor. Would you take it, or must it go back to the depot? It weighs twelve kilograms, so use both hands. Thank you for waiting so patiently.",
    ),
    Spoken(
        "en-us+m3",
        35,
        150,
        "One moment, I am just carrying my bicycle down the stairs. Put the box next to the bench, if you like. Whose name is on the label? We thought it would be something smaller. I will come and sign for it at once.",
    ),
    Spoken(
        "de+m2",
        40,
        170,
        "Guten Tag, hier ist die Werkstatt. Ihr Wagen steht seit heute früh im Hof, und der Schlüssel liegt beim Pförtner. Wann möchten Sie ihn abholen? Wir haben die Bremsen geprüft und zwei Reifen gewechselt. Bis achtzehn Uhr ist jemand da.",
    ),
    Spoken(
        "fr-fr+f2",
        55,
        165,
        "Bonjour, je vous entends très bien. Le facteur a posé une lettre devant la porte. Voulez-vous que je la garde jusqu'à demain? Il fait assez froid dehors, et le chat veut rentrer. Je ferme la fenêtre et je reviens tout de suite.",
    ),
    Spoken(
        "es+m5",
        50,
        175,
        "Buenas tardes, soy el vecino del tercer piso. Ayer por la noche se quedó abierta la puerta del garaje. ¿Podría usted mirar si falta alguna cosa? Yo vuelvo a casa a las ocho y media. Muchas gracias por la ayuda.",
    ),
    Spoken(
        "it+f5",
        60,
        170,
        "Buongiorno, sono sotto casa con due borse pesanti. Puoi aprire il cancello, per favore? Ho comprato il pane, il latte e qualche mela. Aspetto qui vicino alla fontana, non piove più.",
    ),
];

impl Voice {
    /// Exactly `frames` at `rate`, repeated as often as it takes, speech at `level` dB of full scale, RMS.
    pub(crate) fn at(&self, rate: u32, frames: usize, level: f32) -> Result<Vec<f32>> {
        let mut resampler = Resampler::new(self.rate, rate, 1)?;
        let mut samples = Vec::new();
        resampler.process(&self.samples, &mut samples);
        ensure!(!samples.is_empty(), "{} is empty", self.name);
        let loud: Vec<f32> = samples.iter().copied().filter(|s| s.abs() > 0.01).collect();
        let power = loud.iter().map(|s| f64::from(s * s)).sum::<f64>() / loud.len().max(1) as f64;
        let gain = 10f32.powf(level / 20.0) / (power.sqrt() as f32).max(1e-4);
        let endless = samples.iter().cycle().take(frames);
        Ok(endless.map(|s| (s * gain).clamp(-1.0, 1.0)).collect())
    }
}

/// What espeak-ng says, men and women, four languages besides English; kept in `folder` from one run to the next.
pub(crate) fn spoken(folder: &Path) -> Result<Vec<Voice>> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let speak = |Spoken(voice, pitch, speed, text): &Spoken| {
        let path = folder.join(format!("{voice}-{pitch}-{speed}-{}.wav", text.len()));
        if !path.is_file() {
            let status = Command::new("espeak-ng")
                .args([
                    "-v",
                    voice,
                    "-p",
                    &pitch.to_string(),
                    "-s",
                    &speed.to_string(),
                    "-w",
                ])
                .arg(&path)
                .arg(text)
                .status()
                .context("starting espeak-ng")?;
            ensure!(status.success(), "espeak-ng cannot speak as {voice}");
        }
        read(&path, (*voice).to_owned())
    };
    SPOKEN.iter().map(speak).collect()
}

/// Every WAV file of a folder is a voice; a folder in it is one voice that says all its files, one after the other.
pub(crate) fn from_folder(folder: &Path) -> Result<Vec<Voice>> {
    let mut voices = Vec::new();
    for path in sorted(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            let parts: Vec<Voice> = sorted(&path)?
                .into_iter()
                .filter(|path| is_wav(path))
                .map(|path| read(&path, name.clone()))
                .collect::<Result<_>>()?;
            if let Some(first) = parts.first() {
                let rate = first.rate;
                let mut samples = Vec::new();
                for part in &parts {
                    Resampler::new(part.rate, rate, 1)?.process(&part.samples, &mut samples);
                }
                voices.push(Voice {
                    name,
                    rate,
                    samples,
                });
            }
        } else if is_wav(&path) {
            voices.push(read(&path, name)?);
        }
    }
    if voices.len() < 2 {
        bail!(
            "{} holds {} voices: two are needed",
            folder.display(),
            voices.len()
        );
    }
    Ok(voices)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn is_wav(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("wav"))
}

fn read(path: &Path, name: String) -> Result<Voice> {
    let read = media::wav::read(path)?.to_mono();
    Ok(Voice {
        name,
        rate: read.rate,
        samples: read.data,
    })
}
