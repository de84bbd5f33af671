//! WAV files: a voice to talk with, and what a speaker played.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use crate::audio::{MAX_CHANNELS, MAX_RATE, Samples};
use crate::error::{Error, Result};

const READING: &str = "reading the WAV file";
const WRITING: &str = "writing the WAV file";
/// The longest file that is read, samples of all channels: ten minutes of stereo at 48 kHz.
const MOST: u32 = 2 * 48_000 * 600;

/// Reads a whole file: 8 to 32 bits, or floats.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Input`] if it is no WAV file or is longer than ten minutes.
pub fn read(path: &Path) -> Result<Samples> {
    let file = File::open(path).map_err(|source| Error::Io {
        doing: READING,
        path: path.to_owned(),
        source,
    })?;
    let wrong = |error: hound::Error| {
        let got = format!("{}: {error}", path.display());
        Error::input(READING, got, "a WAV file of 8 to 32 bits")
    };
    let mut reader = hound::WavReader::new(BufReader::new(file)).map_err(wrong)?;
    let spec = reader.spec();
    let channels = u8::try_from(spec.channels).unwrap_or(u8::MAX);
    if !(1..=MAX_RATE).contains(&spec.sample_rate)
        || !(1..=MAX_CHANNELS).contains(&channels)
        || reader.len() > MOST
    {
        let got = format!("{}: {} samples, {spec:?}", path.display(), reader.len());
        return Err(Error::input(
            READING,
            got,
            "at most ten minutes at up to 192000 Hz, 8 channels",
        ));
    }
    let data: std::result::Result<Vec<f32>, hound::Error> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let full = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            let samples = reader.samples::<i32>();
            samples
                .map(|sample| sample.map(|s| s as f32 / full))
                .collect()
        }
    };
    Ok(Samples {
        rate: spec.sample_rate,
        channels,
        data: data.map_err(wrong)?,
    })
}

/// Writes one channel of 16 bits. The file is whole after every second of sound, and when this is dropped.
pub struct Writer {
    writer: hound::WavWriter<BufWriter<File>>,
    path: PathBuf,
    rate: u32,
    unsaved: u32,
    written: u64,
}

impl Writer {
    /// Creates the file, or empties the one that is there.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn create(path: &Path, rate: u32) -> Result<Self> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let writer = hound::WavWriter::create(path, spec).map_err(|e| failed(path, e))?;
        Ok(Self {
            writer,
            path: path.to_owned(),
            rate,
            unsaved: 0,
            written: 0,
        })
    }

    /// Appends samples, −1..1.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&mut self, samples: &[f32]) -> Result<()> {
        for sample in samples {
            let value = (sample.clamp(-1.0, 1.0) * 32_767.0) as i16;
            self.writer
                .write_sample(value)
                .map_err(|e| failed(&self.path, e))?;
        }
        self.written += samples.len() as u64;
        self.unsaved += u32::try_from(samples.len()).unwrap_or(self.rate);
        if self.unsaved >= self.rate {
            self.unsaved = 0;
            self.writer.flush().map_err(|e| failed(&self.path, e))?;
        }
        Ok(())
    }

    /// Samples written.
    pub fn written(&self) -> u64 {
        self.written
    }
}

fn failed(path: &Path, error: hound::Error) -> Error {
    let source = match error {
        hound::Error::IoError(source) => source,
        other => std::io::Error::other(other),
    };
    Error::Io {
        doing: WRITING,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_also_before_the_writer_is_done() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("voice.wav");
        let mut writer = Writer::create(&path, 8_000).expect("writes");
        let ramp: Vec<f32> = (0..8_000).map(|i| i as f32 / 8_000.0 - 0.5).collect();
        writer.write(&ramp).expect("writes");
        for _ in 0..2 {
            let read = read(&path).expect("reads");
            assert_eq!((read.rate, read.channels, read.frames()), (8_000, 1, 8_000));
            assert!(
                read.data
                    .iter()
                    .zip(&ramp)
                    .all(|(a, b)| (a - b).abs() < 1e-3)
            );
        }
        writer.write(&ramp[..10]).expect("writes");
        drop(writer);
        assert_eq!(read(&path).expect("reads").frames(), 8_010);
    }

    #[test]
    fn what_is_no_wav_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("text.wav");
        std::fs::write(&path, "hello").expect("writes");
        let error = read(&path).expect_err("no WAV").to_string();
        assert!(error.contains("text.wav"), "{error}");
        assert!(matches!(
            read(&dir.path().join("none.wav")),
            Err(Error::Io { .. })
        ));
    }
}
