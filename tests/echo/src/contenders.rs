//! Who competes: each takes blocks of 10 ms of far end and microphone.

use crate::speex::Speex;
use anyhow::{Result, anyhow};
use clap::ValueEnum;
use media::audio::{Gain, Limiter};
use media::echo::{Canceller, EchoCanceller as _};
use rustix::time::{ClockId, clock_gettime};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// The microphone as it is.
    None,
    /// `media::echo`.
    Porthole,
    /// The same with noise lowered, gain and limiter, as talk uses it.
    Talk,
    /// WebRTC's canceller in Rust, with its defaults.
    Sonora,
    /// The same again, another port, with its defaults.
    Aec3,
    /// libspeexdsp with 400 ms of filter.
    Speex,
}

pub(crate) const ALL: [Contender; 6] = [
    Contender::None,
    Contender::Porthole,
    Contender::Talk,
    Contender::Sonora,
    Contender::Aec3,
    Contender::Speex,
];

/// What came out.
pub(crate) struct Run {
    pub(crate) out: Vec<f32>,
    /// What the filter alone left, without delay, where that can be had.
    pub(crate) linear: Option<Vec<f32>>,
    /// CPU time of this thread, milliseconds a second of sound.
    pub(crate) cpu_ms: f64,
    /// The clocks' difference as it was found.
    pub(crate) ppm: Option<f32>,
}

impl Contender {
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn run(self, rate: u32, far: &[f32], mic: &[f32]) -> Result<Run> {
        let mut engine = Engine::open(self, rate)?;
        let hop = rate as usize / 100;
        let mut run = Run {
            out: vec![0.0; mic.len()],
            linear: None,
            cpu_ms: 0.0,
            ppm: None,
        };
        let mut linear = vec![0.0; mic.len()];
        let start = thread_ms();
        for (at, (far, mic)) in far.chunks_exact(hop).zip(mic.chunks_exact(hop)).enumerate() {
            let place = at * hop..(at + 1) * hop;
            engine.process(far, mic, &mut run.out[place.clone()])?;
            if let Engine::Porthole(canceller) = &engine {
                linear[place].copy_from_slice(canceller.linear());
            }
        }
        run.cpu_ms = (thread_ms() - start) / (mic.len() as f64 / f64::from(rate));
        match engine {
            Engine::Porthole(canceller) => {
                run.ppm = Some(canceller.health().drift_ppm);
                linear.drain(..canceller.linear_delay());
                linear.resize(mic.len(), 0.0);
                run.linear = Some(linear);
            }
            Engine::Speex(_) => run.linear = Some(run.out.clone()),
            _ => {}
        }
        Ok(run)
    }
}

enum Engine {
    None,
    Porthole(Box<Canceller>),
    Talk(Box<Canceller>, Gain, Limiter),
    Sonora(Box<sonora::AudioProcessing>, Vec<f32>),
    Aec3(Box<aec3::pipelines::linear::LinearPipeline>),
    Speex(Speex),
}

impl Engine {
    fn open(contender: Contender, rate: u32) -> Result<Self> {
        let hop = rate as usize / 100;
        Ok(match contender {
            Contender::None => Self::None,
            Contender::Porthole => Self::Porthole(media::echo::canceller(rate)?),
            Contender::Talk => Self::Talk(
                media::echo::canceller(rate)?.lower_noise(),
                Gain::new(rate),
                Limiter::new(rate),
            ),
            Contender::Sonora => {
                let format = sonora::StreamConfig::new(rate, 1);
                let config = sonora::Config {
                    echo_canceller: Some(sonora::config::EchoCanceller::default()),
                    ..Default::default()
                };
                let built = sonora::AudioProcessing::builder()
                    .config(config)
                    .capture_config(format)
                    .render_config(format)
                    .build();
                Self::Sonora(Box::new(built), vec![0.0; hop])
            }
            Contender::Aec3 => {
                let format = aec3::nodes::audio::AudioFormat::ten_ms(rate, 1);
                // The canceller alone: what follows it in the crate's chain would be heard in the other figures.
                let built = aec3::pipelines::linear::builder(format, format)
                    .enable_noise_suppression(false)
                    .enable_gain_controller2(false)
                    .enable_post_filter(false)
                    .build()
                    .map_err(|error| anyhow!("aec3: {error:?}"))?;
                Self::Aec3(Box::new(built))
            }
            Contender::Speex => Self::Speex(Speex::new(hop, 40 * hop, rate)?),
        })
    }

    fn process(&mut self, far: &[f32], mic: &[f32], out: &mut [f32]) -> Result<()> {
        match self {
            Self::None => out.copy_from_slice(mic),
            Self::Porthole(canceller) => canceller.process(far, mic, out),
            Self::Talk(canceller, gain, limiter) => {
                canceller.process(far, mic, out);
                gain.process(out, canceller.near_speaks());
                limiter.process(out);
            }
            Self::Sonora(engine, unused) => {
                engine
                    .process_render_f32(&[far], &mut [unused])
                    .map_err(|error| anyhow!("sonora: {error:?}"))?;
                engine
                    .process_capture_f32(&[mic], &mut [out])
                    .map_err(|error| anyhow!("sonora: {error:?}"))?;
            }
            Self::Aec3(engine) => {
                engine
                    .handle_render_frame(far)
                    .map_err(|error| anyhow!("aec3: {error:?}"))?;
                engine
                    .process_capture_frame(mic, out)
                    .map_err(|error| anyhow!("aec3: {error:?}"))?;
            }
            Self::Speex(engine) => engine.process(far, mic, out),
        }
        Ok(())
    }
}

/// CPU time of this thread, milliseconds.
pub(crate) fn thread_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
